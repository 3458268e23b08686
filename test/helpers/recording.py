"""Small bags for the tests: a warm car drives through a glare, seen by both cameras."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from rosbags.rosbag1 import Writer as Writer1
from rosbags.rosbag2 import CompressionFormat, CompressionMode, StoragePlugin
from rosbags.rosbag2 import Writer as Writer2
from rosbags.typesys import Stores, get_typestore
from rosbags.typesys.store import Typestore

MS = 1_000_000
START_NS = 1_700_000_000_000_000_000
HEIGHT, WIDTH = 48, 64
RGB_TOPIC, THERMAL_TOPIC, INFO_TOPIC = "/camera/image_raw", "/lwir/image_raw", "/camera/camera_info"
IMAGE, INFO = "sensor_msgs/msg/Image", "sensor_msgs/msg/CameraInfo"


@dataclass(frozen=True)
class Recorded:
    """A message to record: when it arrived, its stamp, and what it is; without pixels, a calibration."""

    topic: str
    bag_ns: int
    stamp_ns: int
    encoding: str = ""
    pixels: np.ndarray | None = None
    focal_px: float = 500.0


def drive(frames: int, size: tuple[int, int] = (HEIGHT, WIDTH)) -> list[Recorded]:
    """Record 30 Hz RGB and thermal that comes 4 ms late, of which every seventh is lost; 16-bit thermal."""
    recorded = []
    for index in range(frames):
        stamp_ns = START_NS + index * 33 * MS
        rgb, thermal = scene(index, size)
        recorded.append(Recorded(RGB_TOPIC, stamp_ns + 5 * MS, stamp_ns, "rgb8", rgb))
        recorded.append(Recorded(INFO_TOPIC, stamp_ns + 5 * MS, stamp_ns))
        if index % 7 != 3:
            recorded.append(Recorded(THERMAL_TOPIC, stamp_ns + 14 * MS, stamp_ns + 4 * MS, "mono16", thermal))
    return recorded


def scene(index: int, size: tuple[int, int] = (HEIGHT, WIDTH)) -> tuple[np.ndarray, np.ndarray]:
    """RGB with a glare in every third image, and 16-bit thermal that warms up, with a hot car."""
    height, width = size
    noise = np.random.default_rng(index).integers(0, 30, size, dtype=np.uint8)
    rgb = np.dstack([40 + noise, 50 + noise, 60 + noise // 2])
    if index % 3 == 0:
        cv2.circle(rgb, (width // 2, height // 2), height // 4, (255, 255, 255), -1)
    thermal = (7000 + 10 * index + noise[::-1].astype(np.uint16)).astype(np.uint16)
    left = width // 4 + index % (width // 4)
    thermal[height // 2 : height // 2 + height // 8, left : left + width // 4] = 8000 + 10 * index
    return rgb, thermal


def write_bag(
    path: Path,
    recorded: Iterable[Recorded],
    storage: StoragePlugin = StoragePlugin.MCAP,
    compression: CompressionMode = CompressionMode.NONE,
) -> Path:
    """Write a rosbag2."""
    types = get_typestore(Stores.ROS2_JAZZY)
    bag = Writer2(path, version=9, storage_plugin=storage)
    bag.set_compression(compression, CompressionFormat.ZSTD)
    with bag:
        connections: dict[str, Any] = {}
        for each in recorded:
            kind = INFO if each.topic.endswith("camera_info") else IMAGE
            if each.topic not in connections:
                connections[each.topic] = bag.add_connection(each.topic, kind, typestore=types)
            bag.write(connections[each.topic], each.bag_ns, types.serialize_cdr(_message(types, each), kind))
    return path


def write_ros1_bag(path: Path, recorded: Iterable[Recorded]) -> Path:
    """Write a ROS 1 bag of the images."""
    types = get_typestore(Stores.ROS1_NOETIC)
    with Writer1(path) as bag:
        connections: dict[str, Any] = {}
        for each in recorded:
            if each.pixels is None:
                continue
            if each.topic not in connections:
                connections[each.topic] = bag.add_connection(each.topic, IMAGE, typestore=types)
            message = _message(types, each)
            bag.write(connections[each.topic], each.bag_ns, types.serialize_ros1(message, IMAGE))
    return path


def _message(types: Typestore, recorded: Recorded) -> object:
    time = types.types["builtin_interfaces/msg/Time"](*divmod(recorded.stamp_ns, 1_000_000_000))
    header_type = types.types["std_msgs/msg/Header"]
    is_ros1 = "seq" in header_type.__annotations__
    header = header_type(0, time, "camera") if is_ros1 else header_type(time, "camera")
    if recorded.pixels is None:
        region = types.types["sensor_msgs/msg/RegionOfInterest"](0, 0, 0, 0, False)
        k = np.array([recorded.focal_px, 0, 32, 0, recorded.focal_px, 24, 0, 0, 1])
        return types.types[INFO](
            header, HEIGHT, WIDTH, "plumb_bob", np.zeros(5), k, np.eye(3).ravel(), np.zeros(12), 0, 0, region
        )
    height, width = recorded.pixels.shape[:2]
    data = np.frombuffer(recorded.pixels.tobytes(), np.uint8)
    return types.types[IMAGE](header, height, width, recorded.encoding, 0, data.size // height, data)


def results(folder: Path) -> dict[str, bytes]:
    """Return what a replay has left by path, but for what says how fast the machine was."""
    files = [path for path in folder.rglob("*") if path.is_file() and path.name != "timing.csv"]
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}
