"""The HTML report: tables, problems and contact sheets in one file that needs nothing else, online or offline."""

from datetime import datetime, timezone
from math import isnan

from epofusion_core.evaluation.baselines import RULES
from epofusion_core.evaluation.evaluate import ItemResult
from epofusion_core.evaluation.summary import Evaluation, Table
from epofusion_core.report.page import render_page

_FIRST = 3
_JUDGED_BY = ("q_oe", "qabf")
"""Column that decides which method and which rule the verdict names: the first that applies."""

_WITH = ("n_oe",)
"""Columns in which the verdict shows the same two: a rule may lead by bringing in noise."""


def render(title: str, evaluation: Evaluation) -> str:
    """Return the report as a self-contained page; file names in it are escaped."""
    return render_page(
        __package__,
        "report.html.jinja",
        title=title,
        made=datetime.now(timezone.utc).strftime("%Y-%m-%d %H:%M UTC"),
        evaluation=evaluation,
        verdict=_verdict(evaluation.tables[0]) if evaluation.tables else None,
        first=_look_at_first(evaluation),
        layers=_layers,
    )


def _layers(shown: ItemResult) -> tuple[list[tuple[str, bytes]], str]:
    """Return the pictures of a pair by name, and which of them is first compared with the visible image."""
    methods = [measurement.method for measurement in shown.measurements]
    return [(tile.caption, tile.jpeg) for tile in shown.tiles], methods[-1] if methods else "infrared"


def _verdict(table: Table) -> str | None:
    """Return the best method against the best rule, in a sentence; None without a method, a rule or a column."""
    shown = {column.key: column for column in table.columns}
    key = next((key for key in _JUDGED_BY if key in shown), None)
    if key is None:
        return None
    known = [row for row in table.rows if not isnan(row.figures[key])]
    methods, rules = ([row for row in known if row.is_rule is is_rule] for is_rule in (False, True))
    if not methods or not rules:
        return None
    best, rule = (max(rows, key=lambda row: row.figures[key]) for rows in (methods, rules))
    sentences = [
        f"{column.meaning} ({column.title}): {best.method} {column.format(best.figures[column.key])}, "
        f"{rule.method} {column.format(rule.figures[column.key])}"
        for column in (shown[key], *(shown[noise] for noise in _WITH if noise in shown))
    ]
    return "Best method and best plain rule: " + "; ".join(sentences) + "."


def _look_at_first(evaluation: Evaluation) -> list[tuple[int, str]]:
    """Return the number on the contact sheet and the name of the pairs on which methods keep the fewest edges."""
    worst = {
        number: min((m.figures["qabf"] for m in shown.measurements if m.method not in RULES), default=1.0)
        for number, shown in enumerate(evaluation.sheet, start=1)
    }
    numbers = sorted(worst, key=lambda number: worst[number])[:_FIRST] if len(worst) > _FIRST else []
    return [(number, evaluation.sheet[number - 1].item) for number in numbers]
