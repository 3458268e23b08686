"""Two cameras on a steady schedule, whose shots a fault may change."""

import time
from collections.abc import Sequence
from typing import Any

from numpy.typing import NDArray
from rclpy.node import Node
from rclpy.publisher import Publisher
from rclpy.qos import qos_profile_sensor_data
from sensor_msgs.msg import Image

from epofusion_ros.messages.topics import IMAGE_OF
from epofusion_ros.soak.faults import CAMERAS, Fault, Shot


class FaultyCameras:
    """Publishes pairs of images, one shot after the other.

    Attributes:
        sent: messages published, by camera.
    """

    def __init__(self, node: Node, scenes: Sequence[dict[str, NDArray[Any]]], rate_hz: float) -> None:
        """Set up both topics.

        Args:
            node: to publish with.
            scenes: images by camera, (H, W, 3) and (H, W) uint8, sent in turn.
            rate_hz: shots a second.
        """
        self._node, self._scenes, self._period_s = node, scenes, 1 / rate_hz
        self._publishers = {camera: self._open(camera) for camera in CAMERAS}
        self._started_s, self._due = time.monotonic(), 0
        self.sent = dict.fromkeys(CAMERAS, 0)

    def are_heard(self) -> bool:
        """Tell whether both have a subscriber."""
        return all(publisher.get_subscription_count() for publisher in self._publishers.values())

    def shoot(self, fault: Fault | None) -> int:
        """Wait until the next shot is due, send it, and return its stamp, ns, before the fault.

        A shot that was due while a machine stood still is skipped, so that no burst follows.
        """
        self._due = max(self._due + 1, int((time.monotonic() - self._started_s) / self._period_s))
        scene = self._scenes[self._due % len(self._scenes)]
        self._wait(0.0)
        stamp_ns: int = self._node.get_clock().now().nanoseconds
        shot = Shot(dict(scene), dict.fromkeys(CAMERAS, stamp_ns))
        if fault is not None:
            fault(shot)
        for camera in shot.reopened:
            self._node.destroy_publisher(self._publishers[camera])
            self._publishers[camera] = self._open(camera)
        self._wait(shot.late_s)
        for camera, message in shot.messages().items():
            self._publishers[camera].publish(message)
            self.sent[camera] += 1
        return stamp_ns

    def _wait(self, late_s: float) -> None:
        time.sleep(max(0.0, self._started_s + self._due * self._period_s + late_s - time.monotonic()))

    def _open(self, camera: str) -> "Publisher[Image]":
        return self._node.create_publisher(Image, IMAGE_OF[camera], qos_profile_sensor_data)
