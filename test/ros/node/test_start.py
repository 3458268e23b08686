"""The node that starts itself: active unasked, never again unasked, and with an exit code where it cannot."""

import signal
import subprocess
import time
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from harness import CLEANUP, CONFIGURE, DEACTIVATE, TIMEOUT_S, Peer, running_node

RGB, THERMAL = np.zeros((48, 64, 3), np.uint8), np.zeros((48, 64), np.uint8)
HAS_EVENTS = find_spec("rclpy.experimental") is not None


def complaints(log: Path) -> list[str]:
    return [line for line in log.read_text().splitlines() if "[INFO]" not in line]


def test_autostart_activates_once_and_leaves_what_is_done_by_hand(
    random_weights: Path, domain: int, tmp_path: Path
) -> None:
    with running_node(random_weights, domain, tmp_path / "log", autostart=True), Peer([]) as peer:
        peer.spin_until(lambda: peer.state() == "active", "the node to be active")
        assert all(peer.transition(each) for each in (DEACTIVATE, CLEANUP, CONFIGURE))
        reports = peer.reports
        peer.spin_until(lambda: peer.reports >= reports + 2, "a second to pass")
        assert peer.state() == "inactive"
        assert "read-only" in peer.set_parameter("autostart", False)


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"autostart": True, "registration.mode": "homography"}, "cannot be configured: registration.mode homography"),
        (
            {"autostart": True, "qos_overrides./rgb/image_raw.subscription.reliability": "sometimes"},
            "cannot be activated: parameter qos_overrides./rgb/image_raw.subscription.reliability is 'sometimes'",
        ),
        ({"executor": "fast"}, "cannot be started: parameter executor is 'fast'; expected one of single, multi"),
        ({"sync.slop": -3.0}, "cannot be started: Invalid parameter value (-3.0)"),
    ],
    ids=["configure", "activate", "executor", "range"],
)
def test_a_node_that_cannot_start_says_why_and_ends_with_exit_code_1(
    random_weights: Path, domain: int, tmp_path: Path, settings: dict[str, object], said: str
) -> None:
    with running_node(random_weights, domain, tmp_path / "log", **settings) as process:
        assert process.wait(TIMEOUT_S) == 1
    (line,) = complaints(tmp_path / "log")
    assert said in line


def blocks_signals(process: subprocess.Popen[bytes]) -> bool:
    """Tell whether a process waits for SIGINT itself, by what Linux says of it."""
    status = Path(f"/proc/{process.pid}/status").read_text()
    (blocked,) = (int(line.split()[1], 16) for line in status.splitlines() if line.startswith("SigBlk:"))
    return bool(blocked >> (signal.SIGINT - 1) & 1)


def test_ctrl_c_long_before_the_node_is_there_ends_it_without_a_complaint(
    random_weights: Path, domain: int, tmp_path: Path
) -> None:
    with running_node(random_weights, domain, tmp_path / "log", autostart=True) as process:
        deadline_s = time.monotonic() + TIMEOUT_S
        while not blocks_signals(process):
            assert process.poll() is None
            assert time.monotonic() < deadline_s
        process.send_signal(signal.SIGINT)
        assert process.wait(TIMEOUT_S) == 0
    assert complaints(tmp_path / "log") == []


@pytest.mark.parametrize(
    "executor",
    ["multi", pytest.param("events", marks=pytest.mark.skipif(not HAS_EVENTS, reason="this release lacks it"))],
)
def test_every_executor_fuses_and_ends_quietly(
    random_weights: Path, domain: int, tmp_path: Path, executor: str
) -> None:
    log = tmp_path / "log"
    with running_node(random_weights, domain, log, executor=executor) as process, Peer(["fused"]) as peer:
        peer.activate()
        peer.images(peer.now_ns(), RGB, THERMAL)
        peer.spin_until(lambda: len(peer.outputs.fused) > 0, "a fused image")
        process.send_signal(signal.SIGINT)
        assert process.wait(TIMEOUT_S) == 0
    assert complaints(log) == []


@pytest.mark.skipif(HAS_EVENTS, reason="this release has the events executor")
def test_an_executor_that_the_release_lacks_is_refused(random_weights: Path, domain: int, tmp_path: Path) -> None:
    with running_node(random_weights, domain, tmp_path / "log", executor="events") as process:
        assert process.wait(TIMEOUT_S) == 1
    assert "which this release of rclpy lacks" in (tmp_path / "log").read_text()
