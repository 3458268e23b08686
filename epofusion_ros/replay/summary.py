"""summary.json: the account of a replayed bag in figures."""

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from epofusion_core.atomic_file import write_text
from epofusion_core.evaluation.columns import COLUMNS
from epofusion_core.evaluation.evaluate import Measurement
from epofusion_core.evaluation.exposure_metrics import MIN_OVEREXPOSED_FRACTION
from epofusion_core.evaluation.summary import Table, tables
from epofusion_core.text import shortened
from epofusion_ros.replay.cause import cause_of_nothing_fused
from epofusion_ros.replay.rows import METHODS, PairRow
from epofusion_ros.replay.schedule import Schedule
from epofusion_ros.stream.frame_account import Fate

_LONGEST_NAME, _MOST_PROBLEMS = 200, 20


@dataclass(frozen=True)
class BagSummary:
    """What a replay found. `received_rgb = pairs + unmatched_rgb + pending_rgb`, and pairs = the sum of `fates`.

    Attributes:
        bag: its name.
        model: what fused: the model, its engine, precision and device.
        mode: "every", or "realtime" with a simulated inference time.
        inference_ms: the simulated one; None in mode every.
        rgb_topic: its topic.
        thermal_topic: its topic.
        rgb_encoding: of the first image.
        thermal_encoding: of the first image.
        duration_s: from the first pair's decision to the last one's.
        received_rgb: images read.
        received_thermal: images read.
        unmatched_rgb: images without a partner.
        unmatched_thermal: images without a partner.
        pending_rgb: images that wait for a partner when the bag ends.
        pending_thermal: likewise.
        time_resets: how often time jumped back.
        pairs: how many were found.
        fates: what became of them, by the values of `Fate`.
        overexposed_pairs: fused pairs with a blown-out region.
        sync_delta_ms: p50, p95 and max of the stamps' differences, without sign.
        latency_ms: p50, p95, p99 and max from the RGB stamp to the fused image, on the bag's time.
        means: of each measure, by method, over the pairs on which all methods were measured.
        compared_pairs: how many those are.
        problems: sentences about pairs that failed, and how many each concerns.
        missing: sentences about what could not be read.
        cause: why nothing was fused, in a sentence; empty where something was.
    """

    bag: str
    model: str
    mode: str
    inference_ms: float | None
    rgb_topic: str
    thermal_topic: str
    rgb_encoding: str
    thermal_encoding: str
    duration_s: float
    received_rgb: int
    received_thermal: int
    unmatched_rgb: int
    unmatched_thermal: int
    pending_rgb: int
    pending_thermal: int
    time_resets: int
    pairs: int
    fates: dict[str, int]
    overexposed_pairs: int
    sync_delta_ms: dict[str, float]
    latency_ms: dict[str, float]
    means: dict[str, dict[str, float]]
    compared_pairs: int
    problems: dict[str, int]
    missing: list[str]
    cause: str = ""


def summarise(bag: str, model: str, schedule: Schedule, rows: Sequence[PairRow], missing: Sequence[str]) -> BagSummary:
    """Return the account of a bag."""
    fused = [row for row in rows if row.fate is Fate.FUSED]
    fates = Counter(row.fate for row in rows)
    compared = comparison(rows)
    decided = [row.decided_ns for row in rows]
    return BagSummary(
        bag=bag,
        model=model,
        mode=schedule.settings.mode,
        inference_ms=schedule.settings.inference_ms,
        rgb_topic=shortened(schedule.topics.rgb.name, _LONGEST_NAME),
        thermal_topic=shortened(schedule.topics.thermal.name, _LONGEST_NAME),
        rgb_encoding=schedule.topics.rgb.encoding,
        thermal_encoding=schedule.topics.thermal.encoding,
        duration_s=(max(decided) - min(decided)) / 1e9 if decided else 0.0,
        received_rgb=schedule.rgb.received,
        received_thermal=schedule.thermal.received,
        unmatched_rgb=schedule.rgb.unmatched,
        unmatched_thermal=schedule.thermal.unmatched,
        pending_rgb=schedule.rgb.pending,
        pending_thermal=schedule.thermal.pending,
        time_resets=schedule.time_resets,
        pairs=len(rows),
        fates={fate.value: fates[fate] for fate in Fate},
        overexposed_pairs=sum(row.overexposed_fraction >= MIN_OVEREXPOSED_FRACTION for row in fused),
        sync_delta_ms=percentiles([abs(row.delta_ns) / 1e6 for row in rows], (50, 95, 100)),
        latency_ms=percentiles([latency_ms(row) for row in fused]),
        means={row.method: _without_nan(row.figures) for row in compared.rows} if compared else {},
        compared_pairs=compared.items if compared else 0,
        problems=_most_common(Counter(row.problem for row in rows if row.problem)),
        missing=list(missing),
        cause=cause_of_nothing_fused(schedule, rows),
    )


def _most_common(problems: Counter[str]) -> dict[str, int]:
    """Return the most frequent problems, and the sum of all others."""
    others = problems.total() - sum(count for _, count in problems.most_common(_MOST_PROBLEMS))
    return dict(problems.most_common(_MOST_PROBLEMS)) | ({"other problems": others} if others else {})


def latency_ms(row: PairRow) -> float:
    """Return the time from the RGB stamp to the fused image, on the bag's time; in mode every without inference."""
    return (row.published_ns - row.stamp_ns) / 1e6


def comparison(rows: Sequence[PairRow]) -> Table | None:
    """Return the table of the fused images and the plain rules, over the pairs on which all were measured."""
    measurements = [
        Measurement(str(row.stamp_ns), "", method, row.figures[method])
        for row in rows
        if row.figures.keys() == set(METHODS)
        for method in METHODS
    ]
    found = tables(measurements)
    return found[0] if found else None


def write_summary(path: Path, summary: BagSummary) -> None:
    """Write a summary."""
    write_text(path, json.dumps(asdict(summary), indent=1) + "\n")


def read_summary(path: Path) -> BagSummary:
    """Read what `write_summary` has written."""
    content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return BagSummary(**content)


def percentiles(values: Sequence[float], shares: Sequence[int] = (50, 95, 99, 100)) -> dict[str, float]:
    """Return some percentiles by name, p50 for example, 100 being max; nothing of nothing."""
    if not values:
        return {}
    found = np.percentile(np.asarray(values), shares)
    names = ("max" if share == 100 else f"p{share}" for share in shares)
    return {name: round(float(value), 3) for name, value in zip(names, found, strict=True)}


def _without_nan(figures: dict[str, float]) -> dict[str, float]:
    known = {column.key: figures.get(column.key) for column in COLUMNS}
    return {key: round(value, 6) for key, value in known.items() if value is not None and value == value}
