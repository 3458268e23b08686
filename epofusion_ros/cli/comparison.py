"""What `evaluate`, `score`, `ablate` and `downstream` share: named methods, progress bars, tables on the terminal."""

from collections.abc import Iterable, Sequence
from itertools import zip_longest
from operator import attrgetter
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from epofusion_ros.cli.console import clear_errors, console, error_console, note, print_json, watched

if TYPE_CHECKING:
    from rich.table import Table as RichTable

    from epofusion_core.engines.engine import EngineOptions
    from epofusion_core.evaluation.evaluate import ItemResult
    from epofusion_core.evaluation.methods import Method
    from epofusion_core.evaluation.summary import Evaluation, Table
    from epofusion_core.output_guard import OutputFolder

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


def methods_of(
    models: list[str] | None, engine: "EngineOptions", fused: list[str] | None = None, *, sources: bool = False
) -> "list[Method]":
    """Return the rules, the models and folders of other methods' images; all is checked before any work starts.

    Args:
        models: as `--model` takes them; all that are installed without any.
        engine: that runs them.
        fused: folders, as `--fused` takes them.
        sources: whether visible and infrared are compared as well.

    Raises:
        ValueError: two have one name, one is not there, or was not trained for the steps.
    """
    from epofusion_core.engines.select import check_steps
    from epofusion_core.evaluation.baselines import RULES
    from epofusion_core.evaluation.methods import FolderMethod, ModelMethod, RuleMethod, SourceMethod
    from epofusion_core.model.card import installed_sizes, read_card, resolve_weights

    if models is None:
        models = installed_sizes()
    named = [split_name(argument, ".safetensors") for argument in models]
    refuse_equal_names((name for name, _ in named), "--model")
    for _, source in named:
        check_steps(read_card(resolve_weights(source)), engine)
    folders = folders_of(fused or [], taken=[name for name, _ in named])
    methods: list[Method] = [SourceMethod("visible"), SourceMethod("infrared")] if sources else []
    methods += [RuleMethod(name) for name in RULES]
    methods += [ModelMethod(name, source, engine) for name, source in named]
    return methods + [FolderMethod(name, folder) for name, folder in folders]


def folders_of(fused: list[str], taken: Sequence[str] = ()) -> list[tuple[str, Path]]:
    """Return name and folder of each method that left images, as `--fused` takes them.

    Raises:
        ValueError: two have one name, or one of those `taken`, or a folder is not there.
    """
    named = [split_name(argument) for argument in fused]
    refuse_equal_names([*taken, *(name for name, _ in named)], "--fused")
    for _, folder in named:
        if not Path(folder).is_dir():
            raise ValueError(f"fused folder {folder} is missing; expected a folder of images")
    return [(name, Path(folder)) for name, folder in named]


def files_of(models: Iterable[str]) -> list[Path]:
    """Return the weights files among models that are given as NAME=FILE, as a file or as a named size."""
    from epofusion_core.model.card import weights_file

    files = (weights_file(split_name(model)[1]) for model in models)
    return [file for file in files if file is not None]


def output_folder(out: Path, command: str) -> "OutputFolder":
    """Return the folder that `show` writes to."""
    from epofusion_core.evaluation.results import FILES
    from epofusion_core.output_guard import OutputFolder

    return OutputFolder(out, command, FILES)


def run(title: str, outcomes: "Iterable[ItemResult]", total: int, sheet: int, problems: Sequence[str]) -> "Evaluation":
    """Collect outcomes behind a progress bar."""
    from epofusion_core.evaluation.summary import collect

    return collect(watched(title, outcomes, total), sheet, problems)


def write(title: str, out: Path, evaluation: "Evaluation") -> None:
    """Write the files of an evaluation."""
    from epofusion_core.evaluation.results import write_results

    with clear_errors():
        write_results(out, title, evaluation)
    note(f"report: {out / 'report.html'}")


def show(tables: "Sequence[Table]", counted: str = "items", *, as_json: bool = False) -> None:
    """Print tables, however narrow the terminal is, or a list of them as JSON."""
    from rich.console import Console

    from epofusion_core.evaluation.summary import as_plain

    if as_json:
        print_json([as_plain(table) for table in tables])
        return
    for table in tables:
        Console(width=max(console.width, _TABLE_WIDTH)).print(_terminal_table(table, counted))


def exit_with(problems: Sequence[str]) -> None:
    """Name and count the inputs that could not be used; leave with exit code 1 if there are any."""
    for problem in problems:
        error_console.print(f"not used: {problem}", soft_wrap=True, highlight=False, markup=False)
    if problems:
        error_console.print(f"{len(problems)} inputs could not be used; all others are in the figures")
        raise typer.Exit(1)


def _terminal_table(table: "Table", counted: str) -> "RichTable":
    from rich import box
    from rich.table import Table as RichTable
    from rich.text import Text

    styles = {"best": "bold green", "second": "underline"}
    title = f"{table.title} ({counted}: {table.items}, overexposed: {table.glare_items})"
    shown = RichTable(title=title, title_justify="left", box=box.SIMPLE_HEAD, pad_edge=False, collapse_padding=True)
    shown.add_column("method", no_wrap=True)
    for column in table.columns:
        shown.add_column(column.heading, justify="right", no_wrap=True)
    rows = sorted(table.rows, key=attrgetter("is_rule"))
    for row, after in zip_longest(rows, rows[1:]):
        cells = [Text(c.format(row.figures[c.key]), styles.get(row.marks.get(c.key, ""), "")) for c in table.columns]
        ends_methods = after is not None and after.is_rule > row.is_rule
        shown.add_row(Text(row.method), *cells, style="dim" if row.is_rule else "", end_section=ends_methods)
    return shown
