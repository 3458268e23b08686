"""Replays in several processes: one that is killed is replaced, and none outlives the command."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from recording import drive, results, write_bag
from typer.testing import CliRunner
from waiting import wait_until

from epofusion_ros.cli.main import app
from epofusion_ros.replay.bag_list import bags_named
from epofusion_ros.replay.rows import read_rows


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


def test_the_bag_of_a_killed_worker_is_done_again_and_the_results_are_the_same(
    random_weights: Path, tmp_path: Path
) -> None:
    with two_workers(random_weights, tmp_path) as (process, workers):
        os.kill(workers["a"], signal.SIGKILL)
        said, _ = process.communicate(timeout=120)
    assert process.returncode == 0, said
    assert "a: its process was ended (SIGKILL); it is begun anew" in said
    command = [str(tmp_path / "a"), str(tmp_path / "b"), "--out", str(tmp_path / "one"), "--model", str(random_weights)]
    assert CliRunner().invoke(app, ["bag", *command]).exit_code == 0
    assert results(tmp_path / "out") == results(tmp_path / "one")


def test_a_bag_whose_process_is_lost_each_time_is_given_up_and_can_be_given_back(
    random_weights: Path, tmp_path: Path
) -> None:
    with two_workers(random_weights, tmp_path) as (process, workers):

        def is_over() -> bool:
            for worker in set(workers_of(process.pid).values()) - {workers["b"]}:
                os.kill(worker, signal.SIGKILL)
            return process.poll() is not None

        wait_until(is_over, "the bag to be given up", 120)
        said, _ = process.communicate()
    assert process.returncode == 1
    assert "a: its process was ended 3 times (SIGKILL)" in said
    assert "b: 60 RGB images" in said
    assert str(tmp_path) not in (tmp_path / "out" / "report.html").read_text()
    failed = tmp_path / "out" / "failed.txt"
    assert bags_named([str(failed)]) == [tmp_path / "a"]
    command = ["bag", str(failed), "--out", str(tmp_path / "again"), "--model", str(random_weights)]
    done = CliRunner().invoke(app, command)
    assert done.exit_code == 0, done.output
    assert not (tmp_path / "again" / "failed.txt").exists()
    assert len(read_rows(tmp_path / "again" / "a" / "metrics.csv")) == len(read_rows(tmp_path / "out/b/metrics.csv"))


@pytest.mark.parametrize("ending", [signal.SIGTERM, signal.SIGKILL])
def test_workers_end_with_the_command(ending: signal.Signals, random_weights: Path, tmp_path: Path) -> None:
    with two_workers(random_weights, tmp_path) as (process, workers):
        process.send_signal(ending)
        process.wait(10)
        wait_until(lambda: not any(map(is_running, workers.values())), "the workers to end", 5)
        assert process.returncode == (130 if ending is signal.SIGTERM else -signal.SIGKILL)
