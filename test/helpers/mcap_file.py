"""MCAP files as other recorders write them: any channel, any compression, without summary."""

import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

MAGIC = b"\x89MCAP0\r\n"


@dataclass(frozen=True)
class McapChannel:
    """A channel: its topic, type, the language of its definition, and the encoding of its messages."""

    topic: str
    kind: str
    language: str = "ros2msg"
    encoding: str = "cdr"


def record(code: int, content: bytes) -> bytes:
    return struct.pack("<BQ", code, len(content)) + content


def text(content: str | bytes) -> bytes:
    encoded = content.encode() if isinstance(content, str) else content
    return struct.pack("<I", len(encoded)) + encoded


def mcap_records(channels: Mapping[int, McapChannel], messages: Sequence[tuple[int, int, bytes]]) -> bytes:
    """Channels, and messages of channel, time in ns and content."""
    content = b""
    for number, channel in channels.items():
        content += record(3, struct.pack("<H", number) + text(channel.kind) + text(channel.language) + text("..."))
        content += record(
            4, struct.pack("<HH", number, number) + text(channel.topic) + text(channel.encoding) + text("")
        )
    for index, (number, bag_ns, raw) in enumerate(messages):
        content += record(5, struct.pack("<HIQQ", number, index, bag_ns, bag_ns) + raw)
    return content


def mcap_chunk(packed: bytes, compression: str, size: int, checksum: int = 0) -> bytes:
    return record(
        6, struct.pack("<QQQI", 0, 1, size, checksum) + text(compression) + struct.pack("<Q", len(packed)) + packed
    )


def write_mcap(path: Path, content: bytes, profile: str = "ros2") -> Path:
    """Write a file of some records, with begin and end."""
    end = record(15, bytes(4)) + record(2, bytes(20)) + MAGIC
    path.write_bytes(MAGIC + record(1, text(profile) + text("test")) + content + end)
    return path
