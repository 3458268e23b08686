"""Which topics of a bag are the RGB and the thermal images: found by encoding and name, or asked for."""

from collections.abc import Sequence
from dataclasses import dataclass

IMAGE_TYPE = "sensor_msgs/msg/Image"
COMPRESSED_TYPE = "sensor_msgs/msg/CompressedImage"
CAMERA_INFO_TYPE = "sensor_msgs/msg/CameraInfo"

_THERMAL_WORDS = ("thermal", "infra", "ir", "lwir", "flir", "boson", "lepton")
_THERMAL_ENCODINGS = frozenset({"mono16", "16UC1", "32FC1"})


@dataclass(frozen=True)
class ImageTopic:
    """A topic of images.

    Attributes:
        name: of the topic.
        encoding: of its first image; empty where that cannot be read.
        width: of its first image, pixels.
        height: of its first image, pixels.
        messages: how many it has.
    """

    name: str
    encoding: str = ""
    width: int = 0
    height: int = 0
    messages: int = 0

    def __str__(self) -> str:
        known = f" ({self.encoding}, {self.width}x{self.height}, {self.messages} images)" if self.encoding else ""
        return f"{self.name}{known}"


@dataclass(frozen=True)
class TopicPair:
    """The topics that are fused."""

    rgb: ImageTopic
    thermal: ImageTopic


def choose_topics(
    bag: str, topics: Sequence[ImageTopic], rgb_topic: str | None = None, thermal_topic: str | None = None
) -> TopicPair:
    """Return the two topics, of which those that are not named are found where only one fits.

    Args:
        bag: the bag, for the sentence.
        topics: image topics of the bag.
        rgb_topic: name of the RGB topic, if it is given.
        thermal_topic: name of the thermal topic, likewise.

    Raises:
        ValueError: a named topic is not there, or several or none fit; the sentence lists what there is.
    """
    by_name = {topic.name: topic for topic in topics}
    thermal = [thermal_topic] if thermal_topic else [t.name for t in topics if t.name != rgb_topic and _is_thermal(t)]
    rgb = [rgb_topic] if rgb_topic else [t.name for t in topics if t.name not in thermal]
    listed = ", ".join(str(topic) for topic in topics) or "none"
    for name in (rgb_topic, thermal_topic):
        if name and name not in by_name:
            raise ValueError(f"bag {bag} has no image topic {name}; expected one of {listed}")
    if len(rgb) != 1 or len(thermal) != 1 or rgb == thermal:
        raise ValueError(
            f"bag {bag} has the image topics {listed}; which are RGB and thermal? "
            "expected --rgb-topic and --thermal-topic to name them"
        )
    return TopicPair(by_name[rgb[0]], by_name[thermal[0]])


def _is_thermal(topic: ImageTopic) -> bool:
    """Tell by the encoding, or by the parts of the name, such as /camera_ir/image_raw."""
    parts = topic.name.lower().replace("_", "/").split("/")
    named = any(word == part or (len(word) > 3 and word in part) for part in parts for word in _THERMAL_WORDS)
    return named or topic.encoding in _THERMAL_ENCODINGS
