"""Fusing of files: one pair of images, two folders paired by stem, or a pair of videos paired by time."""

from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from epofusion_core.data.pairs import pair_folders
from epofusion_core.fuser import Fuser, FusionResult
from epofusion_core.imaging import read_rgb, read_thermal, write_png
from epofusion_core.model.config import MASK_THRESHOLD
from epofusion_core.progress import Progress
from epofusion_core.thermal import ThermalScaler, ThermalScaling
from epofusion_core.video import VideoReader, VideoWriter, is_video
from epofusion_core.video_pairs import paired_frames

OUTPUTS = ("fused", "mask", "overexposure")
"""Folders that are written to."""

Outputs = dict[str, NDArray[np.uint8]]


@dataclass
class FuseSummary:
    """Counts of what was fused, and the failures.

    Attributes:
        fused: pairs or frames that were fused.
        failures: one sentence for each input that was not.
    """

    fused: int = 0
    failures: list[str] = field(default_factory=list)


def fuse_files(
    fuser: Fuser,
    visible: Path,
    infrared: Path,
    out: Path,
    report: Progress = lambda *_: None,
    *,
    snapshots: bool = False,
) -> FuseSummary:
    """Fuse what the paths name and write `out`/{fused,mask,overexposure}/STEM.png, or STEM.mp4 for videos.

    An unpaired or unreadable file is named in the summary and the others are done. Thermal images of more than 8 bits
    are scaled as the node scales its stream: those of a folder are a sequence in the order of their names.

    Args:
        fuser: the model.
        visible: image, folder or video.
        infrared: the same kind.
        out: folder to write to.
        report: told of progress.
        snapshots: the images of a folder are no sequence; each thermal image is scaled by itself.

    Raises:
        ValueError: a path is missing, or the two are of different kinds.
    """
    for name, path in (("visible", visible), ("infrared", infrared)):
        if not path.exists():
            raise ValueError(f"{name} path {path} does not exist; expected an image, a folder or a video")
    if visible.is_dir() != infrared.is_dir() or is_video(visible) != is_video(infrared):
        raise ValueError(f"{visible} and {infrared} are of different kinds; expected two images, folders or videos")
    if is_video(visible) and not visible.is_dir():
        return _fuse_videos(fuser, visible, infrared, out, report)
    summary = FuseSummary()
    if visible.is_dir():
        scan = pair_folders(visible, infrared)
        pairs, summary.failures = [(p.name, p.visible, p.infrared) for p in scan.pairs], list(scan.unpaired)
    else:
        pairs = [(visible.stem, visible, infrared)]
    scale = ThermalScaler(ThermalScaling())
    for done, (stem, visible_file, infrared_file) in enumerate(pairs, start=1):
        if snapshots:
            scale.reset()
        try:
            result = fuser(read_rgb(visible_file), scale(read_thermal(infrared_file)))
        except ValueError as error:
            summary.failures.append(f"{stem}: {error}")
        else:
            for kind, image in outputs(result).items():
                write_png(out / kind / f"{stem}.png", image)
            summary.fused += 1
        report(done, len(pairs))
    return summary


def outputs(result: FusionResult) -> Outputs:
    """Return the pictures that are written, by the name of their folder; masks are 0..255, guidance 0 or 255."""
    return {
        "fused": result.fused_rgb,
        "mask": np.where(result.guidance >= MASK_THRESHOLD, np.uint8(255), np.uint8(0)),
        "overexposure": np.rint(result.overexposure * 255.0).astype(np.uint8),
    }


def _fuse_videos(fuser: Fuser, visible: Path, infrared: Path, out: Path, report: Progress) -> FuseSummary:
    summary = FuseSummary()
    writers: dict[str, VideoWriter] = {}
    scale = ThermalScaler(ThermalScaling())
    with VideoReader(visible) as visible_video, VideoReader(infrared) as infrared_video, ExitStack() as finished:
        for frame in paired_frames(visible_video, infrared_video, summary.failures):
            try:
                result = fuser(frame.visible, scale(frame.infrared))
            except ValueError as error:
                summary.failures.append(f"frame {frame.number}: {error}")
                continue
            for kind, image in outputs(result).items():
                if kind not in writers:
                    video = VideoWriter(out / kind / f"{visible.stem}.mp4", visible_video.rate_hz)
                    writers[kind] = finished.enter_context(video)
                writers[kind].write(image, frame.time_ns)
            summary.fused += 1
            report(summary.fused, visible_video.frames)
    return summary
