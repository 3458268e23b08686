"""Charts of reports as SVG that follows the page's colours."""

from collections.abc import Sequence
from itertools import groupby, pairwise
from math import ceil

import numpy as np
from markupsafe import Markup
from numpy.typing import NDArray

_WIDTH, _HEIGHT, _LEFT, _BOTTOM, _TOP, _RIGHT = 640, 220, 44, 34, 10, 12
_BINS = 24
_MOMENTS = 600
_HEADROOM = 1.15
_BAR = Markup('<rect class="mark" x="{:.1f}" y="{:.1f}" width="{:.1f}" height="{:.1f}"><title>{}</title></rect>')
_DOT = Markup('<circle class="mark" cx="{:.1f}" cy="{:.1f}" r="2.5"><title>{}</title></circle>')
_PLOT_WIDTH, _PLOT_HEIGHT = _WIDTH - _LEFT - _RIGHT, _HEIGHT - _TOP - _BOTTOM


def histogram(values: Sequence[float], unit: str) -> Markup:
    """Return the distribution of at least one value, from 0 to the largest."""
    counts, edges = np.histogram(values, bins=_BINS, range=(0.0, max(values)))
    marks = _bars(counts, [f"{low:.0f} to {high:.0f} {unit}: {{}} frames" for low, high in pairwise(edges)])
    return _chart(marks, float(edges[-1]), unit, _count_axis(counts), "frames")


def events(times_s: Sequence[float], duration_s: float, what: str) -> Markup:
    """Return how many events there are over the time from 0 to a duration; there may be none."""
    counts, edges = np.histogram(times_s, bins=_BINS, range=(0.0, max(duration_s, 1e-3)))
    marks = _bars(counts, [f"{low:.1f} to {high:.1f} s: {{}} {what}" for low, high in pairwise(edges)])
    return _chart(marks, float(edges[-1]), "s", _count_axis(counts), what)


def _bars(counts: NDArray[np.int64], titles: Sequence[str]) -> Markup:
    """Return a bar for each count above 0; `{}` in a title is the count."""
    top, width = _count_axis(counts), _PLOT_WIDTH / len(counts)
    return Markup("").join(
        _BAR.format(
            _LEFT + index * width + 0.5,
            _TOP + _PLOT_HEIGHT * (1 - count / top),
            width - 1,
            _PLOT_HEIGHT * count / top,
            titles[index].format(count),
        )
        for index, count in enumerate(counts)
        if count
    )


def _count_axis(counts: NDArray[np.int64]) -> int:
    """Return the upper end of an axis of counts; it and its half are whole numbers."""
    return 2 * ceil(_HEADROOM * max(int(counts.max()), 1) / 2)


def timeline(times_s: Sequence[float], values: Sequence[float], unit: str) -> Markup:
    """Return values over time, at least one: a dot each, or the largest of each moment where there are very many."""
    right, top = max(max(times_s), 1e-3), _HEADROOM * max(values)
    marks = Markup("").join(
        _DOT.format(
            _LEFT + _PLOT_WIDTH * time_s / right,
            _TOP + _PLOT_HEIGHT * (1 - value / top),
            f"{value:.0f} {unit} at {time_s:.2f} s",
        )
        for time_s, value in _largest_of_each_moment(times_s, values, right / _MOMENTS)
    )
    return _chart(marks, right, "s", top, unit)


def _largest_of_each_moment(
    times_s: Sequence[float], values: Sequence[float], moment_s: float
) -> list[tuple[float, float]]:
    points = list(zip(times_s, values, strict=True))
    if len(points) <= _MOMENTS:
        return points
    by_moment = sorted(points, key=lambda point: point[0] // moment_s)
    return [
        max(group, key=lambda point: point[1]) for _, group in groupby(by_moment, lambda point: point[0] // moment_s)
    ]


def _chart(marks: Markup, right: float, right_unit: str, top: float, top_unit: str) -> Markup:
    """Put marks between labelled axes that start at 0."""
    baseline = _TOP + _PLOT_HEIGHT
    labels = [
        (_LEFT, _HEIGHT - 14, "start", "0"),
        (_LEFT + _PLOT_WIDTH / 2, _HEIGHT - 14, "middle", _short(right / 2)),
        (_WIDTH - _RIGHT, _HEIGHT - 14, "end", f"{_short(right)} {right_unit}"),
        (_LEFT - 6, _TOP + 10, "end", _short(top)),
        (_LEFT - 6, _TOP + _PLOT_HEIGHT / 2 + 4, "end", _short(top / 2)),
        (_LEFT + 4, _TOP + 10, "start", top_unit),
    ]
    texts = Markup("").join(
        Markup('<text x="{:.0f}" y="{:.0f}" text-anchor="{}">{}</text>').format(*label) for label in labels
    )
    axes = Markup('<path class="axis" d="M{0} {1}V{2}H{3}"/>').format(_LEFT, _TOP, baseline, _WIDTH - _RIGHT)
    return Markup('<svg viewBox="0 0 {} {}" role="img">{}{}{}</svg>').format(_WIDTH, _HEIGHT, axes, marks, texts)


def _short(value: float) -> str:
    """Return a number with three digits, and never as a power of ten."""
    return f"{value:.0f}" if value >= 100 else f"{value:.3g}"
