"""metrics.csv: one row a pair, written as it comes, so that an interrupted replay can go on from it; unmatched.csv."""

import csv
import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any, TextIO

from epofusion_core.atomic_file import replacing
from epofusion_core.evaluation.baselines import RULES
from epofusion_core.thermal import ThermalState
from epofusion_ros.stream.frame_account import Fate

METRICS = ("en", "mi", "vif", "qabf", "ssim", "q_oe", "c_oe", "n_oe", "phantom", "phantom_worst", "dy")
"""Measures of each pair, keys of `epofusion_core.evaluation.columns.COLUMNS`."""

FUSED = "fused"
METHODS = (FUSED, *RULES)
"""What is measured: the fused image of every pair, and plain rules on some."""

_INTEGERS = (
    "stamp_ns",
    "delta_ns",
    "rgb_bag_ns",
    "thermal_bag_ns",
    "decided_ns",
    "started_ns",
    "published_ns",
    "bag_messages",
)
_FLOATS = ("thermal_min", "thermal_max", "overexposed_fraction")
_FIGURES = [(method, key) for method in METHODS for key in METRICS]
_TEXTS = ("thermal_type", "problem")
_HEADER = ["fate", *_INTEGERS, *_FLOATS, *(f"{method}_{key}" for method, key in _FIGURES), *_TEXTS]


@dataclass(frozen=True)
class PairRow:
    """What became of one pair.

    Attributes:
        fate: of the pair.
        stamp_ns: stamp of the RGB image.
        delta_ns: thermal stamp, offset applied, minus RGB stamp.
        rgb_bag_ns: when the RGB image was recorded.
        thermal_bag_ns: when the thermal image was recorded.
        decided_ns: when the message was recorded that decided the pair.
        started_ns: when its fusion began.
        published_ns: when the fused image was there; all three on the bag's time.
        bag_messages: how many messages the fused bag has of it.
        thermal_min: sensor value that is black from here on; NaN where the camera scales its images.
        thermal_max: sensor value that is white from here on, likewise.
        overexposed_fraction: share of the visible image that is blown out, in [0, 1]; NaN where nothing was fused.
        figures: measures by method and key; missing where not measured or not applicable.
        thermal_type: type of these values, such as uint16; empty without them.
        problem: why it was not fused, in a sentence; empty where it was.
    """

    fate: Fate
    stamp_ns: int
    delta_ns: int
    rgb_bag_ns: int
    thermal_bag_ns: int
    decided_ns: int
    started_ns: int
    published_ns: int
    bag_messages: int = 0
    thermal_min: float = math.nan
    thermal_max: float = math.nan
    overexposed_fraction: float = math.nan
    figures: dict[str, dict[str, float]] = field(default_factory=dict)
    thermal_type: str = ""
    problem: str = ""

    @property
    def thermal_state(self) -> ThermalState | None:
        """What the scaling of thermal images goes on from after this pair."""
        return (self.thermal_type, self.thermal_min, self.thermal_max) if self.thermal_type else None


class RowWriter:
    """Writes rows, each at once."""

    def __init__(self, path: Path, keep: int = 0) -> None:
        """Replace the file, or go on behind the first rows of one; `keep` says how many."""
        self._file = reopened(path, keep)
        self._writer = csv.writer(self._file)
        if not self._file.tell():
            self._writer.writerow(_HEADER)

    def __enter__(self) -> "RowWriter":
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def write(self, row: PairRow) -> None:
        """Write a row; numbers in full, so that reading gives the same ones."""
        figures = [row.figures.get(method, {}).get(key, math.nan) for method, key in _FIGURES]
        floats = [*(getattr(row, name) for name in _FLOATS), *figures]
        cells = ["" if math.isnan(value) else repr(value) for value in floats]
        self._writer.writerow(
            [row.fate.value, *(getattr(row, name) for name in _INTEGERS), *cells, row.thermal_type, row.problem]
        )
        self._file.flush()


def reopened(path: Path, keep: int) -> TextIO:
    """Open a table to go on with behind its header and its first rows; it is emptied where none is to be kept."""
    if keep:
        with path.open("rb+") as file:
            file.truncate(sum(len(line) for line in islice(file, keep + 1)))
    return path.open("a" if keep else "w", newline="", encoding="utf-8")


def read_rows(path: Path) -> list[PairRow]:
    """Read the rows of a file up to the first that is not whole, as an interruption may leave."""
    whole_lines = path.read_text(encoding="utf-8").rpartition("\n")[0]
    return list(_rows(csv.reader(whole_lines.splitlines())))


def write_unmatched(path: Path, images: Iterable[tuple[int, int]]) -> None:
    """Write stamp and time of recording, ns, of RGB images without a partner."""
    with replacing(path) as partial, partial.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["stamp_ns", "rgb_bag_ns"])
        writer.writerows(images)


def read_unmatched(path: Path) -> list[tuple[int, int]]:
    """Read what `write_unmatched` has written."""
    with path.open(newline="", encoding="utf-8") as file:
        return [(int(stamp_ns), int(bag_ns)) for stamp_ns, bag_ns in list(csv.reader(file))[1:]]


def _rows(lines: Iterator[Sequence[str]]) -> Iterator[PairRow]:
    if next(lines, None) != _HEADER:
        return
    for cells in lines:
        if len(cells) != len(_HEADER):
            return
        by_name = dict(zip(_HEADER, cells, strict=True))
        figures: dict[str, dict[str, float]] = {}
        for method, key in _FIGURES:
            if cell := by_name[f"{method}_{key}"]:
                figures.setdefault(method, {})[key] = float(cell)
        integers = {name: int(by_name[name]) for name in _INTEGERS}
        floats = {name: float(by_name[name] or math.nan) for name in _FLOATS}
        texts = {name: by_name[name] for name in _TEXTS}
        values: dict[str, Any] = {**integers, **floats, **texts, "figures": figures}
        yield PairRow(fate=Fate(by_name["fate"]), **values)
