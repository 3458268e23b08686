"""What listeners get, and how the node listens: by ROS's own parameters where they are given."""

from pathlib import Path

import numpy as np
from harness import ACTIVATE, CLEANUP, CONFIGURE, DEACTIVATE, Peer, Received, running_node
from rclpy.qos import QoSProfile, ReliabilityPolicy
from sensor_msgs.msg import CameraInfo, Image

from epofusion_ros.messages import topics
from epofusion_ros.messages.topics import full_name

RGB = np.random.default_rng(0).integers(0, 256, (48, 64, 3), dtype=np.uint8)
THERMAL = np.random.default_rng(1).integers(0, 256, (24, 32), dtype=np.uint8)


def test_who_listens_to_the_camera_info_alone_gets_it_and_nothing_is_fused(
    random_weights: Path, domain: int, tmp_path: Path
) -> None:
    with running_node(random_weights, domain, tmp_path / "log") as _, Peer([]) as peer:
        peer.activate()
        info = CameraInfo(width=64, height=48)
        stamp_ns = peer.now_ns()
        info.header.stamp.sec, info.header.stamp.nanosec = divmod(stamp_ns, 1_000_000_000)
        peer.camera_info.publish(info)
        peer.images(stamp_ns, RGB, THERMAL)
        peer.spin_until(lambda: len(peer.outputs.camera_info) > 0, "the camera info")
        assert (peer.outputs.camera_info[0].width, peer.outputs.camera_info[0].header.frame_id) == (64, "rgb8_frame")
        peer.spin_until(lambda: peer.figure("unwatched") == 1, "diagnostics")
        assert peer.figure("fused") == 0


def test_the_pair_that_was_fused_is_republished_on_the_pixels_and_under_the_header_of_the_rgb_image(
    random_weights: Path, domain: int, tmp_path: Path
) -> None:
    settings = {"registration.mode": "resize", "sync.slop": 0.05}
    with running_node(random_weights, domain, tmp_path / "log", **settings) as _, Peer([]) as peer:
        got: dict[str, list[Image]] = {topic: [] for topic in topics.SYNCED}
        for topic, kept in got.items():
            peer.node.create_subscription(Image, full_name(topic), kept.append, 10)
        peer.activate()
        for topic in topics.SYNCED:
            peer.spin_until(lambda topic=topic: peer.node.count_publishers(full_name(topic)) > 0, topic)
        stamp_ns = peer.now_ns()
        peer.images(stamp_ns, RGB, THERMAL)
        peer.spin_until(lambda: all(got.values()), "the pair")
        rgb, thermal = (kept[0] for kept in got.values())
        assert rgb.header == thermal.header
        assert (Received(rgb, 0).stamp_ns, rgb.header.frame_id) == (stamp_ns, "rgb8_frame")
        assert (rgb.encoding, thermal.encoding, thermal.width, thermal.height) == ("rgb8", "mono8", 64, 48)
        assert bytes(rgb.data) == RGB.tobytes()


def test_qos_overrides_hold_for_their_topic_across_reconfiguration(
    random_weights: Path, domain: int, tmp_path: Path
) -> None:
    name = "qos_overrides./rgb/image_raw.subscription.reliability"
    with running_node(random_weights, domain, tmp_path / "log", **{name: "reliable"}) as _, Peer([]) as peer:
        best_effort = QoSProfile(depth=1, reliability=ReliabilityPolicy.BEST_EFFORT)
        peer.node.create_publisher(Image, topics.RGB_IMAGE, best_effort)  # which auto would follow
        peer.activate()
        assert peer.reliability_asked_for("/rgb/image_raw") == ReliabilityPolicy.RELIABLE
        assert peer.reliability_asked_for("/thermal/image_raw") == ReliabilityPolicy.BEST_EFFORT
        assert all(peer.transition(each) for each in (DEACTIVATE, CLEANUP, CONFIGURE, ACTIVATE))
        peer.spin_until(lambda: len(peer.subscriptions_to("/rgb/image_raw")) == 1, "a subscription")
        assert peer.reliability_asked_for("/rgb/image_raw") == ReliabilityPolicy.RELIABLE
