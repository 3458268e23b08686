"""MCAP files. Records are found one after another, and again behind damage, so that only what is damaged is lost."""

import struct
from binascii import crc32
from collections import Counter
from collections.abc import Collection, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from epofusion_ros.replay.storage.file import (
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
from epofusion_ros.replay.storage.mcap_definitions import DEFINITIONS, McapDefinitions
from epofusion_ros.replay.storage.mcap_records import (
    CHANNEL,
    CHUNK,
    CHUNK_HEAD,
    FOOTER,
    INDEX_HEAD,
    MAGIC,
    MESSAGE,
    MESSAGE_HEAD,
    MESSAGE_INDEX,
    RECORD,
    SCHEMA,
    Record,
    next_record,
    record_at,
    string_at,
)
from epofusion_ros.replay.storage.unpack import LARGEST_BYTES, unpack


@dataclass
class PlacedChunk:
    """A chunk of the file.

    Attributes:
        record: where it lies.
        start_ns, end_ns: when its messages were recorded.
        counts: how many messages its index says that it has, by channel.
        indexes: where the records of its index lie.
    """

    record: Record
    start_ns: int
    end_ns: int
    counts: Counter[int] = field(default_factory=Counter)
    indexes: list[Record] = field(default_factory=list)

    @property
    def end(self) -> int:
        """Where it ends, with its index."""
        return self.indexes[-1].end if self.indexes else self.record.end


class McapFile:
    """An opened MCAP file."""

    def __init__(self, path: Path, lost: Lost) -> None:
        """Find its records.

        Raises:
            ValueError: it is no MCAP file.
        """
        self._lost = lost
        self._file = path.open("rb")
        self._size = path.stat().st_size
        self._definitions = McapDefinitions()
        self._channels = self._definitions.channels
        self.chunks: list[PlacedChunk] = []
        self._loose: list[tuple[int, int, Record]] = []
        try:
            if self._read(0, len(MAGIC)) != MAGIC:
                raise ValueError("it does not begin as an MCAP file")
            self._scan()
            self._find_channels()
            starts = [chunk.start_ns for chunk in self.chunks] + [bag_ns for bag_ns, _, _ in self._loose]
            self._start_ns = min(starts, default=0)
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
        return self._start_ns

    @property
    def claims(self) -> Claims:
        """What its statistics say, or else its message index."""
        if self._definitions.counts:
            return Claims("its summary", self._by_topic(self._definitions.counts))
        indexed: Counter[int] = Counter(number for _, number, _ in self._loose)
        for chunk in self.chunks:
            indexed += chunk.counts
        is_indexed = all(chunk.counts for chunk in self.chunks)
        return Claims("its message index", self._by_topic(indexed if is_indexed else {}))

    def messages(self, topics: Collection[str]) -> Iterator[StoredMessage]:
        """Yield the messages of some topics by time of recording."""
        wanted = {number for number, channel in self._channels.items() if channel.topic in topics}
        chunks = [
            Chunk(chunk.start_ns, partial(self._messages_of, chunk))
            for chunk in self.chunks
            if not chunk.counts or chunk.counts.keys() & wanted or not chunk.counts.keys() <= self._channels.keys()
        ]
        for bag_ns, number, record in self._loose:
            if number in wanted:
                chunks.append(Chunk(bag_ns, partial(self._loose_message, record)))
        return in_order(chunks, topics)

    def is_whole(self, chunk: PlacedChunk) -> bool:
        """Tell whether a chunk and its index are there and belong together."""
        damage: list[str] = []
        report, self._lost = self._lost, damage.append
        try:
            return bool(self._messages_of(chunk, ()) == [] and not damage and chunk.indexes)
        finally:
            self._lost = report

    def unpacked_size(self, chunk: PlacedChunk) -> int:
        """Return the bytes that a chunk says it unpacks to."""
        *_, size, _ = CHUNK_HEAD.unpack(self._read(chunk.record.begin, CHUNK_HEAD.size))
        return int(size)

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def _by_topic(self, by_number: dict[int, int]) -> dict[str, int]:
        counts: dict[str, int] = {}
        for number, count in by_number.items():
            if channel := self._channels.get(number):
                counts[channel.topic] = counts.get(channel.topic, 0) + count
        return counts

    def _read(self, offset: int, size: int) -> bytes:
        self._file.seek(offset)
        return self._file.read(size)

    def _scan(self) -> None:
        closed = self._size >= 2 * len(MAGIC) and self._read(self._size - len(MAGIC), len(MAGIC)) == MAGIC
        end = self._size - len(MAGIC) if closed else self._size
        last = 0
        for record in self._records(self._read, len(MAGIC), end, "the file"):
            last = record.code
            self._take(record)
        if not closed or last != FOOTER:
            self._lost("was not closed, or its end is cut off")

    def _take(self, record: Record) -> None:
        """Note what a record of the file says."""
        try:
            if record.code == CHUNK:
                start_ns, end_ns, *_ = CHUNK_HEAD.unpack(self._read(record.begin, CHUNK_HEAD.size))
                self.chunks.append(PlacedChunk(record, start_ns, end_ns))
            elif record.code == MESSAGE_INDEX and self.chunks and self.chunks[-1].end == record.begin - RECORD.size:
                number, size = INDEX_HEAD.unpack(self._read(record.begin, INDEX_HEAD.size))
                self.chunks[-1].counts[number] += size // 16
                self.chunks[-1].indexes.append(record)
            elif record.code == MESSAGE:
                number, _, bag_ns, _ = MESSAGE_HEAD.unpack(self._read(record.begin, MESSAGE_HEAD.size))
                self._loose.append((bag_ns, number, record))
            elif record.code in DEFINITIONS:
                self._definitions.take(record.code, self._read(record.begin, record.end - record.begin))
        except (struct.error, ValueError):
            self._lost(f"the record at byte {record.begin} cannot be understood")

    def _find_channels(self) -> None:
        """Look for the definition of channels in the chunks that need it: an unclosed file has no summary of them."""
        for chunk in self.chunks:
            is_clear = chunk.counts or self._definitions.counts
            if is_clear and chunk.counts.keys() <= self._channels.keys():
                continue
            with suppress(ValueError, struct.error):  # named when its messages are read
                content = self._unpack(chunk)
                for record in self._records(reading(content), 0, len(content), None):
                    if record.code in (SCHEMA, CHANNEL):
                        self._definitions.take(record.code, content[record.begin : record.end])
        self._name_unknown(sum(number not in self._channels for _, number, _ in self._loose), "the file")

    def _name_unknown(self, count: int, place: str) -> None:
        if count:
            self._lost(f"{count} messages of {place} belong to no channel")

    def _unpack(self, chunk: PlacedChunk) -> bytes:
        """Return the records of a chunk.

        Raises:
            ValueError: it is damaged, or too large.
        """
        begin, end = chunk.record.begin, chunk.record.end
        *_, size, checksum = CHUNK_HEAD.unpack(self._read(begin, CHUNK_HEAD.size))
        if end - begin > LARGEST_BYTES:
            raise ValueError(f"it has {end - begin} bytes; expected at most {LARGEST_BYTES}")
        record = self._read(begin, end - begin)
        try:
            compression, at = string_at(record, CHUNK_HEAD.size)
            (packed_size,) = struct.unpack_from("<Q", record, at)
            content = unpack(record[at + 8 : at + 8 + packed_size], compression, size)
        except Exception as error:  # of damaged bytes, each compression raises its own
            raise ValueError(f"{error}") from error
        if checksum and crc32(content) != checksum:
            raise ValueError("it does not match its checksum")
        return content

    def _messages_of(self, chunk: PlacedChunk, topics: Collection[str]) -> list[StoredMessage]:
        place = f"the chunk from {self._seconds(chunk.start_ns)} to {self._seconds(chunk.end_ns)} s"
        try:
            content = self._unpack(chunk)
        except ValueError as error:
            self._lost(
                f"{place} is lost ({error}), with {sum(chunk.counts.values()) or 'an unknown number of'} messages"
            )
            return []
        read = reading(content)
        found = [record for record in self._records(read, 0, len(content), place) if record.code == MESSAGE]
        messages = [message for record in found if (message := self._message(read, record))]
        self._name_unknown(len(found) - len(messages), place)
        if chunk.indexes and Counter((each.channel, each.bag_ns) for each in messages) != self._indexed(chunk):
            self._lost(f"{place} has other messages than its index, or at other times")
        return [message for message in messages if message.channel.topic in topics]

    def _indexed(self, chunk: PlacedChunk) -> Counter[tuple[Channel | None, int]]:
        """Return channel and time of each message that the index of a chunk names."""
        indexed: Counter[tuple[Channel | None, int]] = Counter()
        for record in chunk.indexes:
            content = self._read(record.begin, record.end - record.begin)
            number, size = INDEX_HEAD.unpack_from(content)
            entries = content[INDEX_HEAD.size : INDEX_HEAD.size + size // 16 * 16]
            indexed.update((self._channels.get(number), bag_ns) for bag_ns, _ in struct.iter_unpack("<QQ", entries))
        return indexed

    def _loose_message(self, record: Record, topics: Collection[str]) -> list[StoredMessage]:
        if record.end - record.begin > LARGEST_BYTES:
            self._lost(f"the message at byte {record.begin} is lost, since it has over {LARGEST_BYTES} bytes")
            return []
        message = self._message(self._read, record)
        return [message] if message and message.channel.topic in topics else []

    def _message(self, read: Read, record: Record) -> StoredMessage | None:
        number, _, bag_ns, _ = MESSAGE_HEAD.unpack(read(record.begin, MESSAGE_HEAD.size))
        begin = record.begin + MESSAGE_HEAD.size
        channel = self._channels.get(number)
        return StoredMessage(bag_ns, channel, read(begin, record.end - begin)) if channel else None

    def _seconds(self, bag_ns: int) -> str:
        return f"{(bag_ns - self.start_ns) / 1e9:.3f}"

    def _records(self, read: Read, begin: int, end: int, place: str | None) -> Iterator[Record]:
        """Yield the records from `begin` to `end`; what lies between them is named, in `place`, if that is given."""

        def damaged(start: int, stop: int) -> None:
            if place is not None:
                self._lost(f"bytes {start} to {stop} of {place} are damaged or cut off")

        return walk(
            partial(record_at, read, end=end),
            partial(next_record, read, end=end, channels=self._channels),
            (begin, end),
            damaged,
        )
