"""The warning that nothing pairs: when it comes, and what it names as the cause."""

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from harness import CLEANUP, DEACTIVATE, Peer, accounts_balance, fill, running_node
from sensor_msgs.msg import Image

from epofusion_ros.parameters.node_parameters import from_values
from epofusion_ros.stream.sync_watch import InputState, SyncWatch, Timing, why_unpaired

FINE = InputState("/camera", received=300, publishers=1, incompatible=0)


IMAGE, COMPRESSED = "sensor_msgs/msg/Image", "sensor_msgs/msg/CompressedImage"
TODAY_S, BOOT_S = 1_790_000_000.0, 7200.5


def stamped(topic: str, stamp_s: float, step_s: float = 0.033) -> InputState:
    return replace(FINE, topic=topic, last_two_ns=(round((stamp_s - step_s) * 1e9), round(stamp_s * 1e9)))


@pytest.mark.parametrize(
    ("rgb", "thermal", "offset_s", "cause"),
    [
        (FINE, replace(FINE, topic="/ir", received=0, publishers=0), None, "0 thermal frames.*; /ir has no publisher$"),
        (FINE, replace(FINE, topic="/ir", received=0, incompatible=1), None, "/ir .* best effort only, and reliable"),
        (replace(FINE, received=0), FINE, None, "/camera has a publisher, but no frame comes$"),
        (
            replace(FINE, received=0, types=(IMAGE, COMPRESSED)),
            FINE,
            None,
            f"/camera is published as {COMPRESSED}, and {IMAGE} is expected; rgb.transport: compressed may fit$",
        ),
        (
            FINE,
            replace(FINE, received=0, types=(COMPRESSED, IMAGE)),
            None,
            f"is published as {IMAGE}, and {COMPRESSED} is expected; thermal.transport: raw may fit$",
        ),
        (FINE, FINE, -0.35, "thermal stamps are -0.350 s from RGB .* add 0.350 to sync.thermal_offset$"),
        (FINE, FINE, 0.01, "stamps do not come within sync.slop, 0.02 s, of each other$"),
    ],
)
def test_the_likely_cause_is_named(rgb: InputState, thermal: InputState, offset_s: float | None, cause: str) -> None:
    warning = SyncWatch(0.0).check(10.0, rgb, thermal, 0, Timing(offset_s, 0.02))
    assert warning is not None
    assert re.search(cause, warning)


@pytest.mark.parametrize(
    ("rgb", "thermal", "cause"),
    [
        (
            stamped("/rgb", 0.0, 0.0),
            stamped("/ir", 0.0, 0.0),
            "every stamp of /rgb is 0 and every stamp of /ir is 0: the driver does not stamp; sync.stamps: arrival",
        ),
        (stamped("/rgb", TODAY_S), stamped("/ir", 0.0, 0.0), "; every stamp of /ir is 0: the driver does not stamp"),
        (stamped("/rgb", 12.5, 0.0), stamped("/ir", TODAY_S), "every stamp of /rgb is 12.500 s"),
        (stamped("/rgb", TODAY_S), stamped("/ir", TODAY_S + 37.1), "/ir is 37 s ahead, as TAI, .* add -37.000 to"),
        (stamped("/rgb", TODAY_S + 36.9), stamped("/ir", TODAY_S), "/rgb is 37 s ahead, as TAI, .* add 37.000 to"),
        (stamped("/rgb", TODAY_S), stamped("/ir", TODAY_S + 18.0), "/ir is 18 s ahead, as GPS time"),
        (stamped("/rgb", TODAY_S), stamped("/ir", TODAY_S - 19.0), "/rgb is 19 s ahead, as TAI"),
        (
            stamped("/rgb", TODAY_S),
            stamped("/ir", TODAY_S + 19800.1),
            "/ir is 5.5 h ahead, as local time .* add -19800.000",
        ),
        (stamped("/rgb", TODAY_S), stamped("/ir", BOOT_S), "/ir is stamped with the time since boot.* add 178999"),
        (stamped("/rgb", BOOT_S), stamped("/ir", TODAY_S), "/rgb is stamped with the time since boot.* add -178999"),
        (stamped("/rgb", BOOT_S), stamped("/ir", 9 * BOOT_S), "both are stamped with the time since boot"),
        (stamped("/rgb", TODAY_S), stamped("/ir", TODAY_S + 25.0), "sync.slop, 0.02 s; if the clocks differ, add -25"),
    ],
    ids=str,
)
def test_a_foreign_clock_is_named_and_every_hint_can_be_set(rgb: InputState, thermal: InputState, cause: str) -> None:
    assert rgb.last_two_ns is not None
    assert thermal.last_two_ns is not None
    offset_s = (thermal.last_two_ns[1] - rgb.last_two_ns[1]) / 1e9
    warning = SyncWatch(0.0).check(10.0, rgb, thermal, 0, Timing(offset_s, 0.02))
    assert warning is not None
    assert re.search(cause, warning)
    if hint := re.search(r"add (-?[0-9.]+) to sync.thermal_offset", warning):
        assert offset_s + from_values({"sync.thermal_offset": float(hint[1])}).sync.thermal_offset == pytest.approx(
            0, abs=0.11
        )
    assert bool(hint) != ("does not stamp" in warning)
    other_policy = why_unpaired(rgb, thermal, Timing(offset_s, 0.02, "approximate"))
    assert "set sync.policy: nearest and" in other_policy or "does not stamp" in other_policy


