"""`scripts/soak`: soak-test the node and print the verdict; exit code 1 if a requirement is not met."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from rich.progress import Progress
from rich.table import Table

from epofusion_core.atomic_file import write_text
from epofusion_ros.cli.console import clear_errors, console
from epofusion_ros.remote_node.process import NodeError
from epofusion_ros.soak.run import SoakSettings, run_soak
from epofusion_ros.soak.verdict import judge


def main(
    minutes: Annotated[float, typer.Option(min=0.1, help="How long to publish.")] = 5.0,
    out: Annotated[Path, typer.Option(help="Folder for soak.json and node.log.")] = Path("soak"),
    model: Annotated[str, typer.Option(help="Named size or weights file.")] = "epofusion_xs",
    rate: Annotated[float, typer.Option(min=1.0, help="Pairs a second.")] = 10.0,
    phase: Annotated[float, typer.Option(min=0.5, help="Seconds of each phase, clean or with a fault.")] = 5.0,
    seed: Annotated[int, typer.Option(help="Of the faults.")] = 0,
) -> None:
    """Publish to the real node over DDS, with faults between clean phases."""
    settings = SoakSettings(minutes, out, model, rate, phase, seed)
    with clear_errors(), Progress(console=console) as bar:
        task = bar.add_task("starting the node", total=60 * minutes)
        try:
            soak = run_soak(settings, lambda name, done, total: bar.update(task, description=name, completed=done))
        except NodeError as error:
            raise ValueError(str(error)) from error
    bars = judge(soak)
    table = Table("required", "measured", "", title=f"{minutes:g} minutes, {sum(soak.faults.values())} faults")
    for each in bars:
        table.add_row(each.what, each.measured, "met" if each.met else "NOT MET")
    console.print(table)
    kept = {"settings": asdict(settings) | {"out": str(out)}, "bars": [asdict(each) for each in bars]}
    kept |= {"faults": soak.faults, "figures": soak.figures, "phases": [asdict(each) for each in soak.phases]}
    write_text(out / "soak.json", json.dumps(kept, indent=1) + "\n")
    if not all(each.met for each in bars):
        raise typer.Exit(1)


if __name__ == "__main__":
    typer.run(main)
