"""Fusing of files: one pair of images, two folders paired by stem, or a pair of videos."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import zip_longest
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from epofusion_core.data.pairs import pair_folders
from epofusion_core.fuser import Fuser, FusionResult
from epofusion_core.imaging import luma, read_grey, read_rgb, write_png
from epofusion_core.model.config import MASK_THRESHOLD
from epofusion_core.video import VideoReader, VideoWriter, is_video

Outputs = dict[str, NDArray[np.uint8]]
Report = Callable[[int, int], None]
"""Called with (done, total); a total of 0 means unknown."""


@dataclass
class FuseSummary:
    """What became of the inputs.

    Attributes:
        fused: pairs or frames that were fused.
        failures: one sentence for each input that was not.
    """

    fused: int = 0
    failures: list[str] = field(default_factory=list)


def fuse_files(fuser: Fuser, visible: Path, infrared: Path, out: Path, report: Report = lambda *_: None) -> FuseSummary:
    """Fuse what the paths name and write `out`/{fused,mask,overexposure}/STEM.png, or STEM.mp4 for videos.

    An unpaired or unreadable file is named in the summary and the others are done.

    Args:
        fuser: the model.
        visible: image, folder or video.
        infrared: the same kind.
        out: folder to write to.
        report: told of progress.

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
    for done, (stem, visible_file, infrared_file) in enumerate(pairs, start=1):
        try:
            result = fuser(read_rgb(visible_file), read_grey(infrared_file))
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


def _fuse_videos(fuser: Fuser, visible: Path, infrared: Path, out: Path, report: Report) -> FuseSummary:
    summary = FuseSummary()
    writers: dict[str, VideoWriter] = {}
    with VideoReader(visible) as visible_video, VideoReader(infrared) as infrared_video:
        total = min(visible_video.frames, infrared_video.frames)
        try:
            for number, (rgb, thermal) in enumerate(_paired_frames(visible_video, infrared_video)):
                if rgb is None or thermal is None:
                    missing = infrared if thermal is None else visible
                    summary.failures.append(f"frame {number}: {missing} has ended")
                    continue
                try:
                    result = fuser(rgb, luma(thermal))
                except ValueError as error:
                    summary.failures.append(f"frame {number}: {error}")
                    continue
                for kind, image in outputs(result).items():
                    if kind not in writers:
                        writers[kind] = VideoWriter(out / kind / f"{visible.stem}.mp4", visible_video.rate_hz)
                    writers[kind].write(image)
                summary.fused += 1
                report(summary.fused, total)
        finally:
            for writer in writers.values():
                writer.close()
    return summary


def _paired_frames(
    visible: VideoReader, infrared: VideoReader
) -> Iterator[tuple[NDArray[np.uint8] | None, NDArray[np.uint8] | None]]:
    for first, second in zip_longest(visible, infrared):
        yield (first[1] if first else None), (second[1] if second else None)
