"""Slow, silent and returning cameras, and simulated time, over real DDS."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from diagnostic_msgs.msg import DiagnosticStatus
from harness import DEACTIVATE, Peer, accounts_balance, fill, running_node
from rclpy.qos import DurabilityPolicy, QoSProfile
from rosgraph_msgs.msg import Clock
from sensor_msgs.msg import Image

from epofusion_core.exposure import overexposure_map
from epofusion_core.imaging import luma

RGB = np.random.default_rng(0).integers(0, 256, (48, 64, 3), dtype=np.uint8)
THERMAL = np.random.default_rng(1).integers(0, 256, (24, 32), dtype=np.uint8)
MS = 1_000_000


def image(array: np.ndarray, encoding: str, stamp_ns: int) -> Image:
    message = fill(Image(), array, encoding)
    message.header.stamp.sec, message.header.stamp.nanosec = divmod(stamp_ns, 1_000_000_000)
    message.header.frame_id = encoding
    return message


def pixels(message: Image) -> np.ndarray:
    return np.frombuffer(message.data, np.uint8).reshape(message.height, message.width, -1)


def listen_to_status(peer: Peer) -> list[str]:
    said: list[str] = []
    latched = QoSProfile(depth=10, durability=DurabilityPolicy.TRANSIENT_LOCAL)
    peer.node.create_subscription(
        DiagnosticStatus, "/epofusion/status", lambda message: said.append(message.message), latched
    )
    return said


def publish_until(peer: Peer, publish: Callable[[int], None], condition: Callable[[], bool], what: str) -> None:
    """Publish a frame every 30 ms of the steady clock until a condition holds."""
    stamp_ns, deadline_ns = peer.now_ns(), peer.now_ns() + 60_000 * MS
    while not condition():
        assert peer.now_ns() < deadline_ns, f"waited for {what}; diagnostics: {peer.figures}"
        publish(stamp_ns)
        stamp_ns = max(stamp_ns + 30 * MS, peer.now_ns())
        peer.spin_once(0.03)


def test_a_camera_that_fails_is_passed_over_flagged_and_taken_back_when_it_returns(
    random_weights: Path, domain: int, tmp_path: Path
) -> None:
    settings = {
        "on_missing_thermal": "passthrough",
        "on_missing_rgb": "passthrough",
        "missing_after": 0.3,
        "registration.mode": "resize",
    }
    with running_node(random_weights, domain, tmp_path / "log", **settings) as _, Peer() as peer:
        said = listen_to_status(peer)
        peer.activate()
        outputs = peer.outputs

        def rgb(stamp_ns: int) -> None:
            peer.rgb.publish(image(RGB, "rgb8", stamp_ns))

        def thermal(stamp_ns: int) -> None:
            peer.thermal.publish(image(THERMAL, "mono8", stamp_ns))

        def both(stamp_ns: int) -> None:
            rgb(stamp_ns)
            thermal(stamp_ns)

        publish_until(peer, both, lambda: "fusing" in said, "the status fusing")
        publish_until(peer, rgb, lambda: "no thermal frame comes: rgb is passed through" in said, "RGB alone")
        count = len(outputs.fused)
        publish_until(peer, rgb, lambda: len(outputs.overexposure) > count + 3, "RGB images")
        assert np.array_equal(pixels(outputs.fused[-1].message), RGB)
        expected = overexposure_map(luma(RGB)) * 255
        assert np.abs(pixels(outputs.overexposure[-1].message)[..., 0] - expected).max() <= 1
        assert not pixels(outputs.guidance[-1].message).any()
        publish_until(peer, rgb, lambda: peer.sentence == "no thermal frame comes: rgb is passed through", "a warning")
        assert peer.level == 1
        publish_until(peer, both, lambda: said[-1] == "fusing", "pairs by themselves")
        publish_until(peer, thermal, lambda: said[-1] == "no rgb frame comes: thermal is passed through", "thermal")
        count = len(outputs.fused)
        publish_until(peer, thermal, lambda: len(outputs.fused) > count + 3, "thermal images")
        message = outputs.fused[-1].message
        assert (message.encoding, message.header.frame_id) == ("rgb8", "mono8")
        assert np.array_equal(pixels(message), np.repeat(THERMAL[..., None], 3, axis=2))
        publish_until(peer, both, lambda: said[-1] == "fusing", "pairs again")
        peer.spin_until(lambda: said[-1] == "active, but nothing is published", "the status without input")
        assert peer.transition(DEACTIVATE)
        peer.spin_until(lambda: said[-1] == "not active", "the status of an inactive node")
        peer.spin_until(lambda: accounts_balance(peer) and peer.figure("in_flight") == 0, "an account that balances")
        late = listen_to_status(peer)
        peer.spin_until(lambda: late == ["not active"], "the status for a listener who comes late")


def test_a_thermal_camera_of_9_hz_serves_an_rgb_camera_of_30_hz(
    random_weights: Path, domain: int, tmp_path: Path
) -> None:
    settings = {"sync.reuse_thermal": True, "sync.max_thermal_age": 0.12, "registration.mode": "resize"}
    with running_node(random_weights, domain, tmp_path / "log", **settings) as _, Peer(["fused"]) as peer:
        peer.activate()
        frames = [(index * 33 * MS, True) for index in range(31)] + [(index * 111 * MS, False) for index in range(10)]
        start_ns = peer.now_ns()
        for count, (at_ns, is_rgb) in enumerate(sorted(frames), start=1):
            array, encoding = (RGB, "rgb8") if is_rgb else (THERMAL, "mono8")
            (peer.rgb if is_rgb else peer.thermal).publish(image(array, encoding, start_ns + at_ns))
            peer.spin_until(lambda count=count: peer.now_ns() >= start_ns + count * 25 * MS, "the next frame's turn")
        peer.spin_until(lambda: peer.figure("received_rgb") == 31 and peer.figure("in_flight") == 0, "all frames")
        assert accounts_balance(peer)
        assert peer.figure("pairs") >= 30
        assert peer.figure("reused_thermal") >= 20
        assert len(peer.outputs.fused) + peer.figure("superseded") >= 30


@pytest.mark.one_release
def test_simulated_time_that_has_not_begun_drops_nothing_and_one_that_loops_is_one_reset(
    random_weights: Path, domain: int, tmp_path: Path
) -> None:
    settings = {"use_sim_time": True, "max_input_age": 1.0, "registration.mode": "resize"}
    with running_node(random_weights, domain, tmp_path / "log", **settings) as _, Peer(["fused"]) as peer:
        clock = peer.node.create_publisher(Clock, "/clock", 10)
        peer.activate()

        def tick(sec: int) -> None:
            message = Clock()
            message.clock.sec = sec
            clock.publish(message)

        peer.images(500_000 * MS, RGB, THERMAL)
        peer.spin_until(lambda: len(peer.outputs.fused) == 1, "a pair before the first /clock")
        peer.spin_until(lambda: peer.figure("fused") == 1, "it in diagnostics")
        assert np.isnan(peer.figure("latency_ms_p50")), "there is no latency before time has begun"
        peer.spin_until(lambda: peer.node.count_subscribers("/clock") > 0, "the node's subscription to /clock")

        def stale() -> bool:
            tick(600)
            peer.images(500_033 * MS, RGB, THERMAL)
            return peer.figure("stale") > 0

        peer.spin_until(stale, "an old pair to be stale once time has begun")

        def looped() -> bool:
            tick(500)
            peer.images(500_000 * MS, RGB, THERMAL)
            return peer.figure("time_resets") > 0 and len(peer.outputs.fused) > count

        count = len(peer.outputs.fused)
        peer.spin_until(looped, "the reset and a pair after it")
        reports = peer.reports
        peer.spin_until(lambda: peer.reports > reports + 1, "further diagnostics")
        assert peer.figure("time_resets") == 1
    assert "went back by" in (tmp_path / "log").read_text()


def test_parameters_change_at_run_time_where_they_can_and_are_refused_where_not(
    random_weights: Path, domain: int, tmp_path: Path
) -> None:
    with running_node(random_weights, domain, tmp_path / "log", **{"registration.mode": "resize"}), Peer() as peer:
        peer.activate()
        for name, value in (("model", "epofusion_s"), ("sync.queue_size", 3), ("qos.depth", 9)):
            assert peer.set_parameter(name, value).startswith(f"parameter {name} is built into the configured node")
        assert "low then high" in peer.set_parameter("thermal.percentiles", [90.0, 10.0])
        assert peer.set_parameter("qos.depth", 5) == "", "a value that stays is no change"
        stamp_ns = peer.now_ns()
        peer.rgb.publish(image(RGB, "rgb8", stamp_ns))
        peer.thermal.publish(image(THERMAL, "mono8", stamp_ns + 100 * MS))
        peer.spin_until(lambda: peer.figure("unmatched_rgb") == 1, "frames too far from each other")
        assert peer.set_parameter("sync.slop", 0.2) == ""
        assert peer.set_parameter("thermal.polarity", "black_hot") == ""
        peer.rgb.publish(image(RGB, "rgb8", stamp_ns + 1_000 * MS))
        peer.thermal.publish(image(THERMAL, "mono8", stamp_ns + 1_100 * MS))
        peer.rgb.publish(image(RGB, "rgb8", stamp_ns + 2_000 * MS))
        peer.spin_until(lambda: len(peer.outputs.fused) == 1, "a pair within the new slop")
    assert "Traceback" not in (tmp_path / "log").read_text()
