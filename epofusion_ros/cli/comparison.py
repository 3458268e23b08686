"""What `evaluate`, `score` and `ablate` share: named methods, the progress bar, and tables on the terminal."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from epofusion_ros.cli.console import console, error_console, note

if TYPE_CHECKING:
    from rich.table import Table as RichTable

    from epofusion_core.evaluation.evaluate import ItemResult
    from epofusion_core.evaluation.summary import Evaluation, Table

SHEET_PAIRS = 24
"""How many pairs the contact sheet of a report shows unless told."""

_TABLE_WIDTH = 160  # wider than some terminals: a wrapped line can still be read, a cut figure cannot


def split_name(argument: str, suffix: str = "") -> tuple[str, str]:
    """Split NAME=VALUE; without a name, it is the last part of the value as a path, less `suffix`."""
    name, equals, value = argument.partition("=")
    return (name, value) if equals else (Path(argument).name.removesuffix(suffix), argument)


def refuse_equal_names(names: Iterable[str], option: str) -> None:
    """Raise ValueError where two methods, or a method and a rule, would share a row's name."""
    from epofusion_core.evaluation.baselines import RULES

    seen = set(RULES)
    for name in names:
        if name in seen:
            raise ValueError(f"{name!r} names two rows of the table; expected a name of its own: {option} NAME=PATH")
        seen.add(name)


def run(title: str, outcomes: "Iterable[ItemResult]", total: int, sheet: int, problems: Sequence[str]) -> "Evaluation":
    """Collect outcomes behind a progress bar."""
    from rich.progress import track

    from epofusion_core.evaluation.summary import collect

    return collect(track(outcomes, title, total, console=error_console, transient=True), sheet, problems)


def show(title: str, out: Path, evaluation: "Evaluation") -> None:
    """Write the files of an evaluation and print its tables."""
    from rich.console import Console

    from epofusion_core.evaluation.results import write_results

    write_results(out, title, evaluation)
    wide = Console(width=max(console.width, _TABLE_WIDTH))
    for table in evaluation.tables:
        wide.print(_terminal_table(table))
    note(f"report: {out / 'report.html'}")


def exit_with(problems: Sequence[str]) -> None:
    """Name and count the inputs that could not be used; leave with exit code 1 if there are any."""
    for problem in problems:
        error_console.print(f"not used: {problem}", soft_wrap=True, highlight=False, markup=False)
    if problems:
        error_console.print(f"{len(problems)} inputs could not be used; all others are in the figures")
        raise typer.Exit(1)


def _terminal_table(table: "Table") -> "RichTable":
    from rich import box
    from rich.table import Table as RichTable
    from rich.text import Text

    styles = {"best": "bold green", "second": "underline"}
    title = f"{table.title} (items: {table.items}, overexposed: {table.glare_items})"
    shown = RichTable(title=title, title_justify="left", box=box.SIMPLE_HEAD, pad_edge=False, collapse_padding=True)
    shown.add_column("method", no_wrap=True)
    for column in table.columns:
        shown.add_column(column.heading, justify="right", no_wrap=True)
    for row in table.rows:
        cells = [Text(c.format(row.figures[c.key]), styles.get(row.marks.get(c.key, ""), "")) for c in table.columns]
        shown.add_row(Text(row.method), *cells)
    return shown
