"""Checkpoint of a replay: it works in a folder of its own, from which a later run resumes.

Whenever a run is killed, that folder holds what it has done. When all is done, the files take their final places.
"""

import csv
import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

from epofusion_core.atomic_file import write_text
from epofusion_core.output_guard import remove_made
from epofusion_ros.replay.fused_bag import FUSED_BAG_FILES, written_messages
from epofusion_ros.replay.gallery import PICTURE_FILES
from epofusion_ros.replay.remote_bag import BagSource, RemoteBag, bag_name
from epofusion_ros.replay.rows import PairRow, read_rows
from epofusion_ros.replay.settings import ReplaySettings
from epofusion_ros.stream.frame_account import Fate

FUSED_BAG, PICTURES, COPIES = "fused", "pictures", "copies"
METRICS, UNMATCHED, TIMING, SUMMARY = "metrics.csv", "unmatched.csv", "timing.csv", "summary.json"
_TASK, _UNFINISHED = "task.json", "unfinished"
OUTPUTS = (FUSED_BAG, PICTURES, COPIES, METRICS, UNMATCHED, TIMING, SUMMARY, _TASK, _UNFINISHED)
"""All that a replay writes in its folder; `COPIES`, of bags from elsewhere, only while it runs."""

_FOLDERS = {FUSED_BAG: FUSED_BAG_FILES, PICTURES: (PICTURE_FILES,)}
_TABLES = (METRICS, UNMATCHED, TIMING)


@dataclass(frozen=True)
class Earlier:
    """What an interrupted run has done.

    Attributes:
        rows: of the pairs that are done, with all their messages.
        messages: how many messages of its fused bag belong to them.
        times: how many pairs of them were fused.
    """

    rows: list[PairRow] = field(default_factory=list)
    messages: int = 0
    times: int = 0


class Checkpoint:
    """The files of one bag's replay in a folder.

    Attributes:
        folder: where they come in the end.
        unfinished: where the replay works.
    """

    def __init__(self, folder: Path, bags: Sequence[BagSource], settings: ReplaySettings) -> None:
        """Say what is replayed; nothing is written yet."""
        self.folder, self.unfinished = folder, folder / _UNFINISHED
        self._task = _identity(bags, settings)

    def finished(self) -> bool:
        """Tell whether this very replay has been done to its end; if need be, its files are moved to their places."""
        only_task_left = (self.folder / SUMMARY).is_file() and not (self.folder / _TASK).is_file()
        if self._is_of_same_task(self.unfinished) and ((self.unfinished / SUMMARY).is_file() or only_task_left):
            self.finish()
        return (self.folder / SUMMARY).is_file() and self._is_of_same_task(self.folder)

    def begin(self, *, resume: bool) -> Earlier:
        """Prepare the folder to work in; with `resume`, return what an interrupted run of the same task has done.

        Raises:
            ValueError: the interrupted run had other settings or another bag.
        """
        if resume:
            left = next((each for each in (self.unfinished, self.folder) if (each / _TASK).is_file()), None)
            if left is not None and not self._is_of_same_task(left):
                raise ValueError(
                    f"--resume: {self.folder} holds a replay of another bag or with other settings; expected the same "
                    "as before, or no --resume to start anew"
                )
            if left == self.unfinished:
                return _recovered(self.unfinished)
        _remove_made(self.unfinished)
        self.unfinished.mkdir(parents=True, exist_ok=True)
        write_text(self.unfinished / _TASK, self._task)
        return Earlier()

    def finish(self) -> None:
        """Move the files to their places; what an earlier replay has left there is removed first.

        Wherever it is cut off by a kill, it can be called again.
        """
        if (self.unfinished / SUMMARY).is_file() and (self.folder / SUMMARY).is_file():
            _remove_made(self.folder)
        for name in _FOLDERS:
            for file in (self.unfinished / name).glob("*"):
                (self.folder / name).mkdir(exist_ok=True)
                file.replace(self.folder / name / file.name)
        for name in (*_TABLES, SUMMARY, _TASK):
            if (self.unfinished / name).is_file():
                (self.unfinished / name).replace(self.folder / name)
        _remove_made(self.unfinished)

    def _is_of_same_task(self, folder: Path) -> bool:
        task = folder / _TASK
        return task.is_file() and task.read_text(encoding="utf-8") == self._task


def _remove_made(folder: Path) -> None:
    """Remove what a replay has written to a folder, its task first, so that nobody resumes it, its summary last."""
    remove_made(folder, _TASK)
    for name, patterns in _FOLDERS.items():
        remove_made(folder / name, *patterns)
    remove_made(folder, *_TABLES)
    remove_made(folder, SUMMARY)


def _recovered(folder: Path) -> Earlier:
    """Return the pairs whose row and messages are both there, from the first on."""
    if not (folder / METRICS).is_file():
        return Earlier()
    there, timed = written_messages(folder / FUSED_BAG), _count_times(folder / TIMING)
    rows: list[PairRow] = []
    messages = times = 0
    for row in read_rows(folder / METRICS):
        is_fused = row.fate is Fate.FUSED
        if messages + row.bag_messages > there or times + is_fused > timed:
            break
        messages, times = messages + row.bag_messages, times + is_fused
        rows.append(row)
    return Earlier(rows, messages, times)


def _count_times(path: Path) -> int:
    """Return how many pairs have a whole line in timing.csv."""
    if not path.is_file():
        return 0
    whole_lines = path.read_text(encoding="utf-8").rpartition("\n")[0]
    return sum(len(line) == 2 for line in csv.reader(whole_lines.splitlines()[1:]))


def _identity(bags: Sequence[BagSource], settings: ReplaySettings) -> str:
    """Return what decides the output, as text: the bags' files, the settings, and the files that these name."""
    content: dict[str, Any] = {
        "bags": [bag_name(bag) for bag in bags],
        "files": [version for bag in bags for version in _versions(bag)],
        "settings": asdict(settings),
        "weights": _weights_digest(settings.parameters.model),
        "named": {str(path): _digest(path) for path in settings.files() if path.is_file()},
    }
    return json.dumps(content, indent=1) + "\n"


def _versions(bag: BagSource) -> list[list[str | int]]:
    if isinstance(bag, RemoteBag):
        return bag.versions()
    files = [file for file in (sorted(bag.rglob("*")) if bag.is_dir() else [bag]) if file.is_file()]
    return [[path.name, path.stat().st_size, path.stat().st_mtime_ns] for path in files]


def _weights_digest(model: str) -> str:
    from epofusion_core.model.card import resolve_weights

    return _digest(resolve_weights(model))


def _digest(path: Path) -> str:
    found = path.stat()
    return _digest_of_version(path, found.st_size, found.st_mtime_ns, found.st_ino)


@lru_cache
def _digest_of_version(path: Path, *_version: int) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
