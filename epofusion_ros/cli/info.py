"""`epofusion info`: parameters and operations of each named size."""

from typing import Annotated

import typer
from rich.table import Table

from epofusion_ros.cli.console import clear_errors, console

_TITLE = "Named sizes; GMAC: 10^9 multiply-accumulates of a pair, fused image and mask"


def info(
    height: Annotated[int, typer.Option(help="Image height, pixels.", min=1)] = 480,
    width: Annotated[int, typer.Option(help="Image width, pixels.", min=1)] = 640,
) -> None:
    """Show parameters and multiply-accumulates of each named size, in all and by part (the paper's Table V)."""
    with clear_errors():
        from epofusion_core.benchmark.complexity import Complexity, measure_complexity
        from epofusion_core.model.config import MODELS
        from epofusion_core.model.epofusion import EPOFusion

        summary = Table("model", "input", "steps", "parameters / M", "GMAC", title=_TITLE)
        by_part: list[tuple[str, Complexity]] = []
        for name, config in MODELS.items():
            complexity = measure_complexity(EPOFusion(config), height, width)
            by_part.append((name, complexity))
            summary.add_row(
                name,
                f"{height}x{width}",
                str(complexity.steps),
                f"{complexity.parameters / 1e6:.2f}",
                f"{complexity.macs / 1e9:.2f}",
            )
    console.print(summary)
    for name, complexity in by_part:
        table = Table("part", "parameters / M", "GMAC a call", "calls", title=name)
        for part in complexity.parts:
            table.add_row(part.name, f"{part.parameters / 1e6:.3f}", f"{part.macs / 1e9:.3f}", str(part.calls))
        console.print(table)
