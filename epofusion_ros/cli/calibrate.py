"""`epofusion calibrate`: how the thermal image lies on the RGB image, from a recording of both cameras."""

import re
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Optional

import typer

from epofusion_ros.cli import options
from epofusion_ros.cli.console import clear_errors, console, note, progress

if TYPE_CHECKING:
    from epofusion_core.registration.board import Board
    from epofusion_core.registration.estimate import Estimate
    from epofusion_ros.replay.calibration_pairs import GreyPair

_UNSURE_PX = 3.0


class BoardKind(str, Enum):
    """What a board shows."""

    chessboard = "chessboard"
    circles = "circles"
    acircles = "acircles"


class Model(str, Enum):
    """What is fitted by gradients."""

    similarity = "similarity"
    affine = "affine"
    homography = "homography"


def calibrate(
    out: Annotated[Path, typer.Option(help="Calibration file to write; a picture of the same name lies beside it.")],
    data: Annotated[Optional[Path], typer.Option(help="Folder of pairs: vi/ and ir/. This or --bag.")] = None,
    list_file: Annotated[Optional[Path], typer.Option("--list", help="With --data: text file with the pairs.")] = None,
    bag: Annotated[Optional[Path], typer.Option(help="A rosbag of both cameras.")] = None,
    rgb_topic: Annotated[Optional[str], typer.Option(help="RGB topic; found by itself where only one fits.")] = None,
    thermal_topic: Annotated[Optional[str], typer.Option(help="Thermal topic, likewise.")] = None,
    config: Annotated[Optional[Path], typer.Option(help="ROS 2 parameter file: its sync and thermal settings.")] = None,
    frames: Annotated[int, typer.Option(min=1, help="Pairs to use, spread over the recording.")] = 12,
    pattern: Annotated[
        Optional[str], typer.Option(help="Look for a board of COLUMNSxROWS inner corners or circles, as OpenCV counts.")
    ] = None,
    board: Annotated[BoardKind, typer.Option(help="With --pattern: what is on the board.")] = BoardKind.chessboard,
    model: Annotated[Model, typer.Option(help="What is fitted without a board.")] = Model.similarity,
    overwrite: options.Overwrite = False,
    quiet: options.Quiet = False,
) -> None:
    """Estimate the homography from thermal to RGB pixels for registration.mode homography.

    Exit code 0: done; 1: done, but the result is unreliable; 2: nothing could be done.
    """
    from epofusion_core.output_guard import check_file

    picture = out.with_suffix(".png")
    with clear_errors():
        looked_for = _board(pattern, board)
        for file in (out, picture):
            check_file(file, [data, list_file, bag, config], overwrite=overwrite)
        from epofusion_core.registration.calibration import write_homography
        from epofusion_core.registration.estimate import estimate_homography
        from epofusion_ros.parameters.parameter_file import parameters_of
        from epofusion_ros.replay.calibration_pairs import pairs_of_bag, pairs_of_folder

        if (data is None) == (bag is None):
            raise ValueError("either --data or --bag is needed; expected one of them")
        with progress("reading pairs"):
            if data is not None:
                pairs = pairs_of_folder(data, list_file, frames)
            else:
                assert bag is not None
                pairs = pairs_of_bag(bag, rgb_topic, thermal_topic, parameters_of(config, {}), frames, note)
        visible, thermal = [pair[0] for pair in pairs], [pair[1] for pair in pairs]
        with progress(f"fitting {len(pairs)} pairs"):
            found = estimate_homography(visible, thermal, looked_for, model.value)
        write_homography(out, found.homography, found.residual_px)
        _write_overlay(picture, pairs[len(pairs) // 2], found)
    note(f"{len(pairs)} pairs, by {found.method}: residual {found.residual_px:.2f} px of the RGB image")
    note(f"written: {out}; look at {picture}: left before, right after, RGB in red and thermal in cyan")
    if found.residual_px > _UNSURE_PX:
        console.print(
            f"[red]unreliable:[/red] a residual of more than {_UNSURE_PX:g} px; more scenes, with edges that "
            "both cameras see, or a board may help",
            soft_wrap=True,
        )
        raise typer.Exit(1)


def _board(pattern: str | None, kind: BoardKind) -> "Board | None":
    from epofusion_core.registration.board import Board

    if pattern is None:
        if kind is not BoardKind.chessboard:
            raise ValueError(f"--board {kind.value} needs --pattern; expected circles such as 4x11")
        return None
    match = re.fullmatch(r"(\d+)x(\d+)", pattern)
    if match is None or min(int(match[1]), int(match[2])) < 3:
        raise ValueError(f"--pattern is {pattern!r}; expected inner corners or circles such as 9x6, at least 3x3")
    return Board((int(match[1]), int(match[2])), kind.value)


def _write_overlay(path: Path, pair: "GreyPair", found: "Estimate") -> None:
    """Draw both images over each other, before and after."""
    import cv2
    import numpy as np

    from epofusion_core.imaging import write_png
    from epofusion_core.registration.warp import homography_warp

    visible, thermal = pair
    size = (visible.shape[1], visible.shape[0])
    warp = homography_warp(found.homography, found.homography.thermal_size, found.homography.rgb_size)
    before = np.asarray(cv2.resize(thermal, size), np.uint8)
    write_png(path, np.hstack([np.dstack([visible, shown, shown]) for shown in (before, warp(thermal))]))
