"""The bag of fused images: what the node would have published, as rosbag2 with MCAP storage."""

from collections.abc import Sequence
from contextlib import closing
from itertools import takewhile
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from rosbags.typesys import Stores, get_typestore

from epofusion_core.atomic_file import write_text
from epofusion_ros.messages.topics import FUSED_IMAGE, FUSED_INFO, GUIDANCE_MASK, OVERLAY, full_name
from epofusion_ros.replay.storage.mcap import McapFile
from epofusion_ros.replay.storage.mcap_writer import McapWriter, WrittenChannel
from epofusion_ros.replay.storage.metadata import METADATA
from epofusion_ros.replay.topics import CAMERA_INFO_TYPE, IMAGE_TYPE
from epofusion_ros.stream.pictures import PICTURES

if TYPE_CHECKING:
    from epofusion_core.fuser import FusionResult

FUSED_BAG_FILES = ("metadata.yaml", "*.mcap")

TOPICS = {full_name(topic): build for topic, build in PICTURES.items()}
"""Builders of the pictures by topic: those of the node under its default name."""

FUSED_TOPIC, GUIDANCE_TOPIC, OVERLAY_TOPIC = map(full_name, (FUSED_IMAGE, GUIDANCE_MASK, OVERLAY))
CAMERA_INFO_TOPIC = full_name(FUSED_INFO)

TYPES = get_typestore(Stores.ROS2_JAZZY)
"""Messages of ROS 2, which are the same in every supported distribution."""

_Image = TYPES.types[IMAGE_TYPE]
_CameraInfo = TYPES.types[CAMERA_INFO_TYPE]
_Header, _Time = (TYPES.types[name] for name in ("std_msgs/msg/Header", "builtin_interfaces/msg/Time"))
_RegionOfInterest = TYPES.types["sensor_msgs/msg/RegionOfInterest"]


_TOPIC_TYPES = dict.fromkeys(TOPICS, IMAGE_TYPE) | {CAMERA_INFO_TOPIC: CAMERA_INFO_TYPE}
_NUMBERS = {topic: number for number, topic in enumerate(_TOPIC_TYPES, start=1)}
_STORAGE = "fused.mcap"


class FusedBag:
    """Writes the fused images of a replay, in the order in which they come."""

    def __init__(self, folder: Path, done: int = 0) -> None:
        """Begin a bag, or go on with the one that an interrupted run has left; `done` says with how many messages.

        Messages that it has besides are made and given in once more, and skipped.
        """
        folder.mkdir(exist_ok=True)
        self._folder, self._done = folder, done
        channels = [
            WrittenChannel(topic, kind, TYPES.generate_msgdef(kind, ros_version=2)[0])
            for topic, kind in _TOPIC_TYPES.items()
        ]
        self._writer = McapWriter(folder / _STORAGE, channels)

    def __enter__(self) -> "FusedBag":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the bag; after an exception it stays unfinished, for a later run to go on with."""
        if kind is not None:
            self._writer.close()
            return
        self._writer.finish()
        write_text(self._folder / METADATA, self._metadata())

    def write(self, result: "FusionResult", source_header: Any, camera_info: Any, bag_ns: int) -> int:  # noqa: ANN401
        """Write what was made of a pair, under the RGB image's header; return how many messages that are."""
        header = _ros2_header(source_header)
        for topic, build in TOPICS.items():
            self._serialise(topic, image_message(build(result), header), bag_ns)
        if camera_info is None:
            return len(TOPICS)
        self._serialise(CAMERA_INFO_TOPIC, _camera_info(camera_info, header), bag_ns)
        return len(TOPICS) + 1

    def _serialise(self, topic: str, message: Any, bag_ns: int) -> None:  # noqa: ANN401
        self._done += 1
        if self._done > self._writer.kept:
            self._writer.write(_NUMBERS[topic], bag_ns, TYPES.serialize_cdr(message, _TOPIC_TYPES[topic]))

    def _metadata(self) -> str:
        """Return metadata.yaml."""
        import yaml

        count = self._writer.counts.total()
        first_ns, last_ns = (self._writer.first_ns, self._writer.last_ns) if count else (0, 0)
        extent = {
            "duration": {"nanoseconds": last_ns - first_ns},
            "starting_time": {"nanoseconds_since_epoch": first_ns},
            "message_count": count,
        }
        topics = [
            {
                "topic_metadata": {
                    "name": topic,
                    "type": kind,
                    "serialization_format": "cdr",
                    "offered_qos_profiles": [],
                    "type_description_hash": TYPES.hash_rihs01(kind),
                },
                "message_count": self._writer.counts[_NUMBERS[topic]],
            }
            for topic, kind in _TOPIC_TYPES.items()
        ]
        information = {
            "version": 9,
            "storage_identifier": "mcap",
            "relative_file_paths": [_STORAGE],
            **extent,
            "topics_with_message_count": topics,
            "compression_format": "",
            "compression_mode": "",
            "files": [{"path": _STORAGE, **extent}],
            "custom_data": None,
            "ros_distro": "jazzy",
        }
        return yaml.safe_dump({"rosbag2_bagfile_information": information}, sort_keys=False, width=1000)


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
