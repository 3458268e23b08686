"""Replays in several processes: one that is killed costs its own bag, and none outlives the command."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from recording import drive, write_bag
from waiting import wait_until


def workers_of(process: int) -> dict[str, int]:
    """Processes that a process has started to replay bags, by the order of their start."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            parent = (folder / "stat").read_text().rpartition(")")[2].split()[1]
            is_worker = b"spawn_main" in (folder / "cmdline").read_bytes()
        except OSError:  # it has ended
            continue
        if int(parent) == process and is_worker:
            found.append(int(folder.name))
    return dict(zip("ab", sorted(found), strict=False))


def is_running(process: int) -> bool:
    try:
        return (Path("/proc") / str(process) / "stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


@contextmanager
def two_workers(random_weights: Path, folder: Path) -> Iterator[tuple[subprocess.Popen[str], dict[str, int]]]:
    """A replay of the bags a and b, once both are being fused."""
    bags = [str(write_bag(folder / name, drive(60, (240, 320)))) for name in "ab"]
    command = [sys.executable, "-m", "epofusion_ros.cli.main", "bag", *bags, "--out", str(folder / "out")]
    command += ["--model", str(random_weights), "--jobs", "2"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        try:
            growing = [folder / "out" / name / "unfinished" / "metrics.csv" for name in "ab"]
            wait_until(lambda: all(map(Path.exists, growing)), "both bags to be fused")
            workers = workers_of(process.pid)
            assert len(workers) == 2
            yield process, workers
        finally:
            process.kill()


def test_a_killed_worker_costs_its_own_bag_only(random_weights: Path, tmp_path: Path) -> None:
    with two_workers(random_weights, tmp_path) as (process, workers):
        os.kill(workers["a"], signal.SIGKILL)
        said, _ = process.communicate(timeout=120)
    assert process.returncode == 1
    assert "a: its process was ended (SIGKILL)" in said
    assert "b: 60 RGB images" in said
    assert str(tmp_path) not in (tmp_path / "out" / "report.html").read_text()


@pytest.mark.parametrize("ending", [signal.SIGTERM, signal.SIGKILL])
def test_workers_end_with_the_command(ending: signal.Signals, random_weights: Path, tmp_path: Path) -> None:
    with two_workers(random_weights, tmp_path) as (process, workers):
        process.send_signal(ending)
        process.wait(10)
        wait_until(lambda: not any(map(is_running, workers.values())), "the workers to end", 5)
        assert process.returncode == (130 if ending is signal.SIGTERM else -signal.SIGKILL)
