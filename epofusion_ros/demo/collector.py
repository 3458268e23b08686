"""Collects the pictures that the fusion node publishes, by stamp, and their ages."""

from collections.abc import Mapping
from functools import partial
from threading import Lock

import numpy as np
from numpy.typing import NDArray
from rclpy.node import Node
from rclpy.qos import QoSProfile, ReliabilityPolicy
from rclpy.time import Time
from sensor_msgs.msg import Image

from epofusion_ros.demo.recording import FusedFrame
from epofusion_ros.messages.conversion import pixels
from epofusion_ros.messages.topics import FUSED_IMAGE, GUIDANCE_MASK, OVEREXPOSURE_MASK, OVERLAY, full_name

_TOPICS = {
    "fused": full_name(FUSED_IMAGE),
    "overlay": full_name(OVERLAY),
    "overexposure_mask": full_name(OVEREXPOSURE_MASK),
    "guidance_mask": full_name(GUIDANCE_MASK),
}
_RELIABLE = QoSProfile(depth=10, reliability=ReliabilityPolicy.RELIABLE)


class Collector:
    """Collects on the thread that spins the node; may be asked from any."""

    def __init__(self, node: Node, keep: int) -> None:
        """Subscribe.

        Args:
            node: the demo's own.
            keep: how many of the newest fused frames are kept.
        """
        self._node, self._keep = node, keep
        self._lock = Lock()
        self._pictures: dict[int, dict[str, NDArray[np.uint8]]] = {}
        self._ages_ms: dict[int, float] = {}
        for name, topic in _TOPICS.items():
            node.create_subscription(Image, topic, partial(self._take, name), _RELIABLE)

    def hears_all(self) -> bool:
        """Tell whether the fusion node offers every output."""
        return all(self._node.count_publishers(topic) for topic in _TOPICS.values())

    def frames(self, rgb_index: Mapping[int, int]) -> list[FusedFrame]:
        """Return the fused frames by stamp; `rgb_index` tells which source image each stamp is of."""
        with self._lock:
            return [
                FusedFrame(stamp_ns, self._ages_ms[stamp_ns], rgb_index[stamp_ns], dict(pictures))
                for stamp_ns, pictures in sorted(self._pictures.items())
                if "fused" in pictures and stamp_ns in rgb_index
            ]

    def _take(self, name: str, message: Image) -> None:
        now_ns = self._node.get_clock().now().nanoseconds
        stamp_ns = Time.from_msg(message.header.stamp).nanoseconds
        with self._lock:
            self._pictures.setdefault(stamp_ns, {})[name] = pixels(message)
            if name == "fused":
                self._ages_ms[stamp_ns] = (now_ns - stamp_ns) / 1e6
            while len(self._pictures) > self._keep:
                del self._pictures[min(self._pictures)]
