"""Bags as they are found: damaged, unclosed, edited, of other recorders. What can be read is, and the rest is named."""

import os
import random
import resource
import shutil
import sqlite3
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from backports import zstd
from mcap_file import McapChannel, mcap_chunk, mcap_records, write_mcap
from recording import IMAGE, INFO_TOPIC, RGB_TOPIC, START_NS, THERMAL_TOPIC, drive, write_bag, write_ros1_bag
from rosbags.rosbag2 import CompressionMode, StoragePlugin

from epofusion_ros.replay.bag import Bag
from epofusion_ros.replay.storage.unpack import LARGEST_BYTES

FRAMES = 24
MUTANTS = int(os.environ.get("EPOFUSION_MUTANTS", "30"))
TOPICS = [RGB_TOPIC, THERMAL_TOPIC, INFO_TOPIC]
Read = tuple[list[tuple[str, int]], list[str]]


def read(*paths: Path) -> Read:
    """Topic and stamp of each message, and what is said to be missing."""
    with Bag(*paths) as bag:
        messages = [(message.topic, message.stamp_ns) for message in bag.messages(TOPICS)]
        return messages, bag.damage


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Sound recordings: mcap/, packed/, db3/ and drive.bag."""
    folder = tmp_path_factory.mktemp("whole")
    write_bag(folder / "mcap", drive(FRAMES))
    write_bag(folder / "packed", drive(FRAMES), compression=CompressionMode.STORAGE)
    write_bag(folder / "db3", drive(FRAMES), StoragePlugin.SQLITE3)
    write_ros1_bag(folder / "drive.bag", drive(FRAMES))
    return folder


@pytest.fixture
def place(whole: Path, tmp_path: Path) -> Path:
    """A copy of them, to be damaged."""
    return Path(shutil.copytree(whole, tmp_path / "place"))


def storage(bag: Path) -> Path:
    return next(file for file in bag.iterdir() if file.suffix != ".yaml") if bag.is_dir() else bag


def mutant(content: bytes, rng: random.Random) -> bytes:
    """Do to a file what disks, cables and killed recorders do."""
    changed = bytearray(content)
    at, size = rng.randrange(len(changed)), rng.choice([1, 16, 256, 4096])
    kind = rng.choice(["flip", "zero", "cut", "insert", "drop", "move"])
    if kind == "flip":
        changed[at] ^= 1 << rng.randrange(8)
    elif kind == "zero":
        changed[at : at + size] = bytes(len(changed[at : at + size]))
    elif kind == "cut":
        del changed[at:]
    elif kind == "insert":
        changed[at:at] = rng.randbytes(size)
    elif kind == "drop":
        del changed[at : at + size]
    else:
        to = rng.randrange(len(changed))
        changed[to : to + size] = changed[at : at + size]
    return bytes(changed)


@pytest.mark.parametrize("name", ["mcap", "packed", "db3", "drive.bag"])
@pytest.mark.parametrize("is_alone", [False, True])
def test_no_mutant_loses_a_message_silently(name: str, is_alone: bool, place: Path) -> None:
    """Alone, the storage file is read without metadata.yaml."""
    file = storage(place / name)
    path = file if is_alone else place / name
    content, (expected, _) = file.read_bytes(), read(path)
    rng = random.Random(0)
    outcomes = {"all": 0, "named": 0, "refused": 0}
    for number in range(MUTANTS):
        file.write_bytes(mutant(content, rng))
        try:
            messages, damage = read(path)
        except ValueError:
            outcomes["refused"] += 1
            continue
        assert damage or len(messages) == len(expected), f"mutant {number}"
        outcomes["named" if damage else "all"] += 1
    print(f"{name}{', alone' if is_alone else ''}: {outcomes}")
    assert outcomes["named"] > MUTANTS // 4, outcomes
    assert outcomes["all"] > 0, outcomes


def edit_metadata(bag: Path, change: Callable[[dict[str, list[object]]], None]) -> None:
    file = bag / "metadata.yaml"
    content = yaml.safe_load(file.read_text())
    change(content["rosbag2_bagfile_information"])
    file.write_text(yaml.safe_dump(content))


@pytest.mark.parametrize("name", ["mcap", "db3"])
def test_another_quality_of_service_in_the_metadata_costs_nothing(name: str, place: Path) -> None:
    def change(information: dict[str, list[object]]) -> None:
        for topic in information["topics_with_message_count"]:
            assert isinstance(topic, dict)
            topic["topic_metadata"]["offered_qos_profiles"] = [{"reliability": "best_effort", "depth": 5}]

    expected = read(place / name)
    edit_metadata(place / name, change)
    assert read(place / name) == expected
    assert len(expected[0]) == 69
    assert expected[1] == []


def test_a_split_file_that_the_metadata_does_not_list_is_read_and_named(place: Path) -> None:
    second = write_bag(place / "second", [each for each in drive(2 * FRAMES) if each.stamp_ns > START_NS + 10**9])
    storage(second).rename(place / "mcap" / "mcap_1.mcap")
    messages, damage = read(place / "mcap")
    assert len(messages) == 69 + sum(1 for each in drive(2 * FRAMES) if each.stamp_ns > START_NS + 10**9)
    assert any("metadata.yaml does not list mcap_1.mcap" in sentence for sentence in damage)
    assert any("metadata.yaml says 24" in sentence for sentence in damage)
    edit_metadata(place / "mcap", lambda information: information["relative_file_paths"].append("mcap_2.mcap"))
    assert any("mcap_2.mcap is missing" in sentence for sentence in read(place / "mcap")[1])


@pytest.mark.parametrize("is_cut", [False, True])
def test_files_of_any_name_come_in_the_order_of_time(is_cut: bool, tmp_path: Path) -> None:
    """The last one, which a killed recorder has not closed, says nothing of itself; the first one is no less sound."""
    recorded = drive(FRAMES)
    parts = [write_bag(tmp_path / "z", recorded[:36]), write_bag(tmp_path / "a", recorded[36:])]
    bag = tmp_path / "drive"
    bag.mkdir()
    for part in parts:
        file = storage(part)
        content = file.read_bytes()
        (bag / file.name).write_bytes(content[:-100] if is_cut and part.name == "a" else content)
    messages, damage = read(bag)
    assert messages == read(write_bag(tmp_path / "whole", recorded))[0]
    assert len(damage) == (3 if is_cut else 1), damage


def test_messages_in_a_write_ahead_log_are_read_and_nothing_is_written_beside_it(place: Path) -> None:
    file = storage(place / "db3")
    with sqlite3.connect(file) as database:
        database.execute("PRAGMA journal_mode = wal")
        database.execute("PRAGMA wal_autocheckpoint = 0")
        rows = database.execute("SELECT * FROM messages WHERE id > 30").fetchall()
        database.execute("DELETE FROM messages WHERE id > 30")
        database.commit()
        database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        database.executemany("INSERT INTO messages VALUES (?, ?, ?, ?)", rows)
        database.commit()
        unclosed = place / "unclosed"
        shutil.copytree(file.parent, unclosed)
    database.close()
    (unclosed / "db3.db3-shm").unlink()
    before = {each.name: each.read_bytes() for each in unclosed.iterdir()}
    messages, damage = read(unclosed)
    assert len(messages) == 69
    assert len(damage) == 1
    assert "db3.db3-wal" in damage[0]
    assert {each.name: each.read_bytes() for each in unclosed.iterdir()} == before
    (unclosed / "db3.db3-wal").unlink()
    assert any("metadata.yaml says 24" in sentence for sentence in read(unclosed)[1])


def test_a_chunk_whose_checksum_does_not_match_is_left_out_and_named(tmp_path: Path) -> None:
    raw = image_messages(tmp_path)
    records = mcap_records(IMAGES, raw)
    damaged = records[:3000] + bytes(100) + records[3100:]
    sound = mcap_chunk(records, "", len(records), zlib.crc32(records))
    unsound = mcap_chunk(damaged, "", len(damaged), zlib.crc32(records))
    messages, damage = read(write_mcap(tmp_path / "x.mcap", sound + unsound))
    assert len(messages) == len(raw)
    assert any("does not match its checksum" in sentence for sentence in damage)


IMAGES = {1: McapChannel(RGB_TOPIC, IMAGE), 2: McapChannel(THERMAL_TOPIC, IMAGE)}


def image_messages(folder: Path) -> list[tuple[int, int, bytes]]:
    """Channel, time and content of some images."""
    with Bag(write_bag(folder / "source", drive(6))) as bag:
        found = [message for recording in bag.recordings for message in recording.messages([RGB_TOPIC, THERMAL_TOPIC])]
    return [(1 if each.channel.topic == RGB_TOPIC else 2, each.bag_ns, each.raw) for each in found]


@pytest.mark.parametrize("profile", ["ros2", "", "x"])
@pytest.mark.parametrize(
    "foreign",
    [
        McapChannel("/events", "Event", "jsonschema", "json"),
        McapChannel("/tf", "foxglove.FrameTransforms", "protobuf", "protobuf"),
        McapChannel("/nothing", "", "", ""),
    ],
)
def test_a_foreign_channel_costs_nothing_but_itself(foreign: McapChannel, profile: str, tmp_path: Path) -> None:
    raw = image_messages(tmp_path)
    records = mcap_records(IMAGES | {3: foreign}, [*raw, (3, START_NS, b"{}")])
    path = write_mcap(tmp_path / "x.mcap", records, profile)
    messages, damage = read(path)
    assert (len(messages), damage) == (len(raw), [])
    with Bag(path) as bag:
        assert [topic.name for topic in bag.image_topics()] == [RGB_TOPIC, THERMAL_TOPIC]
        assert list(bag.other_topics()) == [foreign.topic]


@pytest.mark.parametrize("is_packed", [False, True])
def test_messages_of_a_channel_that_nothing_defines_are_named(is_packed: bool, tmp_path: Path) -> None:
    raw = image_messages(tmp_path)
    unknown = mcap_records(IMAGES, [(9, START_NS, b"?")] * 3)
    records = mcap_records(IMAGES, raw) + (mcap_chunk(unknown, "", len(unknown)) if is_packed else unknown)
    messages, damage = read(write_mcap(tmp_path / "x.mcap", records))
    assert len(messages) == len(raw)
    assert any("3 messages of" in sentence and "belong to no channel" in sentence for sentence in damage)


@pytest.mark.parametrize("claimed", [6_000_000_000, 1000])
def test_a_chunk_that_unpacks_to_gigabytes_is_refused_without_the_memory(claimed: int, tmp_path: Path) -> None:
    """It is small, and may lie about its size."""
    packer = zstd.ZstdCompressor()
    block = bytes(2**24)
    packed = b"".join(packer.compress(block) for _ in range(60)) + packer.flush()
    assert len(packed) < 200_000
    raw = image_messages(tmp_path)
    content = mcap_records(IMAGES, raw) + mcap_chunk(packed, "zstd", claimed)
    before_kb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    messages, damage = read(write_mcap(tmp_path / "bomb.mcap", content))
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before_kb < LARGEST_BYTES / 2 / 1024
    assert len(messages) == len(raw)
    assert any("is lost (it unpacks to" in sentence for sentence in damage)


@pytest.mark.parametrize("ending", [".bag", ".bag.active"])
@pytest.mark.parametrize("share", [0.99, 0.5])
def test_of_a_cut_off_ros_1_bag_all_before_its_end_is_read(ending: str, share: float, place: Path) -> None:
    content = (place / "drive.bag").read_bytes()
    cut = place / f"cut{ending}"
    cut.write_bytes(content[: int(len(content) * share)])
    whole, (messages, damage) = read(place / "drive.bag")[0], read(cut)
    assert messages == whole[: len(messages)]
    assert share * len(whole) - 3 < len(messages) < len(whole)
    assert any("its end is cut off" in sentence for sentence in damage)


@pytest.mark.parametrize("kind", list(StoragePlugin))
def test_packed_files_without_metadata_are_read_and_leave_no_copy(
    kind: StoragePlugin, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "temporary").mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "temporary"))
    bag = write_bag(tmp_path / "drive", drive(FRAMES), kind, CompressionMode.FILE)
    (bag / "metadata.yaml").unlink()
    messages, damage = read(bag)
    assert len(messages) == 69
    assert damage == ["drive: it has no metadata.yaml; its files are read in the order of their times"]
    assert list((tmp_path / "temporary").iterdir()) == []


def test_two_bags_of_one_drive_are_read_as_one_in_the_order_of_time(tmp_path: Path) -> None:
    recorded = drive(FRAMES)
    parts = [
        write_bag(tmp_path / name, [each for each in recorded if (each.topic == THERMAL_TOPIC) == (name == "thermal")])
        for name in ("rgb", "thermal")
    ]
    together, _ = read(*parts)
    assert together == read(write_bag(tmp_path / "both", recorded))[0]


def test_of_a_bag_that_cannot_be_read_the_sentence_is_short(tmp_path: Path) -> None:
    name = "x" * 200 + ".mcap"
    (tmp_path / name).write_bytes(b"nothing")
    with pytest.raises(ValueError, match="does not begin as an MCAP file") as raised:
        Bag(tmp_path / name)
    assert len(str(raised.value)) < 1000
