"""Bags of every kind give the same images; damage costs what is damaged, and is named."""

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from recording import INFO_TOPIC, MS, RGB_TOPIC, START_NS, Recorded, drive, write_bag, write_ros1_bag
from rosbags.rosbag2 import CompressionMode, StoragePlugin, Writer
from rosbags.typesys import Stores, get_typestore

from epofusion_ros.messages.conversion import to_thermal
from epofusion_ros.replay.bag import Bag
from epofusion_ros.replay.topics import COMPRESSED_TYPE, ImageTopic, choose_topics

FRAMES = 24
SIZE = (240, 320)
STAMPS = [START_NS + index * 33 * MS for index in range(FRAMES)]


def stamps(path: Path) -> tuple[list[int], list[str]]:
    """Stamps of the RGB images, and what is said to be missing."""
    with Bag(path) as bag:
        read = [message.stamp_ns for message in bag.messages([RGB_TOPIC])]
        return read, bag.damage


@pytest.mark.parametrize("storage", list(StoragePlugin))
@pytest.mark.parametrize("compression", list(CompressionMode))
def test_storages_and_compressions_give_the_same_images(
    storage: StoragePlugin, compression: CompressionMode, tmp_path: Path
) -> None:
    if (storage, compression) == (StoragePlugin.SQLITE3, CompressionMode.STORAGE):
        pytest.skip("SQLite has no compression of its own")
    path = write_bag(tmp_path / "drive", drive(FRAMES), storage, compression)
    assert stamps(path) == (STAMPS, [])
    with Bag(path) as bag:
        assert bag.camera_info_topic(RGB_TOPIC) == INFO_TOPIC
        assert [topic.encoding for topic in bag.image_topics()] == ["rgb8", "mono16"]


def test_ros_1_bags_and_single_storage_files_are_read(tmp_path: Path) -> None:
    assert stamps(write_ros1_bag(tmp_path / "drive.bag", drive(FRAMES))) == (STAMPS, [])
    path = write_bag(tmp_path / "drive", drive(FRAMES))
    assert stamps(path / "drive.mcap") == (STAMPS, [])


def test_images_that_are_compressed_one_by_one_are_found_and_decoded(tmp_path: Path) -> None:
    types = get_typestore(Stores.ROS2_JAZZY)
    header = types.types["std_msgs/msg/Header"](types.types["builtin_interfaces/msg/Time"](7, 0), "camera")
    rng = np.random.default_rng(0)
    images: dict[str, NDArray[np.uint8] | NDArray[np.uint16]] = {
        "/camera/image_raw/compressed": rng.integers(0, 256, (48, 64, 3), dtype=np.uint8),
        "/lwir/image_raw/compressed": rng.integers(7000, 9000, (24, 32), dtype=np.uint16),
    }
    with Writer(tmp_path / "drive", version=9) as bag:
        for topic, image in images.items():
            message = types.types[COMPRESSED_TYPE](header, "png", cv2.imencode(".png", image)[1])
            connection = bag.add_connection(topic, COMPRESSED_TYPE, typestore=types)
            bag.write(connection, 7_000_000_000, types.serialize_cdr(message, COMPRESSED_TYPE))
    with Bag(tmp_path / "drive") as opened:
        found = choose_topics("drive", opened.image_topics())
        assert (found.rgb.name, found.thermal.name) == tuple(images)
        assert (found.rgb.encoding, found.thermal.encoding, found.thermal.width) == ("bgr8", "mono16", 32)
        (thermal,) = opened.messages([found.thermal.name])
        assert np.array_equal(to_thermal(thermal.message), images[found.thermal.name])


def split_without_metadata(folder: Path, recorded: list[Recorded], storage: StoragePlugin) -> list[Path]:
    """A recording in three files, whose recorder was killed before it wrote metadata.yaml."""
    folder.mkdir()
    third = len(recorded) // 3
    files = []
    for number, begin in zip((0, 2, 10), range(0, len(recorded), third), strict=False):
        part = write_bag(folder / "part", recorded[begin : begin + third], storage)
        file = next(path for path in part.iterdir() if path.suffix in (".mcap", ".db3"))
        files.append(file.rename(folder / f"drive_{number}{file.suffix}"))
        (part / "metadata.yaml").unlink()
        part.rmdir()
    return files


@pytest.mark.parametrize("storage", list(StoragePlugin))
def test_a_split_recording_without_metadata_is_read_in_the_order_of_its_numbers(
    storage: StoragePlugin, tmp_path: Path
) -> None:
    split_without_metadata(tmp_path / "drive", drive(FRAMES), storage)
    read, damage = stamps(tmp_path / "drive")
    assert read == STAMPS
    assert len(damage) == 1
    assert "metadata" in damage[0]


