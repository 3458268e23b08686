"""A bag of the simulated drive, to try a replay or the node with where no recording is at hand."""

import shutil
from collections.abc import Iterable
from pathlib import Path

from epofusion_core.atomic_file import partial_of
from epofusion_core.simulation import DriveFrame
from epofusion_ros.messages.topics import RGB_IMAGE, THERMAL_IMAGE, full_name
from epofusion_ros.replay.bag_writer import BagWriter
from epofusion_ros.replay.fused_bag import header_of, image_message
from epofusion_ros.replay.topics import IMAGE_TYPE

RGB_TOPIC, THERMAL_TOPIC = full_name(RGB_IMAGE), full_name(THERMAL_IMAGE)
_START_NS = 1_700_000_000_000_000_000  # a bag that begins at 0 has time before it


def write_drive_bag(folder: Path, frames: Iterable[DriveFrame]) -> None:
    """Write a rosbag2 with MCAP storage: rgb8 and mono8 images with the drive's stamps.

    The folder appears when all is written.

    Raises:
        FileExistsError: the folder is there already.
    """
    if folder.exists():
        raise FileExistsError(f"--bag {folder} is there already; expected a new folder")
    unfinished = partial_of(folder)
    try:
        _write(unfinished / folder.name / f"{folder.name}.mcap", frames)
        (unfinished / folder.name).rename(folder)
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)


def _write(file: Path, frames: Iterable[DriveFrame]) -> None:
    with BagWriter(file, dict.fromkeys((RGB_TOPIC, THERMAL_TOPIC), IMAGE_TYPE)) as bag:
        for frame in frames:
            stamp_ns = _START_NS + frame.stamp_ns
            for topic, image, frame_id in (
                (RGB_TOPIC, frame.visible, "rgb"),
                (THERMAL_TOPIC, frame.thermal, "thermal"),
            ):
                bag.write(topic, stamp_ns, image_message(image, header_of(stamp_ns, frame_id)))
