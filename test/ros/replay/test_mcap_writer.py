"""The bag of fused images: wherever its writer is killed, the next one goes on to the same bytes."""

import random
from pathlib import Path

from rosbags.rosbag2 import Reader

from epofusion_ros.replay.storage.mcap_writer import McapWriter, WrittenChannel

CHANNELS = [WrittenChannel(topic, "std_msgs/msg/UInt8", "uint8 data\n") for topic in ("/a", "/b")]


def messages() -> list[tuple[int, int, bytes]]:
    """Channel, time and content of messages that fill several chunks; some times go back."""
    rng = random.Random(0)
    return [
        (rng.choice([1, 2]), 10**9 + rng.randrange(10**9), rng.randbytes(rng.randrange(1, 300_000))) for _ in range(40)
    ]


def write(path: Path) -> int:
    """Write what is missing of all messages; return how many were there."""
    writer = McapWriter(path, CHANNELS)
    for message in messages()[writer.kept :]:
        writer.write(*message)
    writer.finish()
    return writer.kept


def test_a_file_that_is_cut_anywhere_is_gone_on_with_to_the_same_bytes(tmp_path: Path) -> None:
    whole, cut = tmp_path / "whole.mcap", tmp_path / "cut.mcap"
    assert write(whole) == 0
    content, rng = whole.read_bytes(), random.Random(1)
    kept = set()
    for size in [0, 5, len(content) - 1, *(rng.randrange(len(content)) for _ in range(20))]:
        cut.write_bytes(content[:size])
        kept.add(write(cut))
        assert cut.read_bytes() == content, size
    assert len(kept) > 3, "whole chunks are kept"


def test_other_readers_find_every_message_by_its_time(tmp_path: Path) -> None:
    write(tmp_path / "whole.mcap")
    with Reader(tmp_path / "whole.mcap") as reader:
        found = [(connection.topic, bag_ns, bytes(raw)) for connection, bag_ns, raw in reader.messages()]
        assert reader.message_count == len(found)
    expected = [(CHANNELS[number - 1].topic, bag_ns, raw) for number, bag_ns, raw in messages()]
    assert found == sorted(expected, key=lambda message: message[1])
