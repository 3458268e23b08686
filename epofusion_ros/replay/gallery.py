"""Pictures of selected frames of a replay: the most overexposed, the worst and the best."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import nan
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from epofusion_core.atomic_file import write_bytes
from epofusion_core.report.apart import APART_NS, apart
from epofusion_core.report.page import jpeg_of
from epofusion_ros.replay.rows import FUSED, PairRow

LAYERS = ("visible", "thermal", FUSED, "overlay", "mask")
"""Pictures of a frame."""

_WIDTH_PX, _JPEG_QUALITY = 640, 82
_CANDIDATES = 3
"""Times as many frames as are shown are kept until all are seen: the best of two seconds may be neighbours."""


PICTURE_FILES = "[0-9]*_*.jpg"
"""Pattern of the names of the pictures, STAMP_LAYER.jpg."""


@dataclass(frozen=True)
class Reason:
    """Why a frame is worth a look.

    Attributes:
        title: in words.
        score: higher is more so; NaN where it does not apply.
    """

    title: str
    score: Callable[[PairRow], float]


def _quality(row: PairRow) -> float:
    return row.figures.get(FUSED, {}).get("qabf", nan)


REASONS = (
    Reason("Most overexposed", lambda row: row.overexposed_fraction or nan),
    Reason("Worst by Qabf", lambda row: -_quality(row)),
    Reason("Best by Qabf", _quality),
)
"""In the order in which the report shows them."""


def are_near(first: PairRow, second: PairRow) -> bool:
    """Tell whether two frames are so near in time that they look the same."""
    return abs(first.stamp_ns - second.stamp_ns) < APART_NS


@dataclass(frozen=True)
class ShownFrame:
    """A frame of the report.

    Attributes:
        titles: why it is shown, the first of `REASONS` first.
        row: its figures.
        layers: JPEG by layer.
    """

    titles: list[str]
    row: PairRow
    layers: dict[str, bytes]


class Gallery:
    """Keeps the pictures of the best few frames for each reason in a folder, and forgets the others."""

    def __init__(self, folder: Path, frames: int) -> None:
        """Keep at most so many frames; what the folder holds already may be of an earlier, interrupted run."""
        self._folder = folder
        self._for_each = max(1, frames // len(REASONS)) if frames else 0
        self._candidates = _CANDIDATES * self._for_each
        self._best: dict[str, dict[int, tuple[float, PairRow]]] = {reason.title: {} for reason in REASONS}
        folder.mkdir(parents=True, exist_ok=True)

    def offer(self, row: PairRow, pictures: Callable[[], Mapping[str, NDArray[np.uint8]]] | None) -> None:
        """Look at a fused pair; its pictures, by layer, are asked for if it is kept and they are not there yet."""
        before = self._stamps()
        for reason in REASONS:
            self._consider(self._best[reason.title], reason.score(row), row)
        after = self._stamps()
        if pictures is not None and row.stamp_ns in after:
            for layer, picture in pictures().items():
                write_bytes(self._path(row.stamp_ns, layer), jpeg_of(picture, _WIDTH_PX, _JPEG_QUALITY))
        if pictures is not None:
            for stamp_ns in before - after:
                self._remove(stamp_ns)

    def shown(self) -> list[ShownFrame]:
        """Return the best frames for each reason, none near another: the overexposed first, each with every reason."""
        titles: dict[int, list[str]] = {}
        rows: dict[int, PairRow] = {}
        for reason in REASONS:
            ranked = sorted(self._best[reason.title].values(), key=lambda scored: (-scored[0], scored[1].stamp_ns))
            for row in apart((row for _, row in ranked), are_near, self._for_each):
                titles.setdefault(row.stamp_ns, []).append(reason.title)
                rows[row.stamp_ns] = row
        shown = []
        for stamp_ns, reasons in titles.items():
            if layers := kept_pictures(self._folder, stamp_ns):
                shown.append(ShownFrame(reasons, rows[stamp_ns], layers))
        return shown

    def forget_candidates(self) -> None:
        """Remove pictures that are not shown, since no further frame will come."""
        for stamp_ns in self._stamps() - {frame.row.stamp_ns for frame in self.shown()}:
            self._remove(stamp_ns)

    def _consider(self, best: dict[int, tuple[float, PairRow]], score: float, row: PairRow) -> None:
        """Keep the best frame of each second, and the best seconds."""
        second = row.stamp_ns // APART_NS
        if score != score or (second in best and best[second][0] >= score):
            return
        best[second] = (score, row)
        if len(best) > self._candidates:
            del best[min(best, key=lambda each: (best[each][0], -each))]

    def _stamps(self) -> set[int]:
        return {row.stamp_ns for best in self._best.values() for _, row in best.values()}

    def _remove(self, stamp_ns: int) -> None:
        for layer in LAYERS:
            self._path(stamp_ns, layer).unlink(missing_ok=True)

    def _path(self, stamp_ns: int, layer: str) -> Path:
        return _path(self._folder, stamp_ns, layer)


def kept_pictures(folder: Path, stamp_ns: int) -> dict[str, bytes]:
    """Return the pictures of a frame as JPEG by layer; nothing where the folder has not all of them."""
    paths = {layer: _path(folder, stamp_ns, layer) for layer in LAYERS}
    return {layer: path.read_bytes() for layer, path in paths.items()} if all(map(Path.is_file, paths.values())) else {}


def _path(folder: Path, stamp_ns: int, layer: str) -> Path:
    return folder / f"{stamp_ns}_{layer}.jpg"
