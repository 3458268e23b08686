"""What `evaluate`, `score` and `ablate` share: named inputs, the progress bar, and tables on the terminal."""

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from rich.console import Console

    from epofusion_core.evaluation.evaluate import Outcome
    from epofusion_core.evaluation.summary import Evaluation, Table

SHEET_PAIRS = 24
"""How many pairs the contact sheet of a report shows unless told."""


def split_name(argument: str, suffix: str = "") -> tuple[str, str]:
    """Split NAME=VALUE; without a name, it is the last part of the value as a path, less `suffix`."""
    name, equals, value = argument.partition("=")
    return (name, value) if equals else (Path(argument).name.removesuffix(suffix), argument)


def refuse_equal_names(names: Iterable[str], option: str) -> None:
    """Raise `typer.BadParameter` where two methods, or a method and a rule, would share a row's name."""
    from epofusion_core.evaluation.baselines import RULES

    seen = set(RULES)
    for name in names:
        if name in seen:
            raise typer.BadParameter(f"{name!r} names two rows; give one a name: {option} NAME={name}")
        seen.add(name)


def run(title: str, outcomes: "Iterable[Outcome]", total: int, sheet: int, problems: list[str]) -> "Evaluation":
    """Collect outcomes behind a progress bar."""
    from rich.console import Console
    from rich.progress import track

    from epofusion_core.evaluation.summary import collect

    console = Console(stderr=True)
    return collect(track(outcomes, title, total, console=console, transient=True), sheet, problems)


def finish(title: str, out: Path, evaluation: "Evaluation") -> None:
    """Write the files, print the tables and problems, and exit with code 1 if any input could not be used."""
    from rich.console import Console

    from epofusion_core.evaluation.results import write_results

    write_results(out, title, evaluation)
    console = Console()
    for table in evaluation.tables:
        _print(console, table)
    console.print(f"Report: {out / 'report.html'}", highlight=False, markup=False, soft_wrap=True)
    for problem in evaluation.problems:
        typer.echo(f"not used: {problem}", err=True)
    if evaluation.problems:
        typer.echo(f"{len(evaluation.problems)} inputs could not be used; all others are in the figures", err=True)
        raise typer.Exit(1)


def _print(console: "Console", table: "Table") -> None:
    from rich.table import Table as RichTable
    from rich.text import Text

    styles = {"best": "bold green", "second": "underline"}
    shown = RichTable(
        title=f"{table.title}: {table.items} items, {table.glare_items} overexposed", title_justify="left"
    )
    shown.add_column("method", no_wrap=True)
    for column in table.columns:
        shown.add_column(column.heading, justify="right", no_wrap=True)
    for row in table.rows:
        cells = [Text(c.format(row.figures[c.key]), styles.get(row.marks.get(c.key, ""), "")) for c in table.columns]
        shown.add_row(Text(row.method), *cells)
    console.print(shown)
