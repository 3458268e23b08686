"""Paired videos: `<root>/{vi,ir}/NAME.mp4`, synchronised and registered."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from epofusion_core.data.pairs import files_by_stem
from epofusion_core.imaging import GreyImage, RgbImage
from epofusion_core.thermal import ThermalScaler, ThermalScaling
from epofusion_core.video import VIDEO_SUFFIXES, VideoReader
from epofusion_core.video_pairs import paired_frames

_BY_PERCENTILES = ThermalScaling()


@dataclass(frozen=True)
class Clip:
    """Two synchronised, registered videos of the same size.

    Attributes:
        name: their common file stem.
        visible: path of the visible video.
        infrared: path of the infrared video.
    """

    name: str
    visible: Path
    infrared: Path


def find_clips(root: Path) -> tuple[list[Clip], list[str]]:
    """Return the clips of `<root>/{vi,ir}`, matched by stem, and one sentence for each video that is left out.

    Raises:
        ValueError: a folder is missing, or no clip has both videos.
    """
    left_out: dict[str, list[str]] = {}
    visible, infrared = (_videos(root / folder, left_out) for folder in ("vi", "ir"))
    clips = [Clip(name, path, infrared[name]) for name, path in visible.items() if name in infrared]
    if not clips:
        raise ValueError(f"video folder {root} has no pair of videos; expected vi/NAME.mp4 and ir/NAME.mp4")
    lonely = [path for name, path in (visible | infrared).items() if (name in visible) != (name in infrared)]
    sentences = [f"{path}: has no video of the other camera" for path in lonely]
    return clips, sentences + [sentence for each in left_out.values() for sentence in each]


def _videos(folder: Path, left_out: dict[str, list[str]]) -> dict[str, Path]:
    if not folder.is_dir():
        raise ValueError(f"video folder {folder} is missing; expected folders vi/ and ir/ side by side")
    return files_by_stem(folder, VIDEO_SUFFIXES, left_out)


def read_clip(
    clip: Clip,
    max_frames: int | None = None,
    step: int = 1,
    problems: list[str] | None = None,
    scaling: ThermalScaling = _BY_PERCENTILES,
) -> Iterator[tuple[RgbImage, GreyImage]]:
    """Yield visible frames, (H, W, 3) uint8 RGB, with the infrared one nearest in time, (H, W) uint8 grey.

    Args:
        clip: both videos.
        max_frames: read no further than this frame; None reads to the end.
        step: yield every step-th frame only.
        problems: gets a sentence for each frame without a partner, and for each tail that is missing.
        scaling: how infrared values of more than 8 bits become grey levels.

    Raises:
        ValueError: a video cannot be decoded; the sentence names it.
    """
    with VideoReader(clip.visible) as visible, VideoReader(clip.infrared) as infrared:
        scale = ThermalScaler(scaling)
        frames = paired_frames(visible, infrared, [] if problems is None else problems)
        for frame in islice(frames, 0, max_frames, step):
            yield frame.visible, scale(frame.infrared)
