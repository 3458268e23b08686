"""The images of a rosbag (ROS 1 or 2, SQLite or MCAP), as they were recorded."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rosbags.highlevel import AnyReader, AnyReaderError
from rosbags.typesys import Stores, get_typestore
from sensor_msgs.msg import Image

from epofusion_ros.demo.images import StampedImage, Stream

if TYPE_CHECKING:
    from rosbags.interfaces import Connection

_IMAGE_TYPE = "sensor_msgs/msg/Image"
_THERMAL_WORDS = ("thermal", "infra", "ir", "lwir", "flir", "boson", "lepton")


def bag_images(bag: Path, rgb_topic: str | None = None, thermal_topic: str | None = None) -> Iterator[StampedImage]:
    """Yield the images of two topics of a bag.

    Args:
        bag: folder of a ROS 2 bag, or file of a ROS 1 bag.
        rgb_topic: topic of the RGB images; where there are two image topics, found by name.
        thermal_topic: topic of the thermal images, likewise.

    Raises:
        ValueError: the bag cannot be read, or its topics are not these; the sentence names them.
    """
    try:
        with AnyReader([bag], default_typestore=get_typestore(Stores.LATEST)) as reader:
            streams = _streams(bag, reader.connections, rgb_topic, thermal_topic)
            chosen = [connection for connection in reader.connections if connection.topic in streams]
            for connection, _, raw in reader.messages(chosen):
                recorded: Any = reader.deserialize(raw, connection.msgtype)
                stamp = recorded.header.stamp
                message = Image(height=recorded.height, width=recorded.width, encoding=recorded.encoding)
                message.step, message.is_bigendian = recorded.step, recorded.is_bigendian
                message.data.frombytes(memoryview(recorded.data))
                yield StampedImage(streams[connection.topic], stamp.sec * 1_000_000_000 + stamp.nanosec, message)
    except (AnyReaderError, OSError) as error:
        raise ValueError(f"--bag {bag} cannot be read ({error}); expected a rosbag") from error


def _streams(
    bag: Path, connections: "list[Connection]", rgb_topic: str | None, thermal_topic: str | None
) -> dict[str, Stream]:
    """Return which topic is which stream."""
    topics = sorted({connection.topic for connection in connections if connection.msgtype == _IMAGE_TYPE})
    thermal = [thermal_topic] if thermal_topic else [topic for topic in topics if _is_thermal(topic)]
    rgb = [rgb_topic] if rgb_topic else [topic for topic in topics if topic not in thermal]
    if len(rgb) != 1 or len(thermal) != 1 or not {*rgb, *thermal} <= set(topics):
        raise ValueError(
            f"--bag {bag} has the image topics {', '.join(topics) or 'none'}, of which the RGB and the thermal one are "
            "not clear; expected --rgb-topic and --thermal-topic to name them"
        )
    return {rgb[0]: "rgb", thermal[0]: "thermal"}


def _is_thermal(topic: str) -> bool:
    """Tell by the parts of a topic's name, such as /camera_ir/image_raw."""
    parts = topic.lower().replace("_", "/").split("/")
    return any(word == part or (len(word) > 3 and word in part) for part in parts for word in _THERMAL_WORDS)
