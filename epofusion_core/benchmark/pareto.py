"""Plot of latency against quality, of every size, engine, precision and K."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import LogLocator, NullFormatter, ScalarFormatter

from epofusion_core.atomic_file import replacing

_MARKERS = {"torch": "o", "onnxruntime": "s", "openvino": "^"}
_COLOURS = {"f32": "#1f6f8b", "bf16": "#c77d1e", "f16": "#7a5195", "int8": "#b3363c"}
_MIN_HEIGHT = 0.02
"""Of the axis of quality, so that differences of no weight do not look like any."""


@dataclass(frozen=True)
class Point:
    """One subject.

    Attributes:
        model: named size or file.
        engine, precision, steps: of the subject.
        latency_ms: median of `Fuser`.
        quality: mean over the pairs; higher is better.
    """

    model: str
    engine: str
    precision: str
    steps: int
    latency_ms: float
    quality: float


def plot_pareto(path: Path, points: Sequence[Point], measure: str, title: str) -> None:
    """Draw the points of each model, and a line, labelled with its name, along those that no faster one equals."""
    figure = Figure(figsize=(9, 5), layout="constrained")
    axes = figure.add_subplot()
    for model in dict.fromkeys(point.model for point in points):
        _draw_model(axes, [point for point in points if point.model == model])
    _scale(axes, points)
    axes.set_xlabel("time for one pair, ms (median)")
    axes.set_ylabel(measure)
    axes.set_title(title, fontsize=10)
    axes.grid(which="both", alpha=0.25)
    kinds = sorted({(point.engine, point.precision) for point in points})
    handles = [
        Line2D([], [], linestyle="", marker=_MARKERS[engine], color=_COLOURS[precision], label=f"{engine} {precision}")
        for engine, precision in kinds
    ]
    axes.legend(handles=handles, fontsize=9, loc="upper left", bbox_to_anchor=(1, 1), frameon=False)
    with replacing(path) as partial:
        figure.savefig(partial, dpi=130, format="png")


def _draw_model(axes: Axes, points: Sequence[Point]) -> None:
    best = front(points)
    axes.plot([p.latency_ms for p in best], [p.quality for p in best], color="grey", linewidth=1.5, zorder=2)
    for point in points:
        marker, colour = _MARKERS[point.engine], _COLOURS[point.precision]
        alpha = 1.0 if point in best else 0.4
        axes.plot(point.latency_ms, point.quality, marker, color=colour, markersize=8, alpha=alpha, zorder=3)
    name = Path(best[0].model).stem
    steps = sorted({point.steps for point in points})
    label = f"{name}, K = {steps[0]}" + (f" to {steps[-1]}" if len(steps) > 1 else "")
    place = (best[-1].latency_ms, best[-1].quality)
    axes.annotate(label, place, xytext=(6, 10), textcoords="offset points", ha="right", weight="bold")


def _scale(axes: Axes, points: Sequence[Point]) -> None:
    """Give the axes room for the points and plain numbers: 20, 50, 100 instead of powers of ten."""
    axes.set_xscale("log")
    axes.set_xlim(min(p.latency_ms for p in points) * 0.8, max(p.latency_ms for p in points) * 1.25)
    axes.xaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 3.0, 5.0)))
    axes.xaxis.set_major_formatter(ScalarFormatter())
    axes.xaxis.set_minor_formatter(NullFormatter())
    low, high = min(p.quality for p in points), max(p.quality for p in points)
    height = max(1.3 * (high - low), _MIN_HEIGHT)
    axes.set_ylim((low + high - height) / 2, (low + high + height) / 2)
    axes.yaxis.set_major_formatter(ScalarFormatter(useOffset=False))


def front(points: Sequence[Point]) -> list[Point]:
    """Return the points than which none is both faster and at least as good, fastest first."""
    chosen: list[Point] = []
    for point in sorted(points, key=lambda each: (each.latency_ms, -each.quality)):
        if not chosen or point.quality > chosen[-1].quality:
            chosen.append(point)
    return chosen
