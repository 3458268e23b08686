"""Charts of the report as SVG that follows the page's colours."""

from collections.abc import Sequence

import numpy as np
from markupsafe import Markup

_WIDTH, _HEIGHT, _LEFT, _BOTTOM, _TOP, _RIGHT = 640, 220, 44, 34, 10, 12
_BINS = 24
_HEADROOM = 1.15
_BAR = Markup('<rect class="mark" x="{:.1f}" y="{:.1f}" width="{:.1f}" height="{:.1f}"><title>{}</title></rect>')
_DOT = Markup('<circle class="mark" cx="{:.1f}" cy="{:.1f}" r="2.5"><title>{}</title></circle>')
_PLOT_WIDTH, _PLOT_HEIGHT = _WIDTH - _LEFT - _RIGHT, _HEIGHT - _TOP - _BOTTOM


def histogram(values: Sequence[float], unit: str) -> Markup:
    """Return the distribution of at least one value, from 0 to the largest."""
    counts, edges = np.histogram(values, bins=_BINS, range=(0.0, max(values)))
    top = int(counts.max())
    bar = _PLOT_WIDTH / _BINS
    marks = Markup("").join(
        Markup(
            '<rect class="mark" x="{:.1f}" y="{:.1f}" width="{:.1f}" height="{:.1f}"><title>{}</title></rect>'
        ).format(
            _LEFT + index * bar + 0.5,
            _TOP + _PLOT_HEIGHT * (1 - count / top),
            bar - 1,
            _PLOT_HEIGHT * count / top,
            f"{edges[index]:.0f} to {edges[index + 1]:.0f} {unit}: {count} frames",
        )
        for index, count in enumerate(counts)
        if count
    )
    return _chart(marks, float(edges[-1]), unit, float(top), "frames")


def timeline(times_s: Sequence[float], values: Sequence[float], unit: str) -> Markup:
    """Return values over time, one dot each; at least one."""
    right, top = max(max(times_s), 1e-3), _HEADROOM * max(values)
    marks = Markup("").join(
        _DOT.format(
            _LEFT + _PLOT_WIDTH * time_s / right,
            _TOP + _PLOT_HEIGHT * (1 - value / top),
            f"{value:.0f} {unit} at {time_s:.2f} s",
        )
        for time_s, value in zip(times_s, values, strict=True)
    )
    return _chart(marks, right, "s", top, unit)


def _chart(marks: Markup, right: float, right_unit: str, top: float, top_unit: str) -> Markup:
    """Put marks between labelled axes that start at 0."""
    baseline = _TOP + _PLOT_HEIGHT
    labels = [
        (_LEFT, _HEIGHT - 14, "start", "0"),
        (_LEFT + _PLOT_WIDTH / 2, _HEIGHT - 14, "middle", f"{right / 2:.3g}"),
        (_WIDTH - _RIGHT, _HEIGHT - 14, "end", f"{right:.3g} {right_unit}"),
        (_LEFT - 6, _TOP + 10, "end", f"{top:.3g}"),
        (_LEFT - 6, _TOP + _PLOT_HEIGHT / 2 + 4, "end", f"{top / 2:.3g}"),
        (_LEFT + 4, _TOP + 10, "start", top_unit),
    ]
    texts = Markup("").join(
        Markup('<text x="{:.0f}" y="{:.0f}" text-anchor="{}">{}</text>').format(*label) for label in labels
    )
    axes = Markup('<path class="axis" d="M{0} {1}V{2}H{3}"/>').format(_LEFT, _TOP, baseline, _WIDTH - _RIGHT)
    return Markup('<svg viewBox="0 0 {} {}" role="img">{}{}{}</svg>').format(_WIDTH, _HEIGHT, axes, marks, texts)
