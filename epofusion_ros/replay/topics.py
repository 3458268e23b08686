"""Which topics of a bag are the RGB and the thermal images: found by encoding and name, or asked for."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from epofusion_core.text import shortened

IMAGE_TYPE = "sensor_msgs/msg/Image"
COMPRESSED_TYPE = "sensor_msgs/msg/CompressedImage"
CAMERA_INFO_TYPE = "sensor_msgs/msg/CameraInfo"

_THERMAL_WORDS = ("thermal", "infra", "ir", "lwir", "flir", "boson", "lepton")
_THERMAL_ENCODINGS = frozenset({"mono16", "16UC1", "32FC1"})
_TRANSPORTS = ("/compressed", "/compressedDepth")
_NEITHER = re.compile(r"depth|disparity|confidence|infra[12]\b|\bnir\b")
"""In names of images that are neither RGB nor thermal: distances, and what near-infrared cameras see."""

_LIKE_IMAGES = re.compile(r"image|video|packet", re.IGNORECASE)
_MOST_LISTED = 20


@dataclass(frozen=True)
class ImageTopic:
    """A topic of images.

    Attributes:
        name: of the topic.
        encoding: of its first image; empty where that cannot be read.
        width: of its first image, pixels.
        height: of its first image, pixels.
        messages: how many it has; 0 where that is not known.
    """

    name: str
    encoding: str = ""
    width: int = 0
    height: int = 0
    messages: int = 0

    def __str__(self) -> str:
        count = f", {self.messages} images" if self.messages else ""
        known = f" ({self.encoding}, {self.width}x{self.height}{count})" if self.encoding else ""
        return f"{shortened(self.name)}{known}"


@dataclass(frozen=True)
class TopicPair:
    """The topics that are fused."""

    rgb: ImageTopic
    thermal: ImageTopic


def choose_topics(
    bag: str,
    topics: Sequence[ImageTopic],
    rgb_topic: str | None = None,
    thermal_topic: str | None = None,
    others: Mapping[str, str] | None = None,
) -> TopicPair:
    """Return the two topics, of which those that are not named are found where only one fits.

    Args:
        bag: the bag, for the sentence.
        topics: image topics of the bag.
        rgb_topic: name of the RGB topic, if it is given.
        thermal_topic: name of the thermal topic, likewise.
        others: types of the bag's other topics.

    Raises:
        ValueError: a named topic is not there, or several or none fit; the sentence lists what there is.
    """
    by_name = {topic.name: topic for topic in topics}
    thermal, rgb = candidates(topics, rgb_topic, thermal_topic)
    listed = _listed(topics, others or {})
    for name in (rgb_topic, thermal_topic):
        if name and name not in by_name:
            kind = (others or {}).get(name)
            what = f"the topic {name} of {shortened(kind)}, which is no image" if kind else f"no image topic {name}"
            raise ValueError(f"bag {bag} has {what}; expected one of {listed}")
    if len(rgb) != 1 or len(thermal) != 1 or rgb == thermal:
        raise ValueError(
            f"bag {bag} has the image topics {listed}; which are RGB and thermal? "
            "expected --rgb-topic and --thermal-topic to name them"
        )
    return TopicPair(by_name[rgb[0]], by_name[thermal[0]])


def candidates(
    topics: Sequence[ImageTopic], rgb_topic: str | None = None, thermal_topic: str | None = None
) -> tuple[list[str], list[str]]:
    """Return the names of the topics that may be the thermal and the RGB one; a name that is given is the only one."""
    names = {topic.name for topic in topics}
    cameras = [topic for topic in topics if _is_camera(topic.name) and not _is_copy(topic.name, names)]
    thermal = [thermal_topic] if thermal_topic else [t.name for t in cameras if t.name != rgb_topic and _is_thermal(t)]
    rest = [topic for topic in cameras if topic.name not in thermal]
    rgb = [topic.name for topic in rest if not _is_thermal(topic)] or [topic.name for topic in rest]
    return thermal, [rgb_topic] if rgb_topic else rgb


def _listed(topics: Sequence[ImageTopic], others: Mapping[str, str]) -> str:
    """Return the image topics in words, and those that carry images in a way that cannot be read."""
    unreadable = [name for name, kind in others.items() if _LIKE_IMAGES.search(kind.partition(",")[0])]
    names = [str(topic) for topic in topics]
    names += [f"{shortened(name)} ({shortened(others[name])}), which cannot be read" for name in sorted(unreadable)]
    return ", ".join([*names[:_MOST_LISTED], *(["..."] if len(names) > _MOST_LISTED else [])]) or "none"


def _is_camera(name: str) -> bool:
    """Tell whether a topic may be of a camera of either kind."""
    for transport in _TRANSPORTS:
        name = name.removesuffix(transport)
    return not _NEITHER.search(name.lower().replace("_", "/"))


def _is_copy(name: str, names: set[str]) -> bool:
    """Tell whether a topic carries the images of another one, compressed."""
    return any(name.endswith(transport) and name.removesuffix(transport) in names for transport in _TRANSPORTS)


def _is_thermal(topic: ImageTopic) -> bool:
    """Tell by the encoding, or by the parts of the name, such as /camera_ir/image_raw."""
    parts = topic.name.lower().replace("_", "/").split("/")
    named = any(word == part or (len(word) > 3 and word in part) for part in parts for word in _THERMAL_WORDS)
    return named or topic.encoding in _THERMAL_ENCODINGS
