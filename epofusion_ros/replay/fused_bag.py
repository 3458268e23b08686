"""The bag of fused images: what the node would have published, as rosbag2 with MCAP storage."""

from collections.abc import Sequence
from contextlib import closing
from itertools import takewhile
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from epofusion_ros.messages.topics import FUSED_IMAGE, FUSED_INFO, GUIDANCE_MASK, OVERLAY, full_name
from epofusion_ros.replay.bag_writer import TYPES, BagWriter
from epofusion_ros.replay.storage.mcap import McapFile
from epofusion_ros.replay.topics import CAMERA_INFO_TYPE, IMAGE_TYPE
from epofusion_ros.stream.pictures import PICTURES

if TYPE_CHECKING:
    from epofusion_core.fuser import FusionResult

FUSED_BAG_FILES = ("metadata.yaml", "*.mcap")

TOPICS = {full_name(topic): build for topic, build in PICTURES.items()}
"""Builders of the pictures by topic: those of the node under its default name."""

FUSED_TOPIC, GUIDANCE_TOPIC, OVERLAY_TOPIC = map(full_name, (FUSED_IMAGE, GUIDANCE_MASK, OVERLAY))
CAMERA_INFO_TOPIC = full_name(FUSED_INFO)

_Image = TYPES.types[IMAGE_TYPE]
_CameraInfo = TYPES.types[CAMERA_INFO_TYPE]
_Header, _Time = (TYPES.types[name] for name in ("std_msgs/msg/Header", "builtin_interfaces/msg/Time"))
_RegionOfInterest = TYPES.types["sensor_msgs/msg/RegionOfInterest"]


_TOPIC_TYPES = dict.fromkeys(TOPICS, IMAGE_TYPE) | {CAMERA_INFO_TOPIC: CAMERA_INFO_TYPE}
_STORAGE = "fused.mcap"


class FusedBag:
    """Writes the fused images of a replay, in the order in which they come."""

    def __init__(self, folder: Path, done: int = 0) -> None:
        """Begin a bag, or go on with the one that an interrupted run has left; `done` says with how many messages."""
        self._bag = BagWriter(folder / _STORAGE, _TOPIC_TYPES, done)

    def __enter__(self) -> "FusedBag":
        self._bag.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bag.__exit__(kind, error, trace)

    def write(self, result: "FusionResult", source_header: Any, camera_info: Any, bag_ns: int) -> int:  # noqa: ANN401
        """Write what was made of a pair, under the RGB image's header; return how many messages that are."""
        header = _ros2_header(source_header)
        for topic, build in TOPICS.items():
            self._bag.write(topic, bag_ns, image_message(build(result), header))
        if camera_info is None:
            return len(TOPICS)
        self._bag.write(CAMERA_INFO_TOPIC, bag_ns, _camera_info(camera_info, header))
        return len(TOPICS) + 1


def pictures_at(folder: Path, bag_ns: int, topics: Sequence[str]) -> dict[str, Any]:
    """Return the images of some topics that a fused bag has of one moment, by topic; only what lies there is read.

    Raises:
        OSError: there is no fused bag.
        ValueError: it is damaged.
    """
    with closing(McapFile(folder / _STORAGE, lambda _: None)) as file:
        file.chunks = [chunk for chunk in file.chunks if chunk.start_ns <= bag_ns <= chunk.end_ns]
        found = [message for message in file.messages(topics) if message.bag_ns == bag_ns]
    return {each.channel.topic: TYPES.deserialize_cdr(each.raw, IMAGE_TYPE) for each in found}


def written_messages(folder: Path) -> int:
    """Return how many messages a fused bag has that an interrupted run has left, as far as they are whole."""
    file = folder / _STORAGE
    if not file.is_file():
        return 0
    try:
        left = McapFile(file, lambda _: None)
    except ValueError:  # interrupted before anything was written
        return 0
    with closing(left):
        whole = takewhile(left.is_whole, left.chunks)
        return sum(chunk.counts.total() for chunk in whole)


def header_of(stamp_ns: int, frame_id: str) -> Any:  # noqa: ANN401 - rosbags builds its types at run time
    """Return a std_msgs/Header."""
    return _Header(_Time(*divmod(stamp_ns, 1_000_000_000)), frame_id)


def _ros2_header(header: Any) -> Any:  # noqa: ANN401
    """Return the header without what ROS 1 has besides."""
    return _Header(_Time(int(header.stamp.sec), int(header.stamp.nanosec)), header.frame_id)


def image_message(image: NDArray[np.uint8], header: Any) -> Any:  # noqa: ANN401
    """Return a sensor_msgs/Image of a (H, W) or (H, W, 3) image."""
    height, width = image.shape[:2]
    encoding = "mono8" if image.ndim == 2 else "rgb8"
    flat = np.ascontiguousarray(image).reshape(-1)
    return _Image(header, height, width, encoding, 0, flat.size // height, flat)


def _camera_info(info: Any, header: Any) -> Any:  # noqa: ANN401
    """Return a calibration under another header; ROS 1 writes the matrices' names in capitals."""
    d, k, r, p = (getattr(info, name if hasattr(info, name) else name.upper()) for name in "dkrp")
    area = info.roi
    roi = _RegionOfInterest(area.x_offset, area.y_offset, area.height, area.width, area.do_rectify)
    return _CameraInfo(
        header, info.height, info.width, info.distortion_model, d, k, r, p, info.binning_x, info.binning_y, roi
    )
