"""What every kind of storage file gives: channels, the counts that it claims, and messages by time of recording."""

import heapq
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Protocol, TypeVar

_MOST_HELD_BYTES = 2**29

Lost = Callable[[str], None]
"""Is told in a sentence what of a file cannot be read."""

Read = Callable[[int, int], bytes]
"""Returns so many bytes from an offset on, fewer at the end."""

CDR, ROS_1 = "cdr", "ros1"
"""Encodings of messages that can be read, as MCAP names them."""


@dataclass(frozen=True)
class Channel:
    """A topic of a storage file.

    Attributes:
        topic: its name.
        kind: type of its messages, such as sensor_msgs/msg/Image.
        encoding: `CDR`, `ROS_1`, or a foreign one such as "json".
    """

    topic: str
    kind: str
    encoding: str


@dataclass(frozen=True)
class StoredMessage:
    """A message as it lies in a file.

    Attributes:
        bag_ns: when it was recorded.
        channel: that it belongs to.
        raw: serialised.
    """

    bag_ns: int
    channel: Channel
    raw: bytes


@dataclass
class Claims:
    """How many messages a file says that it has.

    Attributes:
        source: what says so, in words.
        counts: by topic; empty where nothing is said.
    """

    source: str
    counts: dict[str, int] = field(default_factory=dict)


class StorageFile(Protocol):
    """A storage file that has been opened."""

    @property
    def channels(self) -> Collection[Channel]:
        """Its topics."""
        ...

    @property
    def claims(self) -> Claims:
        """How many messages it says that it has."""
        ...

    @property
    def start_ns(self) -> int:
        """When its first message was recorded."""
        ...

    def messages(self, topics: Collection[str]) -> Iterator[StoredMessage]:
        """Yield the messages of some topics by time of recording."""
        ...

    def close(self) -> None:
        """Close it."""
        ...


@dataclass(frozen=True)
class Chunk:
    """Messages that lie together and are read at once.

    Attributes:
        start_ns: no message of it was recorded before.
        read: returns its messages of some topics.
    """

    start_ns: int
    read: Callable[[Collection[str]], Iterable[StoredMessage]]


def in_order(chunks: Iterable[Chunk], topics: Collection[str]) -> Iterator[StoredMessage]:
    """Yield the messages of chunks by time.

    Only chunks that overlap are held at a time. Where those are too large, messages come before earlier ones.
    """
    waiting: list[tuple[int, int, StoredMessage]] = []
    number = held_bytes = 0
    for chunk in sorted(chunks, key=lambda chunk: chunk.start_ns):
        while waiting and (waiting[0][0] < chunk.start_ns or held_bytes > _MOST_HELD_BYTES):
            message = heapq.heappop(waiting)[2]
            held_bytes -= len(message.raw)
            yield message
        for message in chunk.read(topics):
            heapq.heappush(waiting, (message.bag_ns, number, message))
            held_bytes += len(message.raw)
            number += 1
    while waiting:
        yield heapq.heappop(waiting)[2]


class Found(Protocol):
    """A record that has been found."""

    @property
    def end(self) -> int:
        """Where it ends."""
        ...


R = TypeVar("R", bound=Found)


def walk(
    record_at: Callable[[int], R | None],
    next_record: Callable[[int], int],
    span: tuple[int, int],
    damaged: Callable[[int, int], None],
) -> Iterator[R]:
    """Yield one record after another.

    Args:
        record_at: returns the record that begins somewhere; None if none can.
        next_record: returns where from some position on the next one begins, or the end.
        span: where the first one begins and the last one ends.
        damaged: told begin and end of what is no record.
    """
    position, end = span
    while position < end:
        record = record_at(position)
        if record is not None:
            yield record
            position = record.end
        else:
            following = next_record(position + 1)
            damaged(position, following)
            position = following


def reading(content: bytes) -> Read:
    """Return a function that reads from some bytes."""
    return lambda offset, size: content[offset : offset + size]
