"""`epofusion fuse`: fuse images, folders or videos."""

from pathlib import Path
from typing import Annotated

import typer

from epofusion_ros.cli import options
from epofusion_ros.cli.console import clear_errors, finish, note, progress


def fuse(
    vi: Annotated[Path, typer.Option(help="Visible image, folder of images, or video.")],
    ir: Annotated[Path, typer.Option(help="Infrared image, folder or video; folders are paired by file stem.")],
    out: Annotated[Path, typer.Option(help="Folder to write fused/, mask/ and overexposure/ to.")],
    model: Annotated[str, typer.Option(help="Name of a size whose weights ship, or a weights file.")] = "epofusion_xs",
    engine: options.Engine = "auto",
    device: options.Device = "cpu",
    precision: options.Precision = "auto",
    steps: options.Steps = None,
    untrained_steps: options.UntrainedSteps = False,
    snapshots: Annotated[
        bool, typer.Option("--snapshots", help="Images of a folder are no sequence: scale each 16-bit one by itself.")
    ] = False,
    overwrite: options.Overwrite = False,
) -> None:
    """Fuse visible and infrared images, folders of them (paired by file stem), or videos."""
    from epofusion_core.fuse_files import OUTPUTS, fuse_files
    from epofusion_core.fuser import Fuser
    from epofusion_core.model.card import weights_file
    from epofusion_core.output_guard import OutputFolder

    output = OutputFolder(out, "fuse", OUTPUTS)
    with clear_errors():
        output.check([vi, ir, weights_file(model)], overwrite=overwrite)
        fuser = Fuser.load(
            model,
            engine=engine,
            device=device,
            precision=precision,
            steps=steps,
            untrained_steps=untrained_steps,
            report=note,
        )
        output.mark()
        with progress("fusing") as report:
            summary = fuse_files(fuser, vi, ir, out, report, snapshots=snapshots)
    note(f"written to {out}")
    finish(summary.fused, "fused", summary.failures)
