"""The warning that nothing pairs: when it comes, and what it names as the cause."""

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from harness import Peer, fill, running_node
from sensor_msgs.msg import Image

from epofusion_ros.stream.sync_watch import InputState, SyncWatch

FINE = InputState("/camera", received=300, publishers=1, incompatible=0)


@pytest.mark.parametrize(
    ("rgb", "thermal", "offset_s", "cause"),
    [
        (FINE, replace(FINE, topic="/ir", received=0, publishers=0), None, "0 thermal frames.*; /ir has no publisher$"),
        (FINE, replace(FINE, topic="/ir", received=0, incompatible=1), None, "/ir .* best effort only, and reliable"),
        (replace(FINE, received=0), FINE, None, "/camera has a publisher, but no frame comes$"),
        (FINE, FINE, -0.35, "thermal stamps are -0.350 s from RGB .* add 0.350 to sync.thermal_offset$"),
        (FINE, FINE, 0.01, "stamps do not come within sync.slop, 0.02 s, of each other$"),
    ],
)
def test_the_likely_cause_is_named(rgb: InputState, thermal: InputState, offset_s: float | None, cause: str) -> None:
    warning = SyncWatch(0.0).check(10.0, rgb, thermal, 0, offset_s, 0.02)
    assert warning is not None
    assert re.search(cause, warning)


def test_it_comes_once_in_ten_seconds_and_only_without_pairs() -> None:
    watch = SyncWatch(0.0)
    warned = [watch.check(float(second), FINE, FINE, 0, 1.0, 0.02) is not None for second in range(1, 31)]
    assert [second for second, said in enumerate(warned, start=1) if said] == [10, 20, 30]
    assert watch.check(40.0, FINE, FINE, 5, 1.0, 0.02) is None
    assert watch.check(50.0, FINE, FINE, 5, 1.0, 0.02) is not None


def test_counts_that_begin_anew_are_no_negative_frames() -> None:
    watch = SyncWatch(0.0)
    watch.check(10.0, FINE, FINE, 9, 0.0, 0.02)
    warning = watch.check(20.0, replace(FINE, received=0), replace(FINE, received=0), 0, None, 0.02)
    assert warning is not None
    assert "0 RGB and 0 thermal" in warning


def test_the_offset_that_the_log_names_is_the_one_that_brings_the_pairs(
    random_weights: Path, domain: int, tmp_path: Path
) -> None:
    """A thermal clock that lags by 0.8 s, and a thermal camera of 9 Hz: its newest stamp is up to 0.11 s older."""
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
            for publisher, channels, every, lag_ns in ((peer.rgb, (3,), 1, 0), (peer.thermal, (), 3, 800_000_000)):
                if sent % every == 0:
                    message = fill(Image(), np.zeros((48, 64, *channels), np.uint8), "rgb8" if channels else "mono8")
                    message.header.stamp.sec, message.header.stamp.nanosec = divmod(now_ns - lag_ns, 1_000_000_000)
                    publisher.publish(message)
            sent += 1
            found = re.search(r"add (-?[0-9.]+) to sync.thermal_offset", log.read_text())
            if found and not corrected:
                assert float(found[1]) == pytest.approx(0.8, abs=0.05)
                assert peer.set_parameter("sync.thermal_offset", float(found[1])) == ""
                corrected = True
    assert corrected, "the slop of 0.05 s pairs nothing before"
