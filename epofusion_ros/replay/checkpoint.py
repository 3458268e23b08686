"""Checkpoint of a replay: the files that it writes while it works, and how a later run resumes from them."""

import csv
import hashlib
import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

from epofusion_core.atomic_file import write_text
from epofusion_core.output_guard import remove_made
from epofusion_ros.replay.bag import RawMessage
from epofusion_ros.replay.fused_bag import FUSED_BAG_FILES, written_messages
from epofusion_ros.replay.gallery import PICTURE_FILES
from epofusion_ros.replay.rows import PairRow, read_rows
from epofusion_ros.replay.settings import ReplaySettings
from epofusion_ros.stream.frame_account import Fate

FUSED_BAG, PICTURES = "fused", "pictures"
METRICS, UNMATCHED, TIMING, SUMMARY = "metrics.csv", "unmatched.csv", "timing.csv", "summary.json"
_TASK, _EARLIER, _SETTING_ASIDE, _FORGOTTEN = "task.json", "earlier", "earlier.new", "earlier.old"
OUTPUTS = (
    *(FUSED_BAG, PICTURES, METRICS, UNMATCHED, TIMING, SUMMARY),
    *(_TASK, _EARLIER, _SETTING_ASIDE, _FORGOTTEN),
)
"""All that a replay writes in its folder."""


@dataclass(frozen=True)
class Earlier:
    """What an interrupted run has done.

    Attributes:
        rows: of the pairs that are done, with all their messages.
        messages: how many messages of its fused bag belong to them.
        times_ms: inference time of each fused pair, as text.
        folder: where it lies.
    """

    rows: list[PairRow] = field(default_factory=list)
    messages: int = 0
    times_ms: list[str] = field(default_factory=list)
    folder: Path | None = None

    def written(self) -> Iterator[RawMessage]:
        """Yield the messages that belong to the rows."""
        if self.folder is not None and self.messages:
            yield from islice(written_messages(self.folder / FUSED_BAG), self.messages)

    def forget(self) -> None:
        """Remove it, once the run that has taken it over is complete."""
        if self.folder is not None:
            forgotten = self.folder.with_name(_FORGOTTEN)
            self.folder.rename(forgotten)  # in one step: what is removed halfway is never resumed from
            _remove(forgotten)


class Checkpoint:
    """The files of one bag's replay in a folder."""

    def __init__(self, folder: Path, bag: Path, settings: ReplaySettings) -> None:
        """Say what is replayed; nothing is written yet."""
        self.folder = folder
        self._task = _identity(bag, settings)

    def finished(self) -> bool:
        """Tell whether this very replay has been done to its end."""
        return (self.folder / SUMMARY).is_file() and self._has_same_task()

    def begin(self, *, resume: bool) -> Earlier:
        """Prepare the folder; with `resume`, return what an interrupted run of the same task has done.

        Raises:
            ValueError: the interrupted run had other settings or another bag.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        kept = self.folder / _EARLIER
        (self.folder / SUMMARY).unlink(missing_ok=True)
        if resume and (self.folder / _TASK).is_file():
            if not self._has_same_task():
                raise ValueError(
                    f"--resume: {self.folder} holds a replay of another bag or with other settings; expected the same "
                    "as before, or no --resume to start anew"
                )
            _remove(self.folder / _FORGOTTEN)
            self._set_aside(kept)
        else:
            for folder in (kept, self.folder / _SETTING_ASIDE, self.folder / _FORGOTTEN, self.folder):
                _remove(folder)
            remove_made(self.folder / PICTURES, PICTURE_FILES)
            self.folder.mkdir(parents=True, exist_ok=True)
        write_text(self.folder / _TASK, self._task)
        return _recovered(kept) if kept.is_dir() else Earlier()

    def _has_same_task(self) -> bool:
        task = self.folder / _TASK
        return task.is_file() and task.read_text(encoding="utf-8") == self._task

    def _set_aside(self, kept: Path) -> None:
        """Move what the last run has done to `kept`, unless more is kept there; a kill on the way loses nothing."""
        moving, forgotten = self.folder / _SETTING_ASIDE, self.folder / _FORGOTTEN
        if not moving.is_dir():
            if kept.is_dir() and len(_recovered(self.folder).rows) <= len(_recovered(kept).rows):
                return
            moving.mkdir()
        for name in (METRICS, TIMING, FUSED_BAG):
            if (self.folder / name).exists():
                (self.folder / name).rename(moving / name)
        if kept.is_dir():
            kept.rename(forgotten)
        moving.rename(kept)
        _remove(forgotten)


def _remove(folder: Path) -> None:
    """Remove what a run has written to a folder as it worked."""
    remove_made(folder / FUSED_BAG, *FUSED_BAG_FILES)
    remove_made(folder, METRICS, TIMING)


def _recovered(folder: Path) -> Earlier:
    """Return the pairs whose row and messages are both there, from the first on."""
    if not ((folder / METRICS).is_file() and (folder / FUSED_BAG).is_dir()):
        return Earlier(folder=folder)
    try:
        there = sum(1 for _ in written_messages(folder / FUSED_BAG))
    except ValueError:  # interrupted before the first chunk was written
        there = 0
    rows: list[PairRow] = []
    messages = 0
    for row in read_rows(folder / METRICS):
        if messages + row.bag_messages > there:
            break
        messages += row.bag_messages
        rows.append(row)
    fused = sum(row.fate is Fate.FUSED for row in rows)
    return Earlier(rows, messages, read_times(folder / TIMING)[:fused], folder)


def read_times(path: Path) -> list[str]:
    """Return the inference times of timing.csv, as text."""
    if not path.is_file():
        return []
    whole_lines = path.read_text(encoding="utf-8").rpartition("\n")[0]
    return [line[1] for line in csv.reader(whole_lines.splitlines()[1:]) if len(line) == 2]


def _identity(bag: Path, settings: ReplaySettings) -> str:
    """Return what decides the output, as text: the bag's files, the settings, and the weights."""
    files = sorted(path for path in bag.rglob("*") if path.is_file()) if bag.is_dir() else [bag]
    content: dict[str, Any] = {
        "bag": str(bag),
        "files": [[path.name, path.stat().st_size, path.stat().st_mtime_ns] for path in files if path.is_file()],
        "settings": asdict(settings),
        "weights": _weights_digest(settings.parameters.model),
    }
    return json.dumps(content, indent=1) + "\n"


def _weights_digest(model: str) -> str:
    from epofusion_core.model.card import resolve_weights

    return hashlib.sha256(resolve_weights(model).read_bytes()).hexdigest()
