"""Replays on a Ray cluster: a worker that is killed costs nothing, and the results are those of this machine alone."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from recording import drive, results, write_bag
from waiting import wait_until

COMMAND = [sys.executable, "-m", "epofusion_ros.cli.main", "bag"]


def below(process: int) -> Iterator[int]:
    """Yield the processes that a process has started, and those that they have."""
    parents: dict[int, int] = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            parents[int(folder.name)] = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
        except OSError:  # it has ended
            continue
    waiting = [process]
    while waiting:
        parent = waiting.pop()
        children = [each for each, its_parent in parents.items() if its_parent == parent]
        waiting += children
        yield from children


def title(process: int) -> bytes:
    try:
        return (Path("/proc") / str(process) / "cmdline").read_bytes()
    except OSError:
        return b""


def test_the_bag_of_a_killed_worker_is_done_again_and_the_results_are_those_of_one_machine(
    random_weights: Path, tmp_path: Path
) -> None:
    pytest.importorskip("ray")
    bags = [str(write_bag(tmp_path / name, drive(60, (240, 320)))) for name in "ab"]
    options = ["--model", str(random_weights), "--measure-every", "10", "--jobs", "2"]
    command = [*COMMAND, *bags, *options, "--out", str(tmp_path / "ray"), "--executor", "ray"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        try:
            growing = [tmp_path / "ray" / name / "unfinished" / "metrics.csv" for name in "ab"]
            wait_until(lambda: all(map(Path.exists, growing)), "both bags to be fused", 240)
            worker = next(each for each in below(process.pid) if title(each).startswith(b"ray::_replay"))
            os.kill(worker, signal.SIGKILL)
            said, _ = process.communicate(timeout=240)
        finally:
            process.kill()
    assert process.returncode == 0, said
    subprocess.run([*COMMAND, *bags, *options, "--out", tmp_path / "local"], check=True, capture_output=True)
    assert results(tmp_path / "ray") == results(tmp_path / "local")


def test_without_ray_the_command_names_what_installs_it(tmp_path: Path) -> None:
    program = "import sys; sys.modules['ray'] = None; from epofusion_ros.cli.main import app; app()"
    command = [sys.executable, "-c", program, "bag", "bag", "--out", str(tmp_path / "out"), "--executor", "ray"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "this command needs ray, which is not installed; expected epofusion_ros[ray]" in done.stderr
