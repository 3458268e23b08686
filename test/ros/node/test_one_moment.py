"""What is published with a frame is of the frame's moment, whatever comes while the worker is busy."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
from harness import Peer, running_node
from rclpy.qos import QoSProfile, ReliabilityPolicy
from sensor_msgs.msg import CameraInfo, Image

RGB = np.random.default_rng(0).integers(0, 256, (48, 64, 3), dtype=np.uint8)
THERMAL = np.random.default_rng(1).integers(0, 256, (48, 64), dtype=np.uint8)
S = 1_000_000_000
RELIABLE = QoSProfile(depth=10, reliability=ReliabilityPolicy.RELIABLE)


def test_the_calibration_published_with_a_frame_is_that_of_its_stamp(
    random_weights: Path, domain: int, tmp_path: Path
) -> None:
    """A zoom camera: the focal length, in px, is the frame's second."""
    with running_node(random_weights, domain, tmp_path / "log"), Peer(["fused"]) as peer:
        peer.activate()
        for second in (10, 20, 30):
            info = CameraInfo(width=64, height=48)
            info.header.stamp.sec = second
            info.k[0] = float(second)
            peer.camera_info.publish(info)
        for count, second in enumerate((10, 20, 25, 30), start=1):
            peer.images(second * S, RGB, THERMAL)
            peer.spin_until(lambda count=count: len(peer.outputs.camera_info) == count, f"the frame of {second} s")
        published = [(info.header.stamp.sec, info.k[0]) for info in peer.outputs.camera_info]
    assert published == [(10, 10.0), (20, 20.0), (25, 20.0), (30, 30.0)]


def test_a_bag_that_loops_onto_a_far_warmer_scene_is_scaled_anew_at_once(
    random_weights: Path, domain: int, tmp_path: Path
) -> None:
    counts = np.linspace(1000, 2000, 48 * 64).reshape(48, 64).astype(np.uint16)
    pictures: list[Image] = []
    topic = "/epofusion/debug/thermal"
    with running_node(random_weights, domain, tmp_path / "log"), Peer([]) as peer:
        peer.node.create_subscription(Image, topic, pictures.append, RELIABLE)
        peer.activate()
        peer.spin_until(lambda: peer.node.count_publishers(topic) > 0, "the node's publisher")

        def publish_until(seen: Callable[[], bool], stamp_ns: int, array: np.ndarray) -> None:
            while not seen():
                peer.images(stamp_ns := stamp_ns + S // 30, RGB, array, thermal_encoding="mono16")
                peer.spin_once(0.03)

        publish_until(lambda: bool(pictures), 100 * S, counts)
        publish_until(lambda: pictures[-1].header.stamp.sec < 100, 20 * S, counts + 30_000)
    picture = np.frombuffer(pictures[-1].data, np.uint8)
    assert picture.min() < 10
    assert picture.max() > 245
