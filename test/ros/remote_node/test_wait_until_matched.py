"""A replay begins when the node hears the player, not before: its first image arrives."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from harness import TIMEOUT_S, Peer, running_node

from epofusion_ros.messages.topics import FUSION_NODE

RGB, THERMAL = np.zeros((48, 64, 3), np.uint8), np.zeros((48, 64), np.uint8)


@contextmanager
def waiting() -> Iterator[subprocess.Popen[bytes]]:
    command = [sys.executable, "-m", "epofusion_ros.remote_node.wait_until_matched", FUSION_NODE]
    with subprocess.Popen(command) as process:
        try:
            yield process
        finally:
            process.kill()


def test_the_wait_ends_once_the_first_pair_of_a_publisher_is_received(
    random_weights: Path, domain: int, tmp_path: Path
) -> None:
    with (
        running_node(random_weights, domain, tmp_path / "log", autostart=True),
        waiting() as wait,
        Peer([]) as peer,
    ):
        peer.spin_until(lambda: wait.poll() is not None, "the wait to end")
        assert wait.returncode == 0
        peer.images(peer.now_ns(), RGB, THERMAL)
        peer.spin_until(lambda: peer.figure("pairs") == 1, "the first pair")


def test_the_wait_goes_on_while_the_node_is_not_active(random_weights: Path, domain: int, tmp_path: Path) -> None:
    with running_node(random_weights, domain, tmp_path / "log"), Peer([]) as peer, waiting() as wait:
        peer.spin_until(lambda: peer.reports >= 1, "the node")
        peer.spin_until(lambda: "epofusion_replay" in peer.node.get_node_names(), "the wait to begin")
        reports = peer.reports
        peer.spin_until(lambda: peer.reports >= reports + 3, "some reports")
        assert wait.poll() is None
        peer.activate()
        assert wait.wait(TIMEOUT_S) == 0
