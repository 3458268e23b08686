"""The node's topics, for documents; a test compares them with those of the running node."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Topic:
    """One topic.

    Attributes:
        name: as a node called `epofusion` without a namespace has it.
        kind: message type.
        is_input: the node subscribes to it.
        what: what it carries.
    """

    name: str
    kind: str
    is_input: bool
    what: str


_IMAGE = "sensor_msgs/Image"
TOPICS = (
    Topic(
        "/rgb/image_raw",
        _IMAGE,
        True,
        "RGB images: rgb8, bgr8, Bayer, YUV, grey; or JPEG, PNG",
    ),
    Topic(
        "/thermal/image_raw",
        _IMAGE,
        True,
        "thermal images: mono8, mono16, 16UC1, 32FC1; or PNG",
    ),
    Topic("/rgb/camera_info", "sensor_msgs/CameraInfo", True, "calibration of the RGB camera, where there is one"),
    Topic("/epofusion/fused/image", _IMAGE, False, "rgb8, the fused image, under the RGB image's header"),
    Topic("/epofusion/fused/image/compressed", "sensor_msgs/CompressedImage", False, "the same as JPEG"),
    Topic("/epofusion/fused/camera_info", "sensor_msgs/CameraInfo", False, "that of the RGB camera"),
    Topic("/epofusion/overexposure_mask", _IMAGE, False, "mono8, 0-255: how blown out the visible image is here"),
    Topic(
        "/epofusion/guidance_mask",
        _IMAGE,
        False,
        "mono8, 0-255: probability that a person or vehicle is hidden here by glare",
    ),
    Topic("/epofusion/overlay", _IMAGE, False, "rgb8, both drawn on the fused image"),
    Topic(
        "/epofusion/status",
        "diagnostic_msgs/DiagnosticStatus",
        False,
        "latched: fusing, waiting, or passing one camera through",
    ),
    Topic("/diagnostics", "diagnostic_msgs/DiagnosticArray", False, "1 Hz: rates, latency, the fate of every image"),
    Topic("/epofusion/debug/thermal", _IMAGE, False, "mono8, the thermal image as the model sees it"),
    Topic("/epofusion/debug/pipeline_ms", "std_msgs/Float32MultiArray", False, "milliseconds of each stage, labelled"),
)


def markdown_table() -> str:
    """Return the table of all topics, in Markdown."""
    lines = ["| topic | | type | what |", "|---|---|---|---|"]
    for topic in TOPICS:
        lines.append(f"| `{topic.name}` | {'in' if topic.is_input else 'out'} | `{topic.kind}` | {topic.what} |")
    return "\n".join(lines) + "\n"
