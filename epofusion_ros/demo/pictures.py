"""Files that show what was fused: the video, the masks, and sources and results side by side."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from epofusion_core.imaging import write_png
from epofusion_core.progress import Progress
from epofusion_core.thermal import ThermalScaler, ThermalScaling
from epofusion_core.video import VideoWriter
from epofusion_ros.demo.highlights import Highlight, highlights
from epofusion_ros.demo.images import StampedImage
from epofusion_ros.demo.recording import FusedFrame
from epofusion_ros.messages.conversion import to_rgb, to_thermal

MASKS = ("guidance_mask", "overexposure_mask")
_SIDE_BY_SIDE_PICTURES = 8
_HEADING_PX = 34
_GAP_PX = 4


@dataclass(frozen=True)
class Shown:
    """What was written that the report shows.

    Attributes:
        rate_hz: of the video, whose frames are all fused ones.
        highlights: frames with pictures beside the video.
        layers: pictures of each of these by name, (H, W, 3) or (H, W) uint8.
    """

    rate_hz: float
    highlights: list[Highlight]
    layers: list[dict[str, NDArray[np.uint8]]]


def write_pictures(frames: Sequence[FusedFrame], images: Sequence[StampedImage], out: Path, report: Progress) -> Shown:
    """Write fused.mp4, masks/ and side_by_side/ below a folder.

    Args:
        frames: fused frames by stamp, at least one.
        images: what was published.
        out: folder to write to.
        report: called with (done, total) after each frame.
    """
    span_s = (frames[-1].stamp_ns - frames[0].stamp_ns) / 1e9
    rate_hz = (len(frames) - 1) / span_s if span_s > 0 else 1.0
    shown = highlights(frames, _SIDE_BY_SIDE_PICTURES)
    with VideoWriter(out / "fused.mp4", rate_hz) as video:
        for number, frame in enumerate(frames):
            video.write(frame.pictures["fused"])
            for mask in MASKS:
                if mask in frame.pictures:
                    write_png(out / "masks" / f"{number:05d}_{mask}.png", frame.pictures[mask])
            report(number + 1, len(frames))
    layers = [_layers(each.frame, images) for each in shown]
    for each, pictures in zip(shown, layers, strict=True):
        write_png(out / "side_by_side" / f"{each.number:05d}.png", side_by_side(pictures))
    return Shown(rate_hz, shown, layers)


def side_by_side(layers: Mapping[str, NDArray[np.uint8]]) -> NDArray[np.uint8]:
    """Return visible, thermal, fused and overlay in two rows of labelled pictures, (H', W', 3) uint8 RGB."""
    height, width = layers["visible"].shape[:2]
    shown = [name for name in ("visible", "thermal", "fused", "overlay") if name in layers]
    cells = [_labelled(name, layers[name], height, width) for name in shown]
    cells += [np.zeros_like(cells[0])] * (len(cells) % 2)
    return np.vstack([np.hstack(cells[:2]), np.hstack(cells[2:])])


def _layers(frame: FusedFrame, images: Sequence[StampedImage]) -> dict[str, NDArray[np.uint8]]:
    visible, thermal = _sources(frame, images)
    made = {name: frame.pictures[name] for name in ("fused", "overlay") if name in frame.pictures}
    masks = {name.replace("_", " "): frame.pictures[name] for name in MASKS if name in frame.pictures}
    return {"visible": visible, "thermal": thermal, **made, **masks}


def _sources(frame: FusedFrame, images: Sequence[StampedImage]) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Return the RGB image that a frame was made of and the thermal image nearest to it in time."""
    rgb = [image for image in images if image.stream == "rgb"][frame.index]
    thermal = min(
        (image for image in images if image.stream == "thermal"), key=lambda image: abs(image.stamp_ns - rgb.stamp_ns)
    )
    scale = ThermalScaler(ThermalScaling(smoothing=0.0))
    return to_rgb(rgb.message), scale(to_thermal(thermal.message))


def _labelled(label: str, picture: NDArray[np.uint8], height: int, width: int) -> NDArray[np.uint8]:
    """Return a picture of the given size below its heading, as RGB."""
    rgb = picture if picture.ndim == 3 else np.dstack([picture] * 3)
    if rgb.shape[:2] != (height, width):
        rgb = np.asarray(cv2.resize(rgb, (width, height), interpolation=cv2.INTER_AREA), dtype=np.uint8)
    cell = np.zeros((height + _HEADING_PX + _GAP_PX, width + _GAP_PX, 3), np.uint8)
    cell[_HEADING_PX : _HEADING_PX + height, :width] = rgb
    cv2.putText(cell, label, (6, 24), cv2.FONT_HERSHEY_SIMPLEX, 0.7, (235, 235, 235), 1, cv2.LINE_AA)
    return cell
