"""The hard cases of many bags: found in their catalogue, and shown on one page with links to the report of each bag."""

from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

import numpy as np

from epofusion_core.atomic_file import write_text
from epofusion_core.evaluation.columns import COLUMNS
from epofusion_core.report.apart import APART_NS
from epofusion_core.report.page import jpeg_of, render_page
from epofusion_ros.messages.conversion import to_rgb
from epofusion_ros.replay import checkpoint
from epofusion_ros.replay.catalogue import CATALOGUE, NUMBERS, PAIRS, row_of
from epofusion_ros.replay.fused_bag import FUSED_TOPIC, GUIDANCE_TOPIC, OVERLAY_TOPIC, pictures_at
from epofusion_ros.replay.gallery import kept_pictures
from epofusion_ros.replay.report import REPORT, described
from epofusion_ros.replay.rows import METRICS, PairRow

PAGE = "hard_cases.html"
_WIDTH_PX, _JPEG_QUALITY = 640, 82
_PICTURES = {"fused": FUSED_TOPIC, "overlay": OVERLAY_TOPIC, "mask": GUIDANCE_TOPIC}


@dataclass(frozen=True)
class Criterion:
    """What makes a pair a hard one.

    Attributes:
        column: of the catalogue's pairs.
        title: in words.
        sign: 1 where the highest values are hard, -1 where the lowest are.
    """

    column: str
    title: str
    sign: int


def worst(key: str) -> Criterion:
    """Return the criterion of a measure of quality, whichever of its values are bad.

    Raises:
        ValueError: there is no such measure.
    """
    column = next((column for column in COLUMNS if column.key == key and key in METRICS), None)
    if column is None:
        raise ValueError(f"--worst {key} is no measure of quality; expected one of {', '.join(METRICS)}")
    return Criterion(key, f"Worst {column.title}", -1 if column.higher_is_better else 1)


def most(key: str) -> Criterion:
    """Return the criterion of the highest values of a column.

    Raises:
        ValueError: there is no such column of numbers.
    """
    if key not in NUMBERS:
        raise ValueError(f"--most {key} is no number of a pair; expected one of {', '.join(NUMBERS)}")
    return Criterion(key, f"Most {key.replace('_', ' ')}", 1)


@dataclass(frozen=True)
class HardCase:
    """A fused pair that is among the hardest by a criterion."""

    bag: str
    value: float
    row: PairRow


@dataclass
class _Hardest:
    """The hardest pairs by one criterion so far: of each bag and second one, since its neighbours look the same."""

    criterion: Criterion
    count: int
    found: dict[tuple[str, int], tuple[float, int, dict[str, Any]]] = field(default_factory=dict)

    def offer(self, batch: Any) -> None:  # noqa: ANN401 - pyarrow publishes no types
        scores = self.criterion.sign * batch[self.criterion.column].to_numpy(zero_copy_only=False).astype(np.float64)
        least = min(self.found.values(), key=lambda each: each[:2])[0] if len(self.found) == self.count else -np.inf
        for index in np.flatnonzero(scores >= least):
            self._consider(float(scores[index]), batch.slice(index, 1).to_pylist()[0])

    def _consider(self, score: float, pair: dict[str, Any]) -> None:
        key = pair["bag"], pair["stamp_ns"] // APART_NS
        ranked = score, -pair["stamp_ns"], pair
        if key not in self.found or self.found[key][:2] < ranked[:2]:
            self.found[key] = ranked
        if len(self.found) > self.count:
            del self.found[min(self.found, key=lambda key: (*self.found[key][:2], key))]

    def cases(self) -> list[HardCase]:
        ranked = sorted(self.found.values(), key=lambda each: (-each[0], each[2]["bag"], -each[1]))
        return [HardCase(pair["bag"], self.criterion.sign * score, row_of(pair)) for score, _, pair in ranked]


def hard_cases(out: Path, criteria: Sequence[Criterion], count: int) -> list[list[HardCase]]:
    """Return the hardest fused pairs by each criterion, at most `count`, the hardest first; a bag is read at a time.

    Raises:
        ModuleNotFoundError: pyarrow is not installed.
        ValueError: the folder holds no catalogue.
    """
    from pyarrow import ArrowInvalid, dataset

    place = out / CATALOGUE / PAIRS
    if not place.is_dir():
        raise ValueError(f"{out} has no {CATALOGUE}/; expected a folder that `epofusion bag` has written")
    hardest = [_Hardest(criterion, count) for criterion in criteria]
    try:
        for batch in dataset.dataset(place).to_batches(filter=dataset.field("fate") == "fused"):
            for each in hardest:
                each.offer(batch)
    except (ArrowInvalid, KeyError) as error:
        raise ValueError(
            f"{place} is no catalogue of this version ({error}); expected to run `epofusion bag` again"
        ) from error
    return [each.cases() for each in hardest]


def write_page(out: Path, criteria: Sequence[Criterion], found: Sequence[Sequence[HardCase]]) -> None:
    """Write the page of hard cases into the folder of the bags; a case of several criteria is shown once."""
    titles: dict[tuple[str, int], list[str]] = {}
    for criterion, cases in zip(criteria, found, strict=True):
        for case in cases:
            titles.setdefault((case.bag, case.row.stamp_ns), []).append(criterion.title)
    groups = [
        (criterion, [case for case in cases if titles[case.bag, case.row.stamp_ns][0] == criterion.title])
        for criterion, cases in zip(criteria, found, strict=True)
    ]
    page = render_page(
        __package__,
        "hard_cases.html.jinja",
        groups=groups,
        bags={case.bag: _link(out, case.bag) for cases in found for case in cases},
        titles=titles,
        described=described,
        pictures=lambda case: _pictures(out / case.bag, case.row),
    )
    write_text(out / PAGE, page)


def _link(out: Path, bag: str) -> str:
    return f"{quote(bag)}/{REPORT}" if (out / bag / REPORT).is_file() else REPORT


def _pictures(folder: Path, row: PairRow) -> Iterable[tuple[str, bytes]]:
    """Return JPEGs by layer: those that the bag's report shows, or else what the fused bag has; nothing without it."""
    if kept := kept_pictures(folder / checkpoint.PICTURES, row.stamp_ns):
        return kept.items()
    images: dict[str, Any] = {}
    with suppress(OSError, ValueError):  # it has been removed
        images = pictures_at(folder / checkpoint.FUSED_BAG, row.published_ns, [*_PICTURES.values()])
    return [
        (layer, jpeg_of(to_rgb(images[topic]), _WIDTH_PX, _JPEG_QUALITY))
        for layer, topic in _PICTURES.items()
        if topic in images
    ]
