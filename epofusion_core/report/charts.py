"""Charts of reports as SVG that follows the page's colours."""

from collections.abc import Mapping, Sequence
from itertools import groupby, pairwise
from math import ceil, floor, log10

import numpy as np
from markupsafe import Markup
from numpy.typing import NDArray

_WIDTH, _HEIGHT, _LEFT, _BOTTOM, _TOP, _RIGHT = 440, 210, 42, 28, 26, 16
_PLOT_WIDTH, _PLOT_HEIGHT = _WIDTH - _LEFT - _RIGHT, _HEIGHT - _TOP - _BOTTOM
_BASELINE = _TOP + _PLOT_HEIGHT
_BINS = 24
_MOMENTS = 600
_TICKS = 4
_ROUND = (1.0, 2.0, 2.5, 5.0, 10.0)
_BAR = Markup('<rect class="mark" x="{:.1f}" y="{:.1f}" width="{:.1f}" height="{:.1f}"><title>{}</title></rect>')
_DOT = Markup('<circle class="mark" cx="{:.1f}" cy="{:.1f}" r="{}"><title>{}</title></circle>')
_TEXT = Markup('<text x="{:.0f}" y="{:.0f}" text-anchor="{}">{}</text>')


def histogram(values: Sequence[float], unit: str) -> Markup:
    """Return the distribution of at least one value, from 0 to beyond the largest."""
    right = round_ticks(max(values))
    counts, edges = np.histogram(values, bins=_BINS, range=(0.0, right[-1]))
    top = round_ticks(int(counts.max()), whole=True)
    titles = [f"{low:.3g} to {high:.3g} {unit}: {{}} frames" for low, high in pairwise(edges)]
    return _chart(_bars(counts, top[-1], titles), right, right[-1], unit, top, "frames")


def events(times_s: Sequence[float], duration_s: float, what: str) -> Markup:
    """Return how many events there are over the time from 0 to a duration; without any, the chart says so."""
    end_s = max(duration_s, 1e-3)
    counts, edges = np.histogram(times_s, bins=_BINS, range=(0.0, end_s))
    top = round_ticks(int(counts.max()), whole=True)
    titles = [f"{low:.1f} to {high:.1f} s: {{}} {what}" for low, high in pairwise(edges)]
    marks = _bars(counts, top[-1], titles) if len(times_s) else _TEXT.format(_middle(), _HEIGHT / 2, "middle", "none")
    return _chart(marks, _within(end_s), end_s, "s", top, what)


def timeline(times_s: Sequence[float], values: Sequence[float], unit: str, links: Mapping[int, str] = {}) -> Markup:
    """Return values over time, at least one: a dot each, or the largest of each moment where there are very many.

    Args:
        times_s: of the values, from 0 on.
        values: not negative.
        unit: of the values.
        links: addresses that dots open, by the index of the value; such a dot is always shown, and larger where its
            address lies in the page.
    """
    end_s, top = max(max(times_s), 1e-3), round_ticks(max(values))
    indices = sorted(_largest_of_each_moment(times_s, values, end_s / _MOMENTS) | set(links), key=links.__contains__)
    marks = Markup("").join(
        _linked(
            links.get(index, ""),
            _across(times_s[index], end_s),
            _up(values[index], top[-1]),
            f"{values[index]:.3g} {unit} at {times_s[index]:.2f} s",
        )
        for index in indices
    )
    return _chart(marks, _within(end_s), end_s, "s", top, unit)


def round_ticks(largest: float, *, whole: bool = False) -> list[float]:
    """Return round numbers at equal distances from 0 to the first that is not below the largest value.

    Args:
        largest: of the values, not negative; 0 is taken as 1.
        whole: only whole numbers, for counts.
    """
    reach = largest if largest > 0 else 1.0
    decade = 10.0 ** floor(log10(reach / _TICKS))
    steps = [factor * decade for factor in _ROUND]
    step = next((step for step in steps if step * _TICKS >= reach * (1 - 1e-9)), steps[-1])
    step = float(ceil(step)) if whole else step
    return [index * step for index in range(ceil(reach / step - 1e-9) + 1)]


def _within(end: float) -> list[float]:
    """Return the round numbers of an axis that ends with its data."""
    return [tick for tick in round_ticks(end) if tick <= end * (1 + 1e-9)]


def _bars(counts: NDArray[np.int64], top: float, titles: Sequence[str]) -> Markup:
    """Return a bar for each count above 0; `{}` in a title is the count."""
    width = _PLOT_WIDTH / len(counts)
    return Markup("").join(
        _BAR.format(
            _LEFT + index * width + 0.5, _up(count, top), width - 1, _BASELINE - _up(count, top), title.format(count)
        )
        for index, (count, title) in enumerate(zip(counts, titles, strict=True))
        if count
    )


def _linked(link: str, x: float, y: float, title: str) -> Markup:
    """Return a dot that opens an address where there is one."""
    dot = _DOT.format(x, y, 5.0 if link.startswith("#") else 2.5, title)
    return Markup('<a href="{}">{}</a>').format(link, dot) if link else dot


def _largest_of_each_moment(times_s: Sequence[float], values: Sequence[float], moment_s: float) -> set[int]:
    """Return the indices of values: all of a few, else of the largest of each moment."""
    indices = range(len(values))
    if len(values) <= _MOMENTS:
        return set(indices)

    def moment(index: int) -> float:
        return times_s[index] // moment_s

    return {max(group, key=values.__getitem__) for _, group in groupby(sorted(indices, key=moment), moment)}


def _chart(
    marks: Markup, x_ticks: Sequence[float], x_end: float, x_unit: str, y_ticks: Sequence[float], y_unit: str
) -> Markup:
    """Put marks between labelled axes that start at 0; the last label across carries the unit."""
    labels: list[tuple[float, float, str, str]]
    labels = [(_across(tick, x_end), _HEIGHT - 9, "middle", _short(tick)) for tick in x_ticks[:-1]]
    labels.append((_across(x_ticks[-1], x_end) + _RIGHT - 2, _HEIGHT - 9, "end", f"{_short(x_ticks[-1])} {x_unit}"))
    labels += [(_LEFT - 7, _up(tick, y_ticks[-1]) + 4, "end", _short(tick)) for tick in y_ticks]
    labels.append((_LEFT - 7, 14, "start", y_unit))
    texts = Markup("").join(_TEXT.format(*label) for label in labels)
    grid = Markup("").join(
        Markup("M{} {:.1f}H{}").format(_LEFT, _up(tick, y_ticks[-1]), _WIDTH - _RIGHT) for tick in y_ticks
    )
    lines = Markup('<path class="axis" d="{}"/>').format(grid)
    return Markup('<svg viewBox="0 0 {} {}" role="img">{}{}{}</svg>').format(_WIDTH, _HEIGHT, lines, marks, texts)


def _across(value: float, end: float) -> float:
    return _LEFT + _PLOT_WIDTH * value / end


def _up(value: float, top: float) -> float:
    return _TOP + _PLOT_HEIGHT * (1 - value / top)


def _middle() -> float:
    return _LEFT + _PLOT_WIDTH / 2


def _short(value: float) -> str:
    """Return a number with at most three digits behind the point, and never as a power of ten."""
    return f"{value:.3f}".rstrip("0").rstrip(".")
