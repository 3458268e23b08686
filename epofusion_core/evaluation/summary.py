"""From measurements to tables: means over all pairs and per dataset, with the best and second best of each column."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Literal

from epofusion_core.evaluation.baselines import RULES
from epofusion_core.evaluation.columns import COLUMNS, Column
from epofusion_core.evaluation.evaluate import ItemResult, Measurement
from epofusion_core.evaluation.exposure_metrics import mean_where_applicable
from epofusion_core.report.apart import apart, look_alike

Mark = Literal["best", "second"]

_CANDIDATES = 3
"""Times as many pairs as are shown are kept until all are seen: the last and the next of two shots may look alike."""

OVERALL = "all"
"""Title of the table over everything."""


@dataclass(frozen=True)
class Row:
    """One method's means.

    Attributes:
        method: its name.
        figures: by column key; NaN where no pair allows the measure.
        marks: the columns, by key, in which it is best or second best.
    """

    method: str
    figures: dict[str, float]
    marks: dict[str, Mark] = field(default_factory=dict)

    @property
    def is_rule(self) -> bool:
        """Whether it is a plain rule, which methods are compared with."""
        return self.method in RULES


@dataclass(frozen=True)
class Table:
    """Means of every method over the same items.

    Attributes:
        title: "all" or the dataset's name.
        items: how many pairs and clips every method has a result for; the means are over these.
        glare_items: how many of them are overexposed enough for Q_oe, C_oe and N_oe.
        columns: those that apply to at least one row.
        rows: in the order of the methods.
    """

    title: str
    items: int
    glare_items: int
    columns: list[Column]
    rows: list[Row]


@dataclass(frozen=True)
class Evaluation:
    """Everything that an evaluation gave.

    Attributes:
        measurements: of every method on every pair and clip.
        sheet: outcomes with pictures for the contact sheet, the most overexposed first.
        problems: one sentence for each input that could not be used.
        tables: over everything first, then per dataset if there are several.
    """

    measurements: list[Measurement]
    sheet: list[ItemResult]
    problems: list[str]
    tables: list[Table]


def collect(outcomes: Iterable[ItemResult], sheet_size: int, problems: Sequence[str] = ()) -> Evaluation:
    """Gather outcomes as they come; only the `sheet_size` most overexposed pairs keep their pictures.

    Of pairs that follow each other and look the same, as those of a drive do, the most overexposed is shown.

    Args:
        outcomes: from `measure_pairs` and `measure_clips`.
        sheet_size: how many pairs the contact sheet shows.
        problems: sentences about inputs that were never measured, such as images without a partner.
    """
    measurements: list[Measurement] = []
    candidates: list[ItemResult] = []
    sentences = list(problems)
    begin: ItemResult | None = None
    for outcome in outcomes:
        measurements += outcome.measurements
        sentences += outcome.problems
        if outcome.tiles and sheet_size:
            if begin is not None and _look_alike(begin, outcome):
                candidates = [*candidates[:-1], max(candidates[-1], outcome, key=_overexposed)]
                continue
            begin = outcome
            candidates = [*sorted(candidates, key=_overexposed, reverse=True)[: _CANDIDATES * sheet_size], outcome]
    sheet = apart(sorted(candidates, key=_overexposed, reverse=True), _look_alike, sheet_size)
    return Evaluation(measurements, sheet, list(dict.fromkeys(sentences)), tables(measurements))


def _overexposed(outcome: ItemResult) -> float:
    return outcome.overexposed_fraction


def _look_alike(first: ItemResult, second: ItemResult) -> bool:
    return look_alike(first.tiles[0].jpeg, second.tiles[0].jpeg)


def tables(measurements: Sequence[Measurement]) -> list[Table]:
    """Return the table over everything and, where there are several datasets, one for each.

    Methods are comparable only on the same pairs: an item counts where every method that has results at all has one.
    """
    methods = list(dict.fromkeys(measurement.method for measurement in measurements))
    have_item: dict[str, set[str]] = {}
    for measurement in measurements:
        have_item.setdefault(measurement.item, set()).add(measurement.method)
    common = [m for m in measurements if len(have_item[m.item]) == len(methods)]
    datasets = sorted({measurement.dataset for measurement in common})
    result = [_table(OVERALL, methods, common)] if common else []
    if len(datasets) > 1:
        result += [_table(name, methods, [m for m in common if m.dataset == name]) for name in datasets]
    return result


def as_plain(table: Table) -> dict[str, object]:
    """Return a table as JSON can hold it."""
    rows = [{"method": row.method, "figures": without_nan(row.figures), "marks": row.marks} for row in table.rows]
    return {"dataset": table.title, "items": table.items, "overexposed_items": table.glare_items, "rows": rows}


def without_nan(figures: dict[str, float]) -> dict[str, float | None]:
    """Return figures as JSON can hold them: rounded, and None for what does not apply."""
    return {key: None if math.isnan(value) else round(value, 6) for key, value in figures.items()}


def _table(title: str, methods: Sequence[str], measurements: Sequence[Measurement]) -> Table:
    means = {
        method: {
            column.key: mean_where_applicable(
                m.figures.get(column.key, math.nan) for m in measurements if m.method == method
            )
            for column in COLUMNS
        }
        for method in methods
    }
    columns = [c for c in COLUMNS if not all(math.isnan(figures[c.key]) for figures in means.values())]
    glare_items = {m.item for m in measurements if not math.isnan(m.figures.get("q_oe", math.nan))}
    return ranked_table(title, len({m.item for m in measurements}), len(glare_items), columns, means)


def ranked_table(
    title: str, items: int, glare_items: int, columns: list[Column], means: dict[str, dict[str, float]]
) -> Table:
    """Return a table of the means of each method, by column key, with the best and second best marked."""
    marks: dict[str, dict[str, Mark]] = {method: {} for method in means}
    for column in columns:
        for method, mark in _ranks(column, means).items():
            marks[method][column.key] = mark
    rows = [Row(method, {c.key: figures[c.key] for c in columns}, marks[method]) for method, figures in means.items()]
    return Table(title, items, glare_items, columns, rows)


def _ranks(column: Column, means: dict[str, dict[str, float]]) -> dict[str, Mark]:
    """Return the marks of a column by method; figures that look equal in the table share their mark.

    Plain rules win some columns by copying pixels. They get no mark beside a method, and several methods are ranked
    among themselves.
    """
    methods = [method for method in means if method not in RULES]
    ranked = methods if len(methods) > 1 else list(means)
    shown = {
        method: round(means[method][column.key], column.decimals)
        for method in ranked
        if not math.isnan(means[method][column.key])
    }
    order = sorted(set(shown.values()), reverse=column.higher_is_better)
    names: tuple[Mark, Mark] = ("best", "second")
    leaders = dict(zip(order, names, strict=False))
    marked = methods or ranked
    return {method: leaders[shown[method]] for method in marked if shown.get(method) in leaders}
