"""Writing an MCAP file that a later run can go on with: whenever the writer is killed, its whole chunks stay."""

import struct
from binascii import crc32
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from backports import zstd

from epofusion_ros.replay.storage.file import CDR
from epofusion_ros.replay.storage.mcap import McapFile, PlacedChunk
from epofusion_ros.replay.storage.mcap_records import (
    CHANNEL,
    CHUNK,
    CHUNK_HEAD,
    CHUNK_INDEX,
    DATA_END,
    FOOTER,
    HEADER,
    INDEX_HEAD,
    MAGIC,
    MESSAGE,
    MESSAGE_HEAD,
    MESSAGE_INDEX,
    RECORD,
    SCHEMA,
    STATISTICS,
)

_CHUNK_BYTES = 2**20
_LATEST_NS = 2**63 - 1
_COMPRESSION = "zstd"
_HEAD_BYTES = CHUNK_HEAD.size + 4 + len(_COMPRESSION) + 8
"""Of a chunk before its packed content."""


@dataclass(frozen=True)
class WrittenChannel:
    """A topic to write.

    Attributes:
        topic: its name.
        kind: type of its messages.
        definition: of the type, as text.
    """

    topic: str
    kind: str
    definition: str


class McapWriter:
    """Writes messages in chunks.

    Attributes:
        kept: how many messages an earlier writer has left, in whole chunks.
        counts: messages by channel.
        first_ns, last_ns: when the first and the last message were recorded; meaningless without messages.
    """

    def __init__(self, path: Path, channels: Sequence[WrittenChannel]) -> None:
        """Go on with a file that was written for the same channels, or begin a new one.

        Raises:
            OSError: it cannot be written.
        """
        kinds = {channel.kind: channel.definition for channel in channels}
        numbers = {kind: number for number, kind in enumerate(kinds, start=1)}
        self._definitions = b"".join(
            _record(SCHEMA, struct.pack("<H", numbers[kind]), _text(kind), _text("ros2msg"), _text(definition))
            for kind, definition in kinds.items()
        )
        quality = _text("offered_qos_profiles") + _text("[]")
        for number, channel in enumerate(channels, start=1):
            head = struct.pack("<HH", number, numbers[channel.kind])
            self._definitions += _record(CHANNEL, head, _text(channel.topic), _text(CDR), _text(quality))
        self._schema_count, self._channel_count = len(kinds), len(channels)
        begin = MAGIC + _record(HEADER, _text("ros2"), _text("epofusion")) + self._definitions
        self._indexes: list[bytes] = []
        self.counts: Counter[int] = Counter()
        self.first_ns, self.last_ns = _LATEST_NS, 0
        self._file = path.open("r+b" if path.exists() else "w+b")
        if self._file.read(len(begin)) == begin:
            end = self._take_over(path, len(begin))
        else:
            self._file.seek(0)
            self._file.write(begin)
            end = len(begin)
        self._file.truncate(end)
        self._file.seek(end)
        self.kept = self.counts.total()
        self._begin_chunk()

    def write(self, channel: int, bag_ns: int, raw: bytes | memoryview) -> None:
        """Write a message of a channel; the first one is number 1."""
        self._entries.setdefault(channel, []).append((bag_ns, len(self._chunk)))
        self._chunk += _record(MESSAGE, MESSAGE_HEAD.pack(channel, 0, bag_ns, bag_ns), raw)
        if len(self._chunk) > _CHUNK_BYTES:
            self._end_chunk()

    def finish(self) -> None:
        """Write the end of the file and close it."""
        if self._entries:
            self._end_chunk()
        self._file.write(_record(DATA_END, bytes(4)))
        begin = self._file.tell()
        by_channel = b"".join(struct.pack("<HQ", number, count) for number, count in sorted(self.counts.items()))
        times = (self.first_ns, self.last_ns) if self.counts else (0, 0)
        totals = self.counts.total(), self._schema_count, self._channel_count, 0, 0, len(self._indexes), *times
        statistics = _record(STATISTICS, struct.pack("<QHIIIIQQ", *totals), _text(by_channel))
        summary = self._definitions + b"".join(self._indexes) + statistics
        head = RECORD.pack(FOOTER, 20) + struct.pack("<QQ", begin, 0)
        self._file.write(summary + head + struct.pack("<I", crc32(summary + head)) + MAGIC)
        self.close()

    def close(self) -> None:
        """Close the file, finished or not."""
        self._file.close()

    def _begin_chunk(self) -> None:
        self._chunk = bytearray()
        self._entries: dict[int, list[tuple[int, int]]] = {}

    def _end_chunk(self) -> None:
        times = [bag_ns for entries in self._entries.values() for bag_ns, _ in entries]
        first_ns, last_ns, size = min(times), max(times), len(self._chunk)
        head = CHUNK_HEAD.pack(first_ns, last_ns, size, crc32(self._chunk))
        begin = self._file.tell()
        packed = zstd.compress(self._chunk)
        chunk = _record(CHUNK, head, _text(_COMPRESSION), struct.pack("<Q", len(packed)), packed)
        offsets, indexes = {}, b""
        for number, entries in self._entries.items():
            offsets[number] = begin + len(chunk) + len(indexes)
            content = b"".join(struct.pack("<QQ", *entry) for entry in entries)
            indexes += _record(MESSAGE_INDEX, INDEX_HEAD.pack(number, len(content)), content)
        self._file.write(chunk + indexes)
        self._file.flush()
        self._note(first_ns, last_ns, Counter({number: len(entries) for number, entries in self._entries.items()}))
        self._index((first_ns, last_ns, begin, len(chunk)), offsets, len(indexes), (len(packed), size))
        self._begin_chunk()

    def _note(self, first_ns: int, last_ns: int, counts: Counter[int]) -> None:
        self.counts += counts
        self.first_ns, self.last_ns = min(first_ns, self.first_ns), max(last_ns, self.last_ns)

    def _index(
        self, place: tuple[int, int, int, int], offsets: dict[int, int], index_size: int, sizes: tuple[int, int]
    ) -> None:
        """Note a chunk for the summary.

        Args:
            place: first and last time of its messages, where it begins, and its size.
            offsets: where the index of each channel lies.
            index_size: of all of them.
            sizes: of its content, packed and unpacked.
        """
        by_channel = b"".join(struct.pack("<HQ", number, offset) for number, offset in offsets.items())
        tail = struct.pack("<Q", index_size), _text(_COMPRESSION), struct.pack("<QQ", *sizes)
        self._indexes.append(_record(CHUNK_INDEX, struct.pack("<QQQQ", *place), _text(by_channel), *tail))

    def _take_over(self, path: Path, begin: int) -> int:
        """Take over the chunks that are whole; returns where the last one ends."""
        earlier = McapFile(path, lambda _: None)
        try:
            for chunk in earlier.chunks:
                if chunk.record.begin - RECORD.size != begin or not earlier.is_whole(chunk):
                    break
                begin = chunk.end
                self._note(chunk.start_ns, chunk.end_ns, chunk.counts)
                self._index_again(chunk, earlier.unpacked_size(chunk))
        finally:
            earlier.close()
        return begin

    def _index_again(self, chunk: PlacedChunk, size: int) -> None:
        """Note a chunk of an earlier writer, whose content unpacks to so many bytes."""
        begin, packed_begin = chunk.record.begin - RECORD.size, chunk.record.begin + _HEAD_BYTES
        offsets = {
            number: record.begin - RECORD.size for number, record in zip(chunk.counts, chunk.indexes, strict=True)
        }
        place = (chunk.start_ns, chunk.end_ns, begin, chunk.record.end - begin)
        self._index(place, offsets, chunk.end - chunk.record.end, (chunk.record.end - packed_begin, size))


def _record(code: int, *contents: bytes | bytearray | memoryview) -> bytes:
    content = b"".join(contents)
    return RECORD.pack(code, len(content)) + content


def _text(content: str | bytes) -> bytes:
    """Return a text, or anything else of any size, with its size before it."""
    encoded = content.encode() if isinstance(content, str) else content
    return struct.pack("<I", len(encoded)) + encoded
