"""`epofusion fuse`: fuse images, folders or videos."""

from pathlib import Path
from typing import Annotated

import typer

from epofusion_ros.cli import options
from epofusion_ros.cli.console import clear_errors, finish, note, progress


def fuse(
    vi: Annotated[Path, typer.Option(help="Visible image, folder of images, or video.")],
    thermal: options.Thermal,
    out: Annotated[Path, typer.Option(help="Folder to write fused/, mask/ and overexposure/ to.")],
    config: options.Config = None,
    model: options.Model = None,
    engine: options.Engine = None,
    device: options.Device = None,
    precision: options.Precision = None,
    steps: options.Steps = None,
    untrained_steps: options.UntrainedSteps = False,
    snapshots: Annotated[
        bool, typer.Option("--snapshots", help="Images of a folder are no sequence: scale each 16-bit one by itself.")
    ] = False,
    overwrite: options.Overwrite = False,
    quiet: options.Quiet = False,
) -> None:
    """Fuse visible and thermal images, folders of them (paired by file stem), or videos."""
    from epofusion_core.fuse_files import OUTPUTS, check_sources, fuse_files
    from epofusion_core.output_guard import OutputFolder
    from epofusion_ros.parameters.parameter_file import files_of, parameters_of
    from epofusion_ros.stream.pipeline import load_fuser, preparation_of

    output = OutputFolder(out, "fuse", OUTPUTS)
    with clear_errors():
        parameters = parameters_of(
            config,
            options.given(
                model=model,
                engine=engine,
                device=device,
                precision=precision,
                steps=steps,
                untrained_steps=untrained_steps or None,
            ),
        )
        output.check([vi, thermal, config, *files_of(parameters)], overwrite=overwrite)
        check_sources(vi, thermal)
        preparation = preparation_of(parameters)
        preparation.registration()
        fuser = load_fuser(parameters, note)
        output.mark()
        with progress("fusing") as report:
            summary = fuse_files(fuser, vi, thermal, out, report, snapshots=snapshots, preparation=preparation)
    note(f"written to {out}")
    finish(summary.fused, "fused", summary.failures)
