"""The bag of fused images: what the node would have published, as rosbag2 with MCAP storage."""

from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from rosbags.rosbag2 import CompressionFormat, CompressionMode, StoragePlugin, Writer
from rosbags.typesys import Stores, get_typestore

from epofusion_core.output_guard import remove_made
from epofusion_ros.messages.topics import FUSED_IMAGE, FUSED_INFO, GUIDANCE_MASK, full_name
from epofusion_ros.replay.bag import Bag, RawMessage
from epofusion_ros.replay.topics import CAMERA_INFO_TYPE, IMAGE_TYPE
from epofusion_ros.stream.pictures import PICTURES

if TYPE_CHECKING:
    from epofusion_core.fuser import FusionResult

FUSED_BAG_FILES = ("metadata.yaml", "*.mcap")

TOPICS = {full_name(topic): build for topic, build in PICTURES.items()}
"""Builders of the pictures by topic: those of the node under its default name."""

FUSED_TOPIC, GUIDANCE_TOPIC = full_name(FUSED_IMAGE), full_name(GUIDANCE_MASK)
CAMERA_INFO_TOPIC = full_name(FUSED_INFO)

TYPES = get_typestore(Stores.ROS2_JAZZY)
"""Messages of ROS 2, which are the same in every supported distribution."""

_Image = TYPES.types[IMAGE_TYPE]
_CameraInfo = TYPES.types[CAMERA_INFO_TYPE]
_Header, _Time = (TYPES.types[name] for name in ("std_msgs/msg/Header", "builtin_interfaces/msg/Time"))
_RegionOfInterest = TYPES.types["sensor_msgs/msg/RegionOfInterest"]


class FusedBag:
    """Writes the fused images of a replay, in the order in which they come."""

    def __init__(self, folder: Path) -> None:
        """Replace the bag in a folder.

        Raises:
            ValueError: the folder holds other files.
        """
        remove_made(folder, *FUSED_BAG_FILES)
        if folder.exists():
            raise ValueError(f"{folder} holds files that are no part of a fused bag; expected them in another place")
        self._writer = Writer(folder, version=9, storage_plugin=StoragePlugin.MCAP)
        self._writer.set_compression(CompressionMode.STORAGE, CompressionFormat.ZSTD)
        self._writer.open()
        types = dict.fromkeys(TOPICS, IMAGE_TYPE) | {CAMERA_INFO_TOPIC: CAMERA_INFO_TYPE}
        self._connections = {
            topic: self._writer.add_connection(topic, kind, typestore=TYPES) for topic, kind in types.items()
        }

    def __enter__(self) -> "FusedBag":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the bag; after an exception it stays unclosed, for a later run to go on from."""
        self._writer.__exit__(kind, error, trace)

    def write(self, result: "FusionResult", source_header: Any, camera_info: Any, bag_ns: int) -> int:  # noqa: ANN401
        """Write what was made of a pair, under the RGB image's header; return how many messages that are."""
        header = _ros2_header(source_header)
        for topic, build in TOPICS.items():
            self._serialise(topic, image_message(build(result), header), IMAGE_TYPE, bag_ns)
        if camera_info is None:
            return len(TOPICS)
        self._serialise(CAMERA_INFO_TOPIC, _camera_info(camera_info, header), CAMERA_INFO_TYPE, bag_ns)
        return len(TOPICS) + 1

    def copy(self, message: RawMessage) -> None:
        """Write a message of an earlier run as it is."""
        self._writer.write(self._connections[message.topic], message.bag_ns, message.raw)

    def _serialise(self, topic: str, message: Any, kind: str, bag_ns: int) -> None:  # noqa: ANN401
        self._writer.write(self._connections[topic], bag_ns, TYPES.serialize_cdr(message, kind))


def written_messages(folder: Path) -> Iterator[RawMessage]:
    """Yield the messages of a fused bag that an interrupted run has left, as far as they are whole."""
    with Bag(folder) as bag:
        yield from bag.raw_messages([*TOPICS, CAMERA_INFO_TOPIC])


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
