"""However the node is asked to end, and however often: the frame in work is finished, the exit code is 0."""

import signal
import subprocess
import time
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from harness import TIMEOUT_S, Peer, running_node

RGB, THERMAL = np.zeros((48, 64, 3), np.uint8), np.zeros((48, 64), np.uint8)


@pytest.mark.parametrize(
    ("number", "state"),
    [(signal.SIGINT, "unconfigured"), (signal.SIGINT, "active"), (signal.SIGTERM, "active")],
    ids=["SIGINT-unconfigured", "SIGINT-active", "SIGTERM-active"],
)
def test_signals_that_come_again_and_again_end_the_node_without_a_complaint(
    random_weights: Path, domain: int, tmp_path: Path, number: signal.Signals, state: str
) -> None:
    with running_node(random_weights, domain, tmp_path / "log") as process, Peer(["fused"]) as peer:
        assert peer.state() == "unconfigured"
        if state == "active":
            peer.activate()
            peer.images(peer.now_ns(), RGB, THERMAL)
            peer.spin_until(lambda: len(peer.outputs.fused) > 0, "a frame")
            peer.images(peer.now_ns(), RGB, THERMAL)
        process.send_signal(number)
        deadline_s = time.monotonic() + TIMEOUT_S
        while process.poll() is None:  # SIGINT after either: an impatient user's
            assert time.monotonic() < deadline_s, f"the node does not end of {number.name}"
            process.send_signal(signal.SIGINT)
            with suppress(subprocess.TimeoutExpired):
                process.wait(timeout=0.0005)
    lines = (tmp_path / "log").read_text().splitlines()
    assert process.returncode == 0
    assert [line for line in lines if "[INFO]" not in line] == []
