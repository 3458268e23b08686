"""The images of a rosbag (ROS 1 or 2, SQLite or MCAP), as they were recorded."""

from collections.abc import Iterator
from pathlib import Path

from sensor_msgs.msg import Image

from epofusion_ros.demo.images import StampedImage, Stream
from epofusion_ros.replay.bag import Bag
from epofusion_ros.replay.topics import choose_topics


def bag_images(bag: Path, rgb_topic: str | None = None, thermal_topic: str | None = None) -> Iterator[StampedImage]:
    """Yield the images of two topics of a bag.

    Args:
        bag: folder of a ROS 2 bag, or file of a ROS 1 bag.
        rgb_topic: topic of the RGB images; found where only one fits.
        thermal_topic: topic of the thermal images, likewise.

    Raises:
        ValueError: the bag cannot be read, or its topics are not these; the sentence names them.
    """
    with Bag(bag) as opened:
        topics = choose_topics(str(bag), opened.image_topics(), rgb_topic, thermal_topic)
        streams: dict[str, Stream] = {topics.rgb.name: "rgb", topics.thermal.name: "thermal"}
        for found in opened.messages(streams):
            recorded = found.message
            message = Image(height=recorded.height, width=recorded.width, encoding=recorded.encoding)
            message.step, message.is_bigendian = recorded.step, recorded.is_bigendian
            message.data.frombytes(memoryview(recorded.data))
            yield StampedImage(streams[found.topic], found.stamp_ns, message)
