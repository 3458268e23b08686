"""Bags of ROS 1. Their records are read one after another, so that one without its index at the end is read, too."""

import re
import struct
from collections import Counter
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from epofusion_ros.replay.storage.file import (
    ROS_1,
    Channel,
    Chunk,
    Claims,
    Lost,
    Read,
    StoredMessage,
    in_order,
    reading,
    walk,
)
from epofusion_ros.replay.storage.unpack import LARGEST_BYTES, unpack

_MAGIC = b"#ROSBAG V2.0\n"
_MESSAGE, _BAG_HEADER, _INDEX, _CHUNK, _CHUNK_INFO, _CONNECTION = range(2, 8)
_U32, _TIME = struct.Struct("<I"), struct.Struct("<II")
_LONGEST_HEADER = 2**20
_CANDIDATE = re.compile(rb"\x04\x00{3}op=[\x02\x05\x07]")
"""The field of a header that says that the record is a message, a chunk or a connection."""

_FARTHEST_FIELD = 96
_BLOCK_BYTES = 2**20


@dataclass(frozen=True)
class _Record:
    """A record: its header, and where its content lies."""

    fields: dict[str, bytes]
    begin: int
    end: int

    @property
    def code(self) -> int:
        return self.fields["op"][0]

    def number(self, name: str) -> int:
        return int(_U32.unpack(self.fields[name])[0])

    @property
    def bag_ns(self) -> int:
        return _nanoseconds(self.fields["time"])


@dataclass
class _PlacedChunk:
    """A chunk, when its messages were recorded, and how many the index behind it says it has."""

    record: _Record
    start_ns: int
    counts: Counter[int]


class Ros1File:
    """An opened bag of ROS 1."""

    def __init__(self, path: Path, lost: Lost) -> None:
        """Find its records.

        Raises:
            ValueError: it is no bag of ROS 1.
        """
        self._lost = lost
        self._file = path.open("rb")
        self._channels: dict[int, Channel] = {}
        self._chunks: list[_PlacedChunk] = []
        self._loose: list[_Record] = []
        self._said: Counter[int] = Counter()
        try:
            if self._read(0, len(_MAGIC)) != _MAGIC:
                raise ValueError("it does not begin as a bag of ROS 1")
            last = 0
            for record in self._records(self._read, len(_MAGIC), path.stat().st_size, "the file"):
                last = record.code
                self._take(record)
            if last not in (_CHUNK_INFO, _BAG_HEADER):
                self._lost("was not closed, or its end is cut off")
            for chunk in self._chunks:
                if not chunk.counts.keys() <= self._channels.keys() or not chunk.counts:
                    list(self._messages_of(chunk, ()))  # it holds the connections
        except BaseException:
            self.close()
            raise

    @property
    def channels(self) -> Collection[Channel]:
        """Its topics."""
        return self._channels.values()

    @property
    def start_ns(self) -> int:
        """When its first message was recorded."""
        return min([*(chunk.start_ns for chunk in self._chunks), *(each.bag_ns for each in self._loose)], default=0)

    @property
    def claims(self) -> Claims:
        """What its index says, or else those of its chunks."""
        if self._said:
            return Claims("its index", self._by_topic(self._said))
        indexed = Counter(record.number("conn") for record in self._loose)
        for chunk in self._chunks:
            indexed += chunk.counts
        is_indexed = all(chunk.counts for chunk in self._chunks)
        return Claims("the index of its chunks", self._by_topic(indexed if is_indexed else Counter()))

    def messages(self, topics: Collection[str]) -> Iterator[StoredMessage]:
        """Yield the messages of some topics by time of recording."""
        chunks = [Chunk(chunk.start_ns, partial(self._messages_of, chunk)) for chunk in self._chunks]
        for record in self._loose:
            chunks.append(Chunk(record.bag_ns, partial(self._message_of, record, self._read)))
        return in_order(chunks, topics)

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def _read(self, offset: int, size: int) -> bytes:
        self._file.seek(offset)
        return self._file.read(size)

    def _by_topic(self, by_number: Counter[int]) -> dict[str, int]:
        counts: Counter[str] = Counter()
        for number, count in by_number.items():
            if channel := self._channels.get(number):
                counts[channel.topic] += count
        return dict(counts)

    def _take(self, record: _Record) -> None:
        """Note what a record of the file says."""
        try:
            if record.code == _CHUNK and record.end > record.begin:
                last_ns = self._chunks[-1].start_ns if self._chunks else 0
                self._chunks.append(_PlacedChunk(record, last_ns, Counter()))
            elif record.code == _MESSAGE:  # a chunk that was being written has no size yet
                self._loose.append(record)
            elif record.code == _CONNECTION:
                self._connect(record, self._read)
            elif record.code == _INDEX and self._chunks:
                content = self._read(record.begin, record.end - record.begin)
                chunk = self._chunks[-1]
                times = [_nanoseconds(content[at : at + 8]) for at in range(0, len(content) - 11, 12)]
                chunk.start_ns = min([*times, *([chunk.start_ns] if chunk.counts else [])])
                chunk.counts[record.number("conn")] += record.number("count")
            elif record.code == _CHUNK_INFO:
                content = self._read(record.begin, record.end - record.begin)
                self._said.update(dict(struct.iter_unpack("<II", content)))
        except (struct.error, ValueError, KeyError):
            self._lost(f"the record at byte {record.begin} cannot be understood")

    def _connect(self, record: _Record, read: Read) -> None:
        fields = _fields(read(record.begin, record.end - record.begin))
        kind = fields["type"].decode().replace("/", "/msg/")
        self._channels.setdefault(record.number("conn"), Channel(record.fields["topic"].decode(), kind, ROS_1))

    def _messages_of(self, chunk: _PlacedChunk, topics: Collection[str]) -> Iterator[StoredMessage]:
        begin, end = chunk.record.begin, chunk.record.end
        try:
            if end - begin > LARGEST_BYTES:
                raise ValueError(f"it has {end - begin} bytes; expected at most {LARGEST_BYTES}")
            fields = chunk.record.fields
            compression = fields["compression"].decode()
            content = unpack(self._read(begin, end - begin), compression, chunk.record.number("size"))
        except Exception as error:  # of damaged bytes, each compression raises its own
            count = sum(chunk.counts.values()) or "an unknown number of"
            self._lost(f"the chunk at byte {begin} is lost ({error}), with {count} messages")
            return
        read = reading(content)
        for record in self._records(read, 0, len(content), f"the chunk at byte {begin}"):
            try:
                if record.code == _CONNECTION:
                    self._connect(record, read)
                elif record.code == _MESSAGE:
                    yield from self._message_of(record, read, topics)
            except (struct.error, ValueError, KeyError):
                self._lost(f"a record of the chunk at byte {begin} cannot be understood")

    def _message_of(self, record: _Record, read: Read, topics: Collection[str]) -> Iterator[StoredMessage]:
        channel = self._channels.get(record.number("conn"))
        if channel is not None and channel.topic in topics and record.end - record.begin <= LARGEST_BYTES:
            yield StoredMessage(record.bag_ns, channel, read(record.begin, record.end - record.begin))

    def _records(self, read: Read, begin: int, end: int, place: str) -> Iterator[_Record]:
        return walk(
            partial(_record_at, read, end=end),
            partial(_next_record, read, end=end),
            (begin, end),
            lambda start, stop: self._lost(f"bytes {start} to {stop} of {place} are damaged or cut off"),
        )