@pytest.mark.parametrize("storage", list(StoragePlugin))
def test_of_a_truncated_file_all_before_its_end_is_read(storage: StoragePlugin, tmp_path: Path) -> None:
    files = split_without_metadata(tmp_path / "drive", drive(FRAMES, SIZE), storage)
    content = files[1].read_bytes()
    files[1].write_bytes(content[: len(content) * 6 // 10])
    read, damage = stamps(tmp_path / "drive")
    assert read[:8] == STAMPS[:8]
    assert read[-8:] == STAMPS[-8:]
    assert 16 < len(read) < FRAMES, "the half of the middle file that is whole"
    assert any("drive_2" in sentence for sentence in damage)


def test_of_a_file_damaged_in_its_middle_all_else_is_read(tmp_path: Path) -> None:
    path = write_bag(tmp_path / "drive", drive(FRAMES, SIZE))
    mcap = path / "drive.mcap"
    content = bytearray(mcap.read_bytes())
    middle = content.index(bytes([6]), len(content) // 2)
    content[middle : middle + 200_000] = bytes(200_000)
    mcap.write_bytes(content)
    read, _ = stamps(path)
    assert set(STAMPS[:8] + STAMPS[-8:]) <= set(read)
    assert read == sorted(read)
    assert len(read) <= FRAMES


def test_a_chunk_that_does_not_unpack_is_skipped_and_its_time_named(tmp_path: Path) -> None:
    path = write_bag(tmp_path / "drive", drive(FRAMES, SIZE), compression=CompressionMode.STORAGE)
    mcap = path / "drive.mcap"
    content = bytearray(mcap.read_bytes())
    chunk = content.index(b"\x28\xb5\x2f\xfd", len(content) // 2)  # begin of a Zstandard frame
    content[chunk + 100 : chunk + 2000] = bytes(1900)
    mcap.write_bytes(content)
    read, damage = stamps(path)
    assert 12 < len(read) < FRAMES
    assert {STAMPS[0], STAMPS[-1]} <= set(read)
    assert "the chunk from 0.429 to 0.504 s is lost" in damage[0]
    mcap.write_bytes(content[:-5000])
    assert stamps(path)[0][:3] == STAMPS[:3], "a file that is both damaged and cut off"


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda path: None, "does not exist"),
        (lambda path: path.write_text("no bag"), "expected a rosbag2 folder"),
        (lambda path: path.mkdir(), "expected a rosbag2 folder"),
    ],
)
def test_what_is_no_bag_is_refused_in_one_sentence(
    make: Callable[[Path], object], sentence: str, tmp_path: Path
) -> None:
    make(tmp_path / "thing")
    with pytest.raises(ValueError, match=sentence):
        Bag(tmp_path / "thing")


def topics(**encodings: str) -> list[ImageTopic]:
    return [ImageTopic("/" + name.replace("__", "/"), encoding, 64, 48, 10) for name, encoding in encodings.items()]


@pytest.mark.parametrize(
    ("there", "rgb", "thermal"),
    [
        (topics(camera="rgb8", boson="mono8"), "/camera", "/boson"),
        (topics(left="bayer_rggb8", right="mono16"), "/left", "/right"),
        (topics(front__color="bgr8", front__ir="mono8"), "/front/color", "/front/ir"),
        (topics(d435__color="rgb8", d435__depth__image_rect_raw="16UC1", boson="mono16"), "/d435/color", "/boson"),
        (topics(d435__color="rgb8", d435__infra1="mono8", d435__infra2="mono8", lwir="mono8"), "/d435/color", "/lwir"),
        (topics(rgb="rgb8", rgb__compressed="bgr8", rgb__compressedDepth="16UC1", ir="mono16"), "/rgb", "/ir"),
        (topics(rgb="rgb8", lwir__image_raw__compressedDepth="16UC1"), "/rgb", "/lwir/image_raw/compressedDepth"),
    ],
)
def test_topics_are_found_where_only_one_fits(there: list[ImageTopic], rgb: str, thermal: str) -> None:
    found = choose_topics("drive", there)
    assert (found.rgb.name, found.thermal.name) == (rgb, thermal)


@pytest.mark.parametrize(
    ("there", "rgb", "thermal"),
    [
        (topics(a="rgb8", b="rgb8"), None, None),
        (topics(a="rgb8", b="rgb8", lwir="mono16"), None, None),
        (topics(a="rgb8"), "/a", "/a"),
        (topics(color="rgb8", aligned_depth__image_raw="16UC1"), None, None),
        (topics(color="rgb8", infra1="mono8"), None, None),
        ([], None, None),
    ],
)
def test_topics_that_are_not_clear_are_listed_with_a_question(
    there: list[ImageTopic], rgb: str | None, thermal: str | None
) -> None:
    with pytest.raises(ValueError, match=r"which are RGB and thermal\? expected --rgb-topic") as raised:
        choose_topics("drive", there, rgb, thermal)
    for topic in there:
        assert f"{topic.name} ({topic.encoding}, 64x48, 10 images)" in str(raised.value)


def test_named_topics_settle_the_question() -> None:
    there = topics(a="rgb8", b="rgb8", lwir="mono16", lwir2="mono16")
    found = choose_topics("drive", there, "/b", "/lwir2")
    assert (found.rgb.name, found.thermal.name) == ("/b", "/lwir2")


def test_topics_that_cannot_be_read_are_named() -> None:
    others = {"/rgb/image_raw/ffmpeg": "ffmpeg_msgs/msg/FFMPEGPacket", "/scan": "sensor_msgs/msg/LaserScan"}
    with pytest.raises(ValueError, match=r"/rgb/image_raw/ffmpeg \(.*FFMPEGPacket\), which cannot be read") as raised:
        choose_topics("drive", topics(lwir="mono16"), others=others)
    assert "/scan" not in str(raised.value)
    with pytest.raises(ValueError, match="the topic /scan of sensor_msgs/msg/LaserScan, which is no image"):
        choose_topics("drive", topics(lwir="mono16"), rgb_topic="/scan", others=others)
