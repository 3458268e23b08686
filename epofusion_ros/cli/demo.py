"""`epofusion demo`: feeds the real node over DDS, and writes its output as video, pictures and a report."""

import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Optional

import typer

from epofusion_ros.cli import options
from epofusion_ros.cli.console import clear_errors, error_console, note, progress

if TYPE_CHECKING:
    from collections.abc import Iterable

    from epofusion_ros.demo.images import StampedImage


_OF_THE_DEMO: dict[str, str | bool] = {"autostart": False, "rgb.transport": "raw", "thermal.transport": "raw"}
"""Parameters that follow from how the demo feeds the node, whatever a file says."""


def demo(
    vi: Annotated[Optional[Path], typer.Option(help="Video or folder of visible images, instead of the drive.")] = None,
    thermal: Annotated[Optional[Path], typer.Option(help="Video or folder of thermal images, with --vi.")] = None,
    bag: Annotated[
        Optional[Path], typer.Option(help="Rosbag with an RGB and a thermal topic, instead of the drive.")
    ] = None,
    rgb_topic: Annotated[Optional[str], typer.Option(help="RGB topic of the bag; found by name without it.")] = None,
    thermal_topic: Annotated[Optional[str], typer.Option(help="Thermal topic of the bag, likewise.")] = None,
    out: Annotated[Path, typer.Option(help="Folder for the video, masks, pictures and report.html.")] = Path(
        "demo_output"
    ),
    config: options.Config = None,
    model: options.Model = None,
    engine: options.Engine = None,
    device: options.Device = None,
    precision: options.Precision = None,
    frames: Annotated[int, typer.Option(min=1, help="How many RGB images of the source to publish.")] = 300,
    live: Annotated[bool, typer.Option("--live", help="Repeat them until Ctrl-C, to look at in RViz.")] = False,
    overwrite: options.Overwrite = False,
    quiet: options.Quiet = False,
) -> None:
    """Run the fusion node on a simulated drive, on videos or on a bag, over DDS, and write a report.

    Exit code 0: all images accounted for; 1: some are not, or nothing was fused; 2: the input or the node failed.
    """
    from epofusion_core.model.card import resolve_weights
    from epofusion_core.output_guard import OutputFolder
    from epofusion_ros.parameters.node_parameters import from_values
    from epofusion_ros.parameters.parameter_file import files_of, values_of

    # By default SIGTERM ends Python at once, and the node, a process of its own, would go on.
    signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))
    with clear_errors():
        from epofusion_ros.demo.report import verdict
        from epofusion_ros.demo.run import OUTPUTS, DemoSettings, run_demo
        from epofusion_ros.remote_node.process import NodeError

        output = OutputFolder(out, "demo", OUTPUTS)
        values = values_of(config, options.given(model=model, engine=engine, device=device, precision=precision))
        parameters = from_values(values)
        values |= {"model": parameters.model, **_OF_THE_DEMO}
        output.check([vi, thermal, bag, config, *files_of(parameters)], overwrite=overwrite)
        resolve_weights(parameters.model)
        source, images = _source(vi, thermal, bag, rgb_topic, thermal_topic)
        output.mark()
        try:
            recording = run_demo(images, DemoSettings(source, values, out, frames, live), progress)
        except NodeError as error:
            error_console.print(f"error: {error}", highlight=False, markup=False, soft_wrap=True)
            raise typer.Exit(2) from error
    balance = recording.balance()
    note(
        f"{balance.received} received = {balance.fused} fused + {balance.superseded} superseded + "
        f"{balance.unmatched} unmatched + {balance.dropped} dropped"
    )
    if problem := verdict(balance):
        error_console.print(
            f"{problem}; the node's log is {out / 'node.log'}", highlight=False, markup=False, soft_wrap=True
        )
        raise typer.Exit(1)
    note(f"look at {(out / 'report.html').resolve()}")


def _source(
    vi: Path | None, thermal: Path | None, bag: Path | None, rgb_topic: str | None, thermal_topic: str | None
) -> "tuple[str, Iterable[StampedImage]]":
    """Return what is published, in words and as images."""
    if (vi is None) != (thermal is None):
        raise ValueError("only one of --vi and --thermal is given; expected both or neither")
    if bag and vi:
        raise ValueError("both --bag and --vi are given; expected one source")
    if bag:
        from epofusion_ros.demo.bag import bag_images

        return f"Bag {bag.name}", bag_images(bag, rgb_topic, thermal_topic)
    if vi and thermal:
        from epofusion_ros.demo.files import file_images

        return f"{vi.name} and {thermal.name}", file_images(vi, thermal)
    from epofusion_ros.demo.images import drive_images

    return "A simulated night drive", drive_images()
