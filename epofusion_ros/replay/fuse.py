"""The stage that fuses: the node's own `JobFuser` on the pairs of a schedule, and the measures of what comes out."""

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from math import isnan, nan
from typing import TYPE_CHECKING

from epofusion_core.evaluation.analysed import Analysed
from epofusion_core.evaluation.baselines import RULES
from epofusion_core.evaluation.measures import measures
from epofusion_core.evaluation.vif import MIN_SIDE_PX
from epofusion_core.exposure import overexposed_fraction
from epofusion_core.imaging import luma
from epofusion_ros.messages.conversion import to_rgb
from epofusion_ros.replay.rows import FUSED, PairRow
from epofusion_ros.replay.schedule import ScheduledPair
from epofusion_ros.stream.frame_account import Fate
from epofusion_ros.stream.fuse_job import JobFuser, JobResult
from epofusion_ros.stream.pipeline import FusedPair

if TYPE_CHECKING:
    from epofusion_core.fuser import FusionResult


@dataclass(frozen=True)
class Outcome:
    """What became of a scheduled pair.

    Attributes:
        scheduled: the pair.
        row: for metrics.csv.
        fused: the pictures; None where it was not fused.
        inference_ms: conversion and network on this machine; NaN where it was not fused.
        number: how many pairs of the bag were to be fused before it.
    """

    scheduled: ScheduledPair
    row: PairRow
    fused: FusedPair | None = None
    inference_ms: float = nan
    number: int = 0

    @property
    def result(self) -> "FusionResult | None":
        """What the model gave."""
        return self.fused.result if self.fused else None

    @property
    def size(self) -> int:
        """Bytes of the messages and the pictures."""
        pictures = vars(self.fused.result).values() if self.fused else ()
        return self.scheduled.size + sum(int(picture.nbytes) for picture in pictures)


def fuse_pairs(scheduled: Iterable[ScheduledPair], fuse: JobFuser, done: Sequence[PairRow]) -> Iterator[Outcome]:
    """Fuse pairs in order; those that an earlier run has done only set the thermal scaling as it was after them."""
    number = epoch = 0
    for index, pair in enumerate(scheduled):
        if index == len(done) > 0:
            fuse.go_on(epoch, done[-1].thermal_state)
        if index >= len(done):
            yield replace(_fuse(pair, fuse), number=number)
        elif pair.fate is Fate.FUSED:
            epoch = pair.job.epoch
        number += pair.fate is Fate.FUSED


def _fuse(scheduled: ScheduledPair, fuse: JobFuser) -> Outcome:
    pair = scheduled.pair
    done = fuse(scheduled.node_job) if scheduled.fate is Fate.FUSED else JobResult(scheduled.fate)
    thermal_type, low, high = fuse.thermal_state or ("", nan, nan)
    row = PairRow(
        fate=done.fate,
        stamp_ns=pair.stamp_ns,
        delta_ns=pair.delta_ns,
        rgb_bag_ns=pair.rgb.bag_ns,
        thermal_bag_ns=pair.thermal.bag_ns,
        decided_ns=scheduled.decided_ns,
        started_ns=scheduled.started_ns,
        published_ns=scheduled.published_ns,
        thermal_min=low,
        thermal_max=high,
        thermal_type=thermal_type,
        problem=done.problem,
    )
    return Outcome(scheduled, row, done.fused, done.inference_ms)


@dataclass(frozen=True)
class Measures:
    """Figures of a fused pair.

    Attributes:
        overexposed_fraction: share of the visible image that is blown out, in [0, 1].
        figures: by method and key; those that do not apply are missing.
    """

    overexposed_fraction: float
    figures: dict[str, dict[str, float]]


def measure(outcome: Outcome, methods: Collection[str]) -> Measures | None:
    """Measure what some methods, of `rows.METHODS`, make of a pair; None if it was not fused."""
    if outcome.fused is None:
        return None
    visible, thermal = luma(to_rgb(outcome.scheduled.pair.rgb.message)), outcome.fused.thermal
    sources = Analysed(visible), Analysed(thermal)
    figures: dict[str, dict[str, float]] = {}
    for method in methods if min(visible.shape) >= MIN_SIDE_PX else ():
        image = luma(outcome.fused.result.fused_rgb) if method == FUSED else RULES[method](visible, thermal)
        known = {key: float(value) for key, value in measures(*sources, image).items() if not isnan(value)}
        figures[method] = known
    return Measures(overexposed_fraction(visible), figures)