def test_it_comes_once_in_ten_seconds_and_only_without_pairs() -> None:
    watch = SyncWatch(0.0)
    warned = [watch.check(float(second), FINE, FINE, 0, Timing(1.0, 0.02)) is not None for second in range(1, 31)]
    assert [second for second, said in enumerate(warned, start=1) if said] == [10, 20, 30]
    assert watch.check(40.0, FINE, FINE, 5, Timing(1.0, 0.02)) is None
    assert watch.check(50.0, FINE, FINE, 5, Timing(1.0, 0.02)) is not None


def test_counts_that_begin_anew_are_no_negative_frames() -> None:
    watch = SyncWatch(0.0)
    watch.check(10.0, FINE, FINE, 9, Timing(0.0, 0.02))
    warning = watch.check(20.0, replace(FINE, received=0), replace(FINE, received=0), 0, Timing(None, 0.02))
    assert warning is not None
    assert "0 RGB and 0 thermal" in warning


def test_the_offset_that_the_log_names_is_the_one_that_brings_the_pairs(
    random_weights: Path, domain: int, tmp_path: Path
) -> None:
    """An RGB clock in TAI, 37 s ahead, and a thermal camera of 9 Hz: its newest stamp is up to 0.11 s older."""
    log = tmp_path / "log"
    found: re.Match[str] | None = None
    settings = {"sync.slop": 0.05}
    with running_node(random_weights, domain, log, **settings), Peer(["fused"]) as peer:
        peer.activate()
        started_ns, sent = peer.now_ns(), 0
        corrected = False
        while not peer.outputs.fused:
            now_ns = started_ns + sent * 37_000_000
            assert sent < 1000, log.read_text()
            peer.spin_until(lambda now_ns=now_ns: peer.now_ns() >= now_ns, "the next frame's turn")
            for publisher, channels, every, lag_ns in ((peer.rgb, (3,), 1, 0), (peer.thermal, (), 3, 37_000_000_000)):
                if sent % every == 0:
                    message = fill(Image(), np.zeros((48, 64, *channels), np.uint8), "rgb8" if channels else "mono8")
                    message.header.stamp.sec, message.header.stamp.nanosec = divmod(now_ns - lag_ns, 1_000_000_000)
                    publisher.publish(message)
            sent += 1
            found = re.search(r"add (-?[0-9.]+) to sync.thermal_offset", log.read_text())
            if found and not corrected:
                assert float(found[1]) == pytest.approx(37, abs=0.05)
                assert "/rgb/image_raw is 37 s ahead, as TAI" in peer.sentence
                assert peer.set_parameter("sync.thermal_offset", float(found[1])) == ""
                corrected = True
    assert corrected, "the slop of 0.05 s pairs nothing before"


def test_frames_that_no_driver_stamps_are_named_and_pair_by_arrival(
    random_weights: Path, domain: int, tmp_path: Path
) -> None:
    with running_node(random_weights, domain, tmp_path / "log"), Peer(["fused"]) as peer:
        peer.activate()

        def send_until(condition: Callable[[], bool], what: str) -> None:
            def sent() -> bool:
                peer.images(0, np.zeros((48, 64, 3), np.uint8), np.zeros((48, 64), np.uint8))
                return condition()

            peer.spin_until(sent, what)

        send_until(lambda: "every stamp of /rgb/image_raw is 0" in peer.sentence, "the cause in diagnostics")
        assert "every stamp of /thermal/image_raw is 0" in peer.sentence
        assert peer.transition(DEACTIVATE)
        assert peer.transition(CLEANUP)
        assert peer.set_parameter("sync.stamps", "arrival") == ""
        before = len(peer.outputs.fused)
        peer.activate()
        send_until(lambda: len(peer.outputs.fused) > before + 2, "fused frames")
        peer.spin_until(lambda: 0 < peer.figure("latency_ms_p50") < 10_000, "a latency since the arrival")
        assert accounts_balance(peer)
