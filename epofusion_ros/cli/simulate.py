"""`epofusion simulate`: render a drive as paired images with exact masks, and as a bag."""

from collections import deque
from collections.abc import Iterator
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Optional

import typer

from epofusion_ros.cli import options
from epofusion_ros.cli.console import clear_errors, note, progress

if TYPE_CHECKING:
    from epofusion_core.simulation import DriveFrame


class Scene(str, Enum):
    """What is driven through."""

    night = "night"
    low_sun = "low_sun"
    tunnel = "tunnel"


def simulate(
    out: Annotated[Path, typer.Option(help="Folder to write vi/, ir/ and mask/ to.")],
    frames: Annotated[int, typer.Option(help="Number of frames; 30 are a second.", min=1)] = 90,
    seed: Annotated[int, typer.Option(help="Seed of all that is random.")] = 0,
    scene: Annotated[Scene, typer.Option(help="What is driven through.")] = Scene.night,
    height: Annotated[int, typer.Option(help="Image height, pixels.")] = 480,
    width: Annotated[int, typer.Option(help="Image width, pixels.")] = 640,
    bag: Annotated[Optional[Path], typer.Option(help="Also write the images as a rosbag2, to this new folder.")] = None,
    overwrite: options.Overwrite = False,
    quiet: options.Quiet = False,
) -> None:
    """Render a simulated drive: visible, infrared and the exact mask of objects inside the glare."""
    import numpy as np

    from epofusion_core.imaging import write_png
    from epofusion_core.output_guard import OutputFolder
    from epofusion_core.simulation import Drive

    def rendered() -> "Iterator[DriveFrame]":
        drive = Drive(seed, height, width, scene.value)
        for index in range(frames):
            frame = drive.frame(index)
            name = f"{scene.value}_{seed}_{index:05d}.png"
            write_png(out / "vi" / name, frame.visible)
            write_png(out / "ir" / name, frame.thermal)
            write_png(out / "mask" / name, frame.mask.astype(np.uint8) * 255)
            yield frame
            report(index + 1, frames)

    output = OutputFolder(out, "simulate", ("vi", "ir", "mask"))
    with clear_errors():
        output.check([], overwrite=overwrite)
        output.mark()
    with clear_errors(), progress("rendering") as report:
        if bag is None:
            deque(rendered(), maxlen=0)
        else:
            from epofusion_ros.replay.drive_bag import write_drive_bag

            write_drive_bag(bag, rendered())
    note(f"{frames} pairs written to {out}{f' and {bag}' if bag else ''}")
