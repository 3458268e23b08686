"""What the demo publishes from videos, folders and bags: both streams, in the order of their stamps."""

from pathlib import Path

import cv2
import numpy as np
import pytest
from rosbags.rosbag2 import StoragePlugin, Writer
from rosbags.typesys import Stores, get_typestore

from epofusion_core.imaging import write_png
from epofusion_core.video import VideoWriter
from epofusion_ros.demo.bag import bag_images
from epofusion_ros.demo.files import file_images
from epofusion_ros.messages.conversion import to_rgb, to_thermal

MS = 1_000_000


def write_video(path: Path, frames: int, rate_hz: float) -> Path:
    with VideoWriter(path, rate_hz) as video:
        for level in range(frames):
            video.write(np.full((48, 64), 20 * level, np.uint8))
    return path


def write_bag(path: Path, topics: dict[str, tuple[str, np.ndarray]]) -> Path:
    """Write two images 10 ms apart on each topic; topics give encoding and pixels."""
    types = get_typestore(Stores.ROS2_JAZZY)
    with Writer(path, version=9, storage_plugin=StoragePlugin.MCAP) as bag:
        connections = {topic: bag.add_connection(topic, "sensor_msgs/msg/Image", typestore=types) for topic in topics}
        for stamp_ns in (10 * MS, 20 * MS):
            for topic, (encoding, pixels) in topics.items():
                header = types.types["std_msgs/msg/Header"](
                    types.types["builtin_interfaces/msg/Time"](0, stamp_ns), "camera"
                )
                height, width = pixels.shape[:2]
                step = pixels.nbytes // height
                data = np.frombuffer(pixels.tobytes(), np.uint8)
                image = types.types["sensor_msgs/msg/Image"](header, height, width, encoding, 0, step, data)
                raw = types.serialize_cdr(image, "sensor_msgs/msg/Image")
                bag.write(connections[topic], stamp_ns, raw)
    return path


def test_videos_of_different_rates_are_merged_by_time(tmp_path: Path) -> None:
    visible, thermal = write_video(tmp_path / "vi.mp4", 4, 30), write_video(tmp_path / "ir.mp4", 2, 15)
    images = list(file_images(visible, thermal))
    assert [image.stamp_ns for image in images] == sorted(image.stamp_ns for image in images)
    assert [image.stream for image in images].count("rgb") == 4
    assert [image.stamp_ns // MS for image in images if image.stream == "thermal"] == [0, 66]


def test_folders_are_paired_by_stem(tmp_path: Path) -> None:
    for stem, level in (("a", 10), ("b", 200)):
        write_png(tmp_path / "vi" / f"{stem}.png", np.full((48, 64, 3), level, np.uint8))
        write_png(tmp_path / "ir" / f"{stem}.png", np.full((48, 64), level, np.uint8))
    images = list(file_images(tmp_path / "vi", tmp_path / "ir"))
    assert [image.stream for image in images] == ["rgb", "thermal"] * 2
    assert [to_rgb(image.message)[0, 0, 0] for image in images[::2]] == [10, 200]
    assert [to_thermal(image.message)[0, 0] for image in images[1::2]] == [10, 200]


def test_a_bag_gives_its_images_as_they_were_recorded(tmp_path: Path) -> None:
    colour = np.random.default_rng(0).integers(0, 256, (48, 64, 3)).astype(np.uint8)
    heat = np.random.default_rng(1).integers(0, 1 << 14, (24, 32)).astype(np.uint16)
    bag = write_bag(tmp_path / "bag", {"/camera/image_raw": ("bgr8", colour), "/lwir/image_raw": ("16UC1", heat)})
    images = list(bag_images(bag))
    assert {(image.stream, image.stamp_ns) for image in images} == {
        (stream, stamp_ns) for stream in ("rgb", "thermal") for stamp_ns in (10 * MS, 20 * MS)
    }
    for image in images:
        if image.stream == "rgb":
            np.testing.assert_array_equal(to_rgb(image.message), colour[:, :, ::-1])
        else:
            np.testing.assert_array_equal(to_thermal(image.message), heat)


def test_a_bag_whose_topics_are_not_clear_asks_for_their_names(tmp_path: Path) -> None:
    grey = np.zeros((8, 8), np.uint8)
    bag = write_bag(tmp_path / "bag", {"/left": ("mono8", grey), "/right": ("mono8", grey)})
    with pytest.raises(ValueError, match=r"image topics /left .*/right .*expected --rgb-topic and --thermal-topic"):
        next(bag_images(bag))
    named = list(bag_images(bag, "/left", "/right"))
    assert [image.stream for image in named].count("thermal") == 2


def test_a_video_with_a_folder_is_refused(tmp_path: Path) -> None:
    video = write_video(tmp_path / "vi.mp4", 1, 30)
    with pytest.raises(ValueError, match="different kinds"):
        file_images(video, tmp_path)


def test_the_node_is_given_the_counts_of_16_bit_files(tmp_path: Path) -> None:
    counts = np.arange(48 * 64, dtype=np.uint16).reshape(48, 64) + 20_000
    write_png(tmp_path / "vi" / "a.png", np.zeros((48, 64, 3), np.uint8))
    (tmp_path / "ir").mkdir()
    assert cv2.imwrite(str(tmp_path / "ir" / "a.png"), counts)
    _, thermal = file_images(tmp_path / "vi", tmp_path / "ir")
    assert np.array_equal(to_thermal(thermal.message), counts)
