"""What the picture of latency against quality shows as quality: a column of the evaluation, or AP in the glare."""

import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from epofusion_core.data.annotations import Annotations, read_box_corrections
from epofusion_core.data.masks import with_mask_classes
from epofusion_core.data.pairs import FilePair, find_pairs
from epofusion_core.downstream.detect import ImageMaker, judge_pairs, scores_of
from epofusion_core.downstream.glare import Glare
from epofusion_core.downstream.judges import Judge
from epofusion_core.downstream.truth import Part
from epofusion_core.evaluation.columns import COLUMNS, Column
from epofusion_core.evaluation.evaluate import measure_pairs
from epofusion_core.evaluation.exposure_metrics import mean_where_applicable
from epofusion_core.evaluation.methods import ModelMethod
from epofusion_core.evaluation.summary import collect
from epofusion_core.progress import Log

AP_GLARE = "ap_glare"
"""Name of the average precision of a judge in the glare."""

_SEEDS = (0, 1, 2)


class Quality(Protocol):
    """Something to measure on pairs."""

    @property
    def heading(self) -> str:
        """What the axis says."""
        ...

    def __call__(self, method: ModelMethod, report: Log) -> float:
        """Return the quality of a model; `report` is told of pairs that could not be used.

        Raises:
            ValueError: no pair could be used.
        """
        ...


@dataclass(frozen=True)
class ColumnQuality:
    """The mean of a column of the evaluation.

    Attributes:
        pairs: to fuse.
        column: the measure.
    """

    pairs: Sequence[FilePair]
    column: Column

    @property
    def heading(self) -> str:
        """Title, direction, and of how many pairs."""
        return f"{self.column.heading}, mean of {len(self.pairs)} pairs"

    def __call__(self, method: ModelMethod, report: Log) -> float:
        """Return the mean over the pairs."""
        evaluation = collect(measure_pairs(self.pairs, [method], _cores()), 0)
        for sentence in evaluation.problems:
            report(sentence)
        if not evaluation.tables:
            raise ValueError(f"{method.name} fused none of the {len(self.pairs)} pairs; expected at least one")
        return evaluation.tables[0].rows[0].figures[self.column.key]


@dataclass(frozen=True)
class GlareQuality:
    """AP50 of a judge in the glare, mean over the classes that it knows, with light spots by three seeds.

    Attributes:
        pairs: with boxes.
        judge: a detector.
        annotations: what is known of the objects beside the boxes.
    """

    pairs: Sequence[FilePair]
    judge: Judge
    annotations: Annotations = field(default_factory=Annotations)

    @property
    def heading(self) -> str:
        """Name of the judge, and of how many pairs."""
        return f"AP50 in the glare by {self.judge.name} ↑, {len(self.pairs)} pairs, {len(_SEEDS)} seeds"

    def __call__(self, method: ModelMethod, report: Log) -> float:
        """Return the mean over the classes."""
        maker = ImageMaker(self.annotations, Glare.SPOTS)
        judged = list(judge_pairs(self.pairs, _SEEDS, maker, [method], [self.judge], _cores()))
        for sentence in dict.fromkeys(problem for each in judged for problem in each.problems):
            report(sentence)
        scores = scores_of(judged, [self.judge], [method.name])
        value = mean_where_applicable(
            score.precision.value for score in scores if score.part is Part.GLARE and score.seed is None
        )
        if not any(score.precision.objects for score in scores if score.part is Part.GLARE):
            raise ValueError(
                f"none of the {len(self.pairs)} pairs has an object in the glare that {self.judge.name} knows; "
                f"expected pairs with boxes, or another --measure than {AP_GLARE}"
            )
        return value


def quality_of(
    data: Path, list_file: Path | None, measure: str, judge: Judge | None = None, box_corrections: Path | None = None
) -> Quality:
    """Look for all that the measuring of quality needs before that of latency, which takes minutes, begins.

    Args:
        data: folder of pairs.
        list_file: which of them; all without it.
        measure: key of a column, or `AP_GLARE`.
        judge: for the latter.
        box_corrections: CSV file of what is wrong with the boxes of pairs.

    Raises:
        ValueError: the folder has no pairs, the measure is unknown, or the judge is missing or cannot be loaded.
        ModuleNotFoundError: matplotlib is not installed.
    """
    import epofusion_core.benchmark.pareto  # noqa: F401

    known = {column.key: column for column in COLUMNS}
    if measure not in (*known, AP_GLARE):
        raise ValueError(f"measure {measure!r} is unknown; expected one of {', '.join((AP_GLARE, *known))}")
    pairs = find_pairs(data, list_file)
    if measure != AP_GLARE:
        return ColumnQuality(with_mask_classes(pairs, ()), known[measure])
    if judge is None:
        raise ValueError(
            f"measure {AP_GLARE} needs a judge, and none is given or installed; expected --judge, or another --measure"
        )
    judge.load()
    return GlareQuality(
        pairs, judge, Annotations(box_corrections=read_box_corrections(box_corrections) if box_corrections else {})
    )


def _cores() -> int:
    return len(os.sched_getaffinity(0))
