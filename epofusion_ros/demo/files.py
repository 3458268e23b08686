"""Pairs of videos, or of folders of images, as stamped images."""

import logging
from collections.abc import Iterator
from heapq import merge
from pathlib import Path

from std_msgs.msg import Header

from epofusion_core.data.pairs import FilePair, pair_folders
from epofusion_core.imaging import read_rgb, read_thermal
from epofusion_core.video import VideoReader, is_video
from epofusion_ros.demo.images import StampedImage
from epofusion_ros.messages.conversion import to_message

_LOG = logging.getLogger("epofusion")

FOLDER_RATE_HZ = 30
"""Rate at which images of folders follow each other, since files carry no time."""


def file_images(visible: Path, thermal: Path) -> Iterator[StampedImage]:
    """Return the images of two videos, or of two folders paired by file stem.

    Raises:
        ValueError: a path is missing, the two are of different kinds, or hold no image; the sentence says which.
    """
    for option, path in (("--vi", visible), ("--thermal", thermal)):
        if not path.exists():
            raise ValueError(f"{option} {path} does not exist; expected a video or a folder of images")
    if visible.is_dir() and thermal.is_dir():
        scan = pair_folders(visible, thermal)
        for sentence in scan.unpaired:
            _LOG.warning(sentence)
        return _folders(scan.pairs)
    if is_video(visible) and is_video(thermal):
        return _videos(visible, thermal)
    raise ValueError(
        f"--vi {visible} and --thermal {thermal} are of different kinds; expected two videos or two folders"
    )


def _folders(pairs: list[FilePair]) -> Iterator[StampedImage]:
    for index, pair in enumerate(pairs):
        stamp_ns = index * 1_000_000_000 // FOLDER_RATE_HZ
        yield StampedImage("rgb", stamp_ns, to_message(read_rgb(pair.visible), Header()))
        yield StampedImage("thermal", stamp_ns, to_message(read_thermal(pair.infrared), Header()))


def _videos(visible: Path, thermal: Path) -> Iterator[StampedImage]:
    with VideoReader(visible) as visible_video, VideoReader(thermal) as thermal_video:
        rgb = (StampedImage("rgb", stamp_ns, to_message(frame, Header())) for stamp_ns, frame in visible_video)
        heat = (
            StampedImage("thermal", stamp_ns, to_message(frame, Header()))
            for stamp_ns, frame in thermal_video.thermal_frames()
        )
        yield from merge(rgb, heat, key=lambda image: image.stamp_ns)
        for video in (visible_video, thermal_video):
            if video.damage:
                _LOG.warning(video.damage)
