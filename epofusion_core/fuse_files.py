"""Fusing of files: one pair of images, two folders paired by stem, or a pair of videos paired by time."""

from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from epofusion_core.data.pairs import pair_folders
from epofusion_core.fuser import Fuser, FusionResult
from epofusion_core.imaging import RgbImage, ThermalImage, read_rgb, read_thermal, write_png
from epofusion_core.model.config import MASK_THRESHOLD
from epofusion_core.preparation import Preparation
from epofusion_core.progress import Progress
from epofusion_core.registration.apply import blend_uncovered
from epofusion_core.video import VideoReader, VideoWriter, is_video
from epofusion_core.video_pairs import paired_frames

OUTPUTS = ("fused", "mask", "overexposure")
"""Folders that are written to."""

Outputs = dict[str, NDArray[np.uint8]]

_AS_THEY_ARE = Preparation()


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
    preparation: Preparation = _AS_THEY_ARE,
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
        preparation: what is done to thermal images before.

    Raises:
        ValueError: a path is missing, the two are of different kinds, or a calibration cannot be used.
    """
    check_sources(visible, infrared)
    fuse = _PreparedFuser(fuser, preparation)
    if is_video(visible) and not visible.is_dir():
        return _fuse_videos(fuse, visible, infrared, out, report)
    summary = FuseSummary()
    if visible.is_dir():
        scan = pair_folders(visible, infrared)
        pairs, summary.failures = [(p.name, p.visible, p.infrared) for p in scan.pairs], list(scan.unpaired)
    else:
        pairs = [(visible.stem, visible, infrared)]
    for done, (stem, visible_file, infrared_file) in enumerate(pairs, start=1):
        if snapshots:
            fuse.scale.reset()
        try:
            result = fuse(read_rgb(visible_file), read_thermal(infrared_file))
        except ValueError as error:
            summary.failures.append(f"{stem}: {error}")
        else:
            for kind, image in outputs(result).items():
                write_png(out / kind / f"{stem}.png", image)
            summary.fused += 1
        report(done, len(pairs))
    return summary


def check_sources(visible: Path, infrared: Path) -> None:
    """Make sure that both are there and of one kind, before a model is loaded.

    Raises:
        ValueError: they are not.
    """
    for name, path in (("visible", visible), ("thermal", infrared)):
        if not path.exists():
            raise ValueError(f"{name} path {path} does not exist; expected an image, a folder or a video")
    if visible.is_dir() != infrared.is_dir() or is_video(visible) != is_video(infrared):
        raise ValueError(f"{visible} and {infrared} are of different kinds; expected two images, folders or videos")


def outputs(result: FusionResult) -> Outputs:
    """Return the pictures that are written, by the name of their folder; masks are 0..255, guidance 0 or 255."""
    return {
        "fused": result.fused_rgb,
        "mask": np.where(result.guidance >= MASK_THRESHOLD, np.uint8(255), np.uint8(0)),
        "overexposure": np.rint(result.overexposure * 255.0).astype(np.uint8),
    }


class _PreparedFuser:
    """A model with what is done to the thermal image before."""

    def __init__(self, fuser: Fuser, preparation: Preparation) -> None:
        self._fuser, self._register, self.scale = fuser, preparation.registration(), preparation.scaler()

    def __call__(self, rgb: RgbImage, thermal: ThermalImage) -> FusionResult:
        registered = self._register(self.scale(thermal), rgb)
        return blend_uncovered(self._fuser(rgb, registered.thermal), rgb, registered.coverage)


def _fuse_videos(fuse: _PreparedFuser, visible: Path, infrared: Path, out: Path, report: Progress) -> FuseSummary:
    summary = FuseSummary()
    writers: dict[str, VideoWriter] = {}
    with VideoReader(visible) as visible_video, VideoReader(infrared) as infrared_video, ExitStack() as finished:
        for frame in paired_frames(visible_video, infrared_video, summary.failures):
            try:
                result = fuse(frame.visible, frame.infrared)
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
