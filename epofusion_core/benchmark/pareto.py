"""Plot of latency against quality, of every size, engine, precision and K."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from matplotlib.figure import Figure

from epofusion_core.atomic_file import replacing

_MARKERS = {"torch": "o", "onnxruntime": "s", "openvino": "^"}
_COLOURS = {"f32": "#1f6f8b", "bf16": "#c77d1e", "f16": "#7a5195", "int8": "#b3363c"}


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
    """Draw the points, labelled by model and K where no faster one is as good, and the line that joins those."""
    figure = Figure(figsize=(9, 6), layout="constrained")
    axes = figure.add_subplot()
    for engine, precision in sorted({(point.engine, point.precision) for point in points}):
        chosen = [point for point in points if (point.engine, point.precision) == (engine, precision)]
        axes.scatter(
            [point.latency_ms for point in chosen],
            [point.quality for point in chosen],
            marker=_MARKERS[engine],
            color=_COLOURS[precision],
            label=f"{engine} {precision}",
            zorder=3,
        )
    best = front(points)
    axes.plot([p.latency_ms for p in best], [p.quality for p in best], color="grey", linewidth=1, zorder=2)
    for point in best:
        axes.annotate(
            f"{point.model} K={point.steps}",
            (point.latency_ms, point.quality),
            xytext=(4, 6),
            textcoords="offset points",
            fontsize=8,
        )
    axes.set_xscale("log")
    axes.set_xlabel("latency of one pair, ms (median)")
    axes.set_ylabel(measure)
    axes.set_title(title, fontsize=10)
    axes.grid(alpha=0.3)
    axes.legend(fontsize=8)
    with replacing(path) as partial:
        figure.savefig(partial, dpi=130, format="png")


def front(points: Sequence[Point]) -> list[Point]:
    """Return the points than which none is both faster and at least as good, fastest first."""
    chosen: list[Point] = []
    for point in sorted(points, key=lambda each: (each.latency_ms, -each.quality)):
        if not chosen or point.quality > chosen[-1].quality:
            chosen.append(point)
    return chosen
