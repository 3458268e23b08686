"""The paper's Fig. 8 for a trained size: quality and time over the number of sampling steps K."""

import csv
import json
import math
import statistics
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from epofusion_core.atomic_file import replacing, write_text
from epofusion_core.data.pairs import FilePair
from epofusion_core.evaluation.columns import COLUMNS
from epofusion_core.evaluation.methods import ModelMethod, Sources
from epofusion_core.imaging import read_grey, read_rgb

_TIMED_RUNS = 5
_PLOTTED = ("en", "mi", "vif", "qabf", "ssim", "q_oe", "n_oe", "phantom")


@dataclass(frozen=True)
class StepResult:
    """One point of the curves.

    Attributes:
        steps: K.
        time_ms: median time for one image.
        figures: means over all pairs, by column key; NaN or missing where a measure does not apply.
    """

    steps: int
    time_ms: float
    figures: dict[str, float]


def time_ms(method: ModelMethod, pair: FilePair) -> float:
    """Return the median time that the method takes for a pair, after one run to warm up.

    Raises:
        ValueError: the pair cannot be read.
    """
    sources = Sources(pair.name, read_rgb(pair.visible), read_grey(pair.infrared))
    method.fuse(sources)
    durations: list[float] = []
    for _ in range(_TIMED_RUNS):
        started = time.perf_counter()
        method.fuse(sources)
        durations.append(1e3 * (time.perf_counter() - started))
    return statistics.median(durations)


def write_steps(folder: Path, title: str, results: Sequence[StepResult]) -> None:
    """Write the curves as `steps.csv`, `steps.json` and `steps.png`."""
    keys = [column.key for column in COLUMNS if any(not math.isnan(_value(result, column.key)) for result in results)]
    with replacing(folder / "steps.csv") as partial, partial.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["steps", "time_ms", *keys])
        for result in results:
            writer.writerow([result.steps, f"{result.time_ms:.1f}", *(f"{_value(result, key):.6g}" for key in keys)])
    values = [asdict(result) | {"figures": {key: _value(result, key) for key in keys}} for result in results]
    write_text(folder / "steps.json", json.dumps(values, indent=1) + "\n")
    _plot(folder / "steps.png", title, results, [key for key in _PLOTTED if key in keys])


def _value(result: StepResult, key: str) -> float:
    return result.figures.get(key, math.nan)


def _plot(path: Path, title: str, results: Sequence[StepResult], keys: Sequence[str]) -> None:
    curves = [(c.heading, [_value(result, c.key) for result in results]) for c in COLUMNS if c.key in keys]
    curves.append(("time per image, ms ↓", [result.time_ms for result in results]))
    figure = Figure(figsize=(12, 8.1), layout="constrained")
    figure.suptitle(title)
    for index, (heading, values) in enumerate(curves, start=1):
        axes = figure.add_subplot(3, 3, index)
        axes.plot([result.steps for result in results], values, marker="o", color="#1f6f8b")
        axes.set_title(heading, fontsize=10)
        axes.set_xlabel("sampling steps K", fontsize=9)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.ticklabel_format(axis="y", useOffset=False)
        axes.grid(alpha=0.3)
    with replacing(path) as partial:
        figure.savefig(partial, dpi=130, format="png")
