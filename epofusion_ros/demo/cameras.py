"""Publishes both cameras at the pace of their stamps."""

import time
from collections.abc import Sequence
from itertools import count

from rclpy.node import Node
from rclpy.qos import qos_profile_sensor_data
from rclpy.time import Time
from sensor_msgs.msg import Image

from epofusion_core.progress import Progress
from epofusion_ros.demo.images import StampedImage, Stream
from epofusion_ros.messages.topics import IMAGE_OF

_STREAMS: tuple[Stream, ...] = ("rgb", "thermal")
_NS_PER_S = 1_000_000_000


class Cameras:
    """The two cameras of the demo.

    Attributes:
        rgb_index: which of the source's RGB images was published under a stamp, in ns.
        duration_s: how long publishing has taken.
    """

    def __init__(self, node: Node) -> None:
        """Set up both topics."""
        self._clock = node.get_clock()
        self._publishers = {
            stream: node.create_publisher(Image, IMAGE_OF[stream], qos_profile_sensor_data) for stream in _STREAMS
        }
        self.rgb_index: dict[int, int] = {}
        self.duration_s = 0.0

    def are_heard(self) -> bool:
        """Tell whether both have a subscriber."""
        return all(publisher.get_subscription_count() for publisher in self._publishers.values())

    def publish(self, images: Sequence[StampedImage], report: Progress, *, repeat: bool = False) -> None:
        """Publish images, their stamps moved to now.

        Args:
            images: by stamp.
            report: called after each.
            repeat: begin again after the last, until Ctrl-C.
        """
        start_ns, start_s = self._clock.now().nanoseconds, time.monotonic()
        period_ns = images[-1].stamp_ns - images[0].stamp_ns + _interval_ns(images)
        try:
            for turn in count() if repeat else range(1):
                self._publish_once(images, turn * period_ns, start_ns, start_s, report)
        except KeyboardInterrupt:
            if not repeat:
                raise
        finally:
            # The last image has an interval of its own, too.
            self.duration_s = time.monotonic() - start_s + _interval_ns(images) / _NS_PER_S

    def _publish_once(
        self, images: Sequence[StampedImage], elapsed_ns: int, start_ns: int, start_s: float, report: Progress
    ) -> None:
        rgb_index = count()
        for done, image in enumerate(images, start=1):
            offset_ns = elapsed_ns + image.stamp_ns - images[0].stamp_ns
            time.sleep(max(0.0, start_s + offset_ns / _NS_PER_S - time.monotonic()))
            if image.stream == "rgb":
                self.rgb_index[start_ns + offset_ns] = next(rgb_index)
            image.message.header.stamp = Time(nanoseconds=start_ns + offset_ns).to_msg()
            image.message.header.frame_id = f"{image.stream}_camera"
            self._publishers[image.stream].publish(image.message)
            report(done, len(images))


def _interval_ns(images: Sequence[StampedImage]) -> int:
    """Return the mean time between RGB images; a second where there is only one."""
    rgb_ns = [image.stamp_ns for image in images if image.stream == "rgb"]
    return (rgb_ns[-1] - rgb_ns[0]) // (len(rgb_ns) - 1) if len(rgb_ns) > 1 else _NS_PER_S