def _nanoseconds(content: bytes) -> int:
    seconds, nanoseconds = _TIME.unpack(content)
    return int(seconds) * 1_000_000_000 + int(nanoseconds)


def _fields(header: bytes) -> dict[str, bytes]:
    """Return the fields of a header.

    Raises:
        ValueError, struct.error: it is none.
    """
    fields, position = {}, 0
    while position < len(header):
        (size,) = _U32.unpack_from(header, position)
        position += 4 + size
        name, separator, value = header[position - size : position].partition(b"=")
        if position > len(header) or not separator:
            raise ValueError("a header is damaged")
        fields[name.decode()] = value
    return fields


def _record_at(read: Read, position: int, end: int) -> _Record | None:
    """Return the record that begins somewhere, if it can be one."""
    try:
        (header_size,) = _U32.unpack(read(position, 4))
        begin = position + 4 + header_size + 4
        if not 0 < header_size <= _LONGEST_HEADER or begin > end:
            return None
        fields = _fields(read(position + 4, header_size))
        (size,) = _U32.unpack(read(begin - 4, 4))
        known = len(fields["op"]) == 1 and _MESSAGE <= fields["op"][0] <= _CONNECTION
    except (struct.error, ValueError, KeyError):
        return None
    return _Record(fields, begin, begin + size) if known and begin + size <= end else None


def _next_record(read: Read, position: int, end: int) -> int:
    """Return where behind damage the next message, chunk or connection begins; `end` if none does."""
    while position < end:
        block = read(position, min(_BLOCK_BYTES, end - position))
        for found in _CANDIDATE.finditer(block):
            at = position + found.start()
            for begin in range(max(position, at - _FARTHEST_FIELD), at - 3):
                record = _record_at(read, begin, end)
                if record is not None and begin < at < record.begin:
                    return begin
        if len(block) <= 2 * _FARTHEST_FIELD:
            break
        position += len(block) - 2 * _FARTHEST_FIELD
    return end
