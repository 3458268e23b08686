"""A replay's checkpoint: whenever a run that resumes is killed, the next one finds all that was done before."""

import shutil
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from epofusion_ros.replay.checkpoint import Checkpoint
from epofusion_ros.replay.replay_bag import BagTask, replay_bag
from epofusion_ros.replay.rows import read_rows
from epofusion_ros.replay.settings import ReplaySettings

CHANGES = ("mkdir", "rename", "replace", "rmdir", "unlink")


class Killed(BaseException):
    """Ends a run at once, as a kill does."""


@pytest.fixture(scope="module")
def replayed(drive_bag: Path, settings: ReplaySettings, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What a run has left that was killed when everything but its summary was written."""
    folder = tmp_path_factory.mktemp("replayed") / "drive"
    replay_bag(BagTask(drive_bag, folder, settings))
    (folder / "summary.json").unlink()
    return folder


def killed_at(monkeypatch: pytest.MonkeyPatch, change: int, act: Callable[[], object]) -> bool:
    """Do something and kill it before its n-th change of a folder; tell whether there were that many."""
    remaining = [change]

    def counted(method: Callable[..., object]) -> Callable[..., object]:
        def change_or_die(*arguments: object, **options: object) -> object:
            if remaining[0] == 0:
                raise Killed
            remaining[0] -= 1
            return method(*arguments, **options)

        return change_or_die

    with monkeypatch.context() as patch:
        for name in CHANGES:
            patch.setattr(Path, name, counted(getattr(Path, name)))
        try:
            act()
        except Killed:
            return True
    return False


@pytest.mark.parametrize("already_resumed", [False, True])
def test_a_kill_while_an_earlier_run_is_set_aside_loses_no_pair(
    already_resumed: bool,
    replayed: Path,
    drive_bag: Path,
    settings: ReplaySettings,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """With `already_resumed`, an older run with fewer pairs is still kept."""
    expected = read_rows(replayed / "metrics.csv")
    assert expected
    change, killed = 0, True
    while killed:
        folder = tmp_path / str(change)
        shutil.copytree(replayed, folder)
        if already_resumed:
            shutil.copytree(replayed, folder / "earlier", ignore=shutil.ignore_patterns("pictures", "*.json"))
            lines = (folder / "earlier" / "metrics.csv").read_text().splitlines(keepends=True)
            (folder / "earlier" / "metrics.csv").write_text("".join(lines[:5]))
        begin = partial(Checkpoint(folder, drive_bag, settings).begin, resume=True)
        killed = killed_at(monkeypatch, change, begin)
        assert len(Checkpoint(folder, drive_bag, settings).begin(resume=True).rows) == len(expected)
        change += 1
    assert change > 5


def test_a_kill_while_an_earlier_run_is_forgotten_loses_no_pair(
    replayed: Path, drive_bag: Path, settings: ReplaySettings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = read_rows(replayed / "metrics.csv")
    change, killed = 0, True
    while killed:
        folder = tmp_path / str(change)
        shutil.copytree(replayed, folder)
        earlier = Checkpoint(folder, drive_bag, settings).begin(resume=True)
        shutil.copytree(replayed, folder, dirs_exist_ok=True)
        killed = killed_at(monkeypatch, change, earlier.forget)
        assert len(Checkpoint(folder, drive_bag, settings).begin(resume=True).rows) == len(expected)
        change += 1
    assert change > 3


def test_a_run_that_is_begun_anew_never_takes_over_pairs_of_other_settings(
    replayed: Path, drive_bag: Path, settings: ReplaySettings, tmp_path: Path
) -> None:
    folder = tmp_path / "drive"
    shutil.copytree(replayed, folder)
    other = ReplaySettings(settings.parameters, measure_every=3)
    Checkpoint(folder, drive_bag, other).begin(resume=False)  # and killed before it wrote a row
    assert Checkpoint(folder, drive_bag, other).begin(resume=True).rows == []
