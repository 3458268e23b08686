"""`epofusion catalogue`: the hard cases of many replayed bags, on one page."""

from pathlib import Path
from typing import Annotated, Optional

import typer

from epofusion_ros.cli import options
from epofusion_ros.cli.console import clear_errors, note


def catalogue(
    out: Annotated[Path, typer.Argument(help="Folder that `epofusion bag --out` has written.")],
    worst: Annotated[
        Optional[list[str]], typer.Option(help="Measure whose worst pairs are shown, such as q_oe; repeatable.")
    ] = None,
    most: Annotated[
        Optional[list[str]],
        typer.Option(help="Column whose highest values are shown, such as overexposed_fraction; repeatable."),
    ] = None,
    frames: Annotated[int, typer.Option(min=1, help="Pairs that the page shows for each of them.")] = 12,
    overwrite: options.Overwrite = False,
    quiet: options.Quiet = False,
) -> None:
    """Find the hard cases of all bags in a folder, and write hard_cases.html there; q_oe without --worst and --most.

    Exit code 0: done; 2: there is no catalogue, or no such column.
    """
    with clear_errors():
        import pyarrow  # noqa: F401 - that it is missing is said before what else may be wrong

        from epofusion_core.output_guard import OutputFolder
        from epofusion_ros.replay import hard_cases

        chosen = [hard_cases.worst(key) for key in worst or ([] if most else ["q_oe"])]
        chosen += [hard_cases.most(key) for key in most or []]
        found = hard_cases.hard_cases(out, chosen, frames)
        output = OutputFolder(out, "catalogue", [hard_cases.PAGE])
        output.check([], overwrite=overwrite)
        output.mark()
        hard_cases.write_page(out, chosen, found)
    for criterion, cases in zip(chosen, found, strict=True):
        note(f"{criterion.title}: " + (f"{cases[0].value:.4g} in {cases[0].bag}" if cases else "no pair has it"))
    note(f"look at {out / hard_cases.PAGE}")
