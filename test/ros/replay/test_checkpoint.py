"""A replay's checkpoint: whenever a run is killed, the next one finds all that was done before."""

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


def contents(folder: Path) -> dict[str, bytes]:
    return {str(file.relative_to(folder)): file.read_bytes() for file in folder.rglob("*") if file.is_file()}


@pytest.fixture
def whole(drive_bag: Path, settings: ReplaySettings, tmp_path: Path) -> Path:
    """What a run leaves that was killed before it moved its files to their places."""
    folder = tmp_path / "whole" / "unfinished"
    Checkpoint(folder.parent, [drive_bag], settings).begin(resume=False)
    for name in ("fused/fused.mcap", "fused/metadata.yaml", "pictures/1_fused.jpg", "pictures/1_mask.jpg"):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(name)
    for name in ("metrics.csv", "timing.csv", "unmatched.csv", "summary.json"):
        (folder / name).write_text(name)
    return folder.parent


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


@pytest.mark.parametrize("again", [False, True])
def test_a_kill_while_the_files_take_their_places_is_made_up_for(
    again: bool,
    whole: Path,
    drive_bag: Path,
    settings: ReplaySettings,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The second time, the files of an earlier replay, with other settings, are in these places."""
    expected = contents(whole / "unfinished")
    change, killed = 0, True
    while killed:
        folder = tmp_path / str(change)
        shutil.copytree(whole, folder)
        if again:
            shutil.copytree(whole / "unfinished", folder, dirs_exist_ok=True)
            (folder / "task.json").write_text("another")
            (folder / "pictures" / "2_fused.jpg").write_text("of before")
        checkpoint = Checkpoint(folder, [drive_bag], settings)
        killed = killed_at(monkeypatch, change, checkpoint.finish)
        assert Checkpoint(folder, [drive_bag], settings).finished()
        assert contents(folder) == expected
        change += 1
    assert change > 10


def test_a_kill_while_a_replay_is_begun_anew_leaves_nothing_of_the_one_before(
    whole: Path, drive_bag: Path, settings: ReplaySettings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    change, killed = 0, True
    while killed:
        folder = tmp_path / str(change)
        shutil.copytree(whole, folder)
        checkpoint = Checkpoint(folder, [drive_bag], settings)
        killed = killed_at(monkeypatch, change, partial(checkpoint.begin, resume=False))
        if change:
            again = Checkpoint(folder, [drive_bag], settings)
            assert not again.finished()
            assert again.begin(resume=True).rows == []
        change += 1
    assert change > 5


def test_a_run_that_resumes_takes_over_what_is_whole(
    drive_bag: Path, settings: ReplaySettings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "drive"
    with monkeypatch.context() as patch:
        patch.setattr(Checkpoint, "finish", lambda self: None)
        replay_bag(BagTask(drive_bag, folder, settings))
    (folder / "unfinished" / "summary.json").unlink()
    rows = read_rows(folder / "unfinished" / "metrics.csv")
    checkpoint = Checkpoint(folder, [drive_bag], settings)
    assert checkpoint.begin(resume=True).rows == rows
    storage = folder / "unfinished" / "fused" / "fused.mcap"
    storage.write_bytes(storage.read_bytes()[:-1000])
    assert checkpoint.begin(resume=True).rows == rows, "only the end of the file is cut off, and no message"
    storage.write_bytes(storage.read_bytes()[:100])
    assert checkpoint.begin(resume=True).rows == []


def test_a_run_that_is_begun_anew_never_takes_over_pairs_of_other_settings(
    whole: Path, drive_bag: Path, settings: ReplaySettings
) -> None:
    other = ReplaySettings(settings.parameters, measure_every=3)
    Checkpoint(whole, [drive_bag], other).begin(resume=False)  # and killed before it wrote a row
    assert Checkpoint(whole, [drive_bag], other).begin(resume=True).rows == []
