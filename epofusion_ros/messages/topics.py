"""The node's topics: code and documents read their names here; a test compares them with those of the running node.

Names are as the node's code has them: relative ones may be remapped, "~" stands for the node's own name.
"""

from dataclasses import dataclass

FUSION_NODE = "/epofusion"
"""Full name of the node, where it is not renamed."""

RGB_IMAGE, THERMAL_IMAGE, RGB_INFO = "rgb/image_raw", "thermal/image_raw", "rgb/camera_info"
IMAGE_OF = {"rgb": RGB_IMAGE, "thermal": THERMAL_IMAGE}
"""Topics of the images, by input."""

FUSED_IMAGE, FUSED_COMPRESSED, FUSED_INFO = "~/fused/image", "~/fused/image/compressed", "~/fused/camera_info"
OVEREXPOSURE_MASK, GUIDANCE_MASK, OVERLAY = "~/overexposure_mask", "~/guidance_mask", "~/overlay"
STATUS, DIAGNOSTICS = "~/status", "/diagnostics"
SYNCED = ("~/synced/rgb", "~/synced/thermal")
"""The pair that was fused, RGB and thermal."""
DEBUG_THERMAL, DEBUG_PIPELINE = "~/debug/thermal", "~/debug/pipeline_ms"


def full_name(topic: str) -> str:
    """Return the name of a topic on a node called `FUSION_NODE`, where nothing is remapped."""
    return topic.replace("~", FUSION_NODE) if topic.startswith(("~", "/")) else f"/{topic}"


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
        full_name(RGB_IMAGE),
        _IMAGE,
        True,
        "RGB images: rgb8, bgr8, Bayer, YUV, grey; or JPEG, PNG, TIFF",
    ),
    Topic(
        full_name(THERMAL_IMAGE),
        _IMAGE,
        True,
        "thermal images: mono8, mono16, 16UC1, 32FC1, YUV and others; or PNG, TIFF",
    ),
    Topic(full_name(RGB_INFO), "sensor_msgs/CameraInfo", True, "calibration of the RGB camera, where there is one"),
    Topic(full_name(FUSED_IMAGE), _IMAGE, False, "rgb8, the fused image, under the RGB image's header"),
    Topic(full_name(FUSED_COMPRESSED), "sensor_msgs/CompressedImage", False, "the same as JPEG"),
    Topic(full_name(FUSED_INFO), "sensor_msgs/CameraInfo", False, "that of the RGB camera"),
    Topic(full_name(OVEREXPOSURE_MASK), _IMAGE, False, "mono8, 0-255: how blown out the visible image is here"),
    Topic(
        full_name(GUIDANCE_MASK),
        _IMAGE,
        False,
        "mono8, 0-255: probability that a person or vehicle is hidden here by glare",
    ),
    Topic(full_name(OVERLAY), _IMAGE, False, "rgb8, both drawn on the fused image"),
    Topic(full_name(SYNCED[0]), _IMAGE, False, "rgb8, the RGB image that was fused, under its own header"),
    Topic(full_name(SYNCED[1]), _IMAGE, False, "mono8, the thermal image on its pixels, under the same header"),
    Topic(
        full_name(STATUS),
        "diagnostic_msgs/DiagnosticStatus",
        False,
        "latched: fusing, waiting, or passing one camera through",
    ),
    Topic(
        full_name(DIAGNOSTICS),
        "diagnostic_msgs/DiagnosticArray",
        False,
        "1 Hz: rates, latency, the fate of every image",
    ),
    Topic(full_name(DEBUG_THERMAL), _IMAGE, False, "mono8, the thermal image as the model sees it"),
    Topic(full_name(DEBUG_PIPELINE), "std_msgs/Float32MultiArray", False, "milliseconds of each stage, labelled"),
)


def markdown_table() -> str:
    """Return the table of all topics, in Markdown."""
    lines = ["| topic | | type | what |", "|---|---|---|---|"]
    for topic in TOPICS:
        lines.append(f"| `{topic.name}` | {'in' if topic.is_input else 'out'} | `{topic.kind}` | {topic.what} |")
    return "\n".join(lines) + "\n"
