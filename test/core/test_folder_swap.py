"""The swap of checkpoints: killed at any moment, the newest whole folder is found again and the next swap succeeds."""

import random
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from epofusion_core.folder_swap import SWAP_SUFFIXES, finish_swap, swap_in, unfinished_folder

KILLS = 50
PARTS = ("model", "optimiser", "random")

SWAPPING = """
import os, signal, sys
from pathlib import Path
from epofusion_core.folder_swap import finish_swap, swap_in, unfinished_folder

folder, number, left = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])

def kill_before_a_change_of_files(event, _):
    global left
    if event.startswith(("open", "os.", "shutil.")):
        left -= 1
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)

sys.addaudithook(kill_before_a_change_of_files)
while True:
    number += 1
    finish_swap(folder)
    unfinished_folder(folder).mkdir()
    for part in sys.argv[4:]:
        (unfinished_folder(folder) / part).write_text(str(number))
    swap_in(folder)
    os.write(1, f"{number}\\n".encode())
"""
"""Saves checkpoints until it kills itself before the given change of the file system."""


def number_in(folder: Path) -> int:
    """Return the number that all parts of a whole checkpoint hold."""
    (number,) = {(folder / part).read_text() for part in PARTS}
    return int(number)


def write(folder: Path, number: int, *, parts: int = len(PARTS)) -> None:
    folder.mkdir(parents=True)
    for part in PARTS[:parts]:
        (folder / part).write_text(str(number))


def test_fifty_kills_at_random_moments_lose_no_finished_checkpoint(tmp_path: Path) -> None:
    folder = tmp_path / "checkpoint"
    number, moments = 0, random.Random(0)
    left_between = set()
    for _ in range(KILLS):
        command = [sys.executable, "-c", SWAPPING, str(folder), str(number), str(moments.randint(1, 60)), *PARTS]
        killed = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
        assert killed.returncode == -signal.SIGKILL
        finished = [number, *map(int, killed.stdout.split())]
        left_between |= {suffix for suffix in SWAP_SUFFIXES if folder.with_name(f"checkpoint{suffix}").exists()}
        finish_swap(folder)
        if folder.exists():
            number = number_in(folder)
        assert number in (finished[-1], finished[-1] + 1)
        assert {path.name for path in tmp_path.iterdir()} <= {"checkpoint"}
    assert number > KILLS
    assert left_between == set(SWAP_SUFFIXES), "expected kills in every step of a swap"


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        ({".new": 2}, None),
        ({"": 1, ".new": 2}, 1),
        ({"": 1, ".whole": 2}, 2),
        ({".whole": 2, ".old": 1}, 2),
        ({"": 2, ".old": 1}, 2),
        ({"": 2, ".old": 1, ".whole": 3}, 3),
        ({".old": 1}, 1),
        ({".old": 1, ".new": 2}, 2),
    ],
)
def test_every_state_that_a_kill_can_leave_has_one_outcome(
    state: dict[str, int], expected: int | None, tmp_path: Path
) -> None:
    """The last state is one that only older versions leave: theirs was renamed to .old once .new was whole."""
    folder = tmp_path / "checkpoint"
    for suffix, number in state.items():
        write(folder.with_name(f"checkpoint{suffix}"), number)
    finish_swap(folder)
    assert (number_in(folder) if folder.exists() else None) == expected
    assert {path.name for path in tmp_path.iterdir()} <= {"checkpoint"}
    write(unfinished_folder(folder), 9)
    swap_in(folder)
    assert number_in(folder) == 9


def test_a_kill_while_the_old_one_is_removed_leaves_no_trouble(tmp_path: Path) -> None:
    folder = tmp_path / "checkpoint"
    write(folder, 2)
    write(folder.with_name("checkpoint.old"), 1, parts=1)
    write(unfinished_folder(folder), 3, parts=2)
    finish_swap(folder)
    assert number_in(folder) == 2
    shutil.rmtree(folder)
    finish_swap(folder)
    assert not any(tmp_path.iterdir())
