"""SQLite files of rosbag2, read in place: with a write-ahead log beside them, cut off, or damaged."""

import sqlite3
from collections import Counter
from collections.abc import Collection, Iterator
from pathlib import Path

from epofusion_ros.replay.storage.file import Channel, Claims, Lost, StoredMessage
from epofusion_ros.replay.storage.unpack import LARGEST_BYTES

_LOST_IN_A_ROW = 1000


class SqliteFile:
    """An opened SQLite file; nothing is written beside it."""

    def __init__(self, path: Path, lost: Lost) -> None:
        """Read what it holds, but for the messages' contents.

        Raises:
            ValueError: its tables cannot be read.
        """
        self._lost = lost
        log, journal = (path.with_name(path.name + suffix) for suffix in ("-wal", "-journal"))
        # Without locks no index of the log is written beside the file. A journal could only be used by writing.
        mode = "immutable=1" if _is_filled(journal) else "mode=ro&vfs=unix-none"
        self._database = sqlite3.connect(f"{path.resolve().as_uri()}?{mode}", uri=True, check_same_thread=False)
        try:
            self._database.execute("PRAGMA locking_mode = exclusive")
            self._database.execute("PRAGMA writable_schema = on")  # else a file that is cut off is not opened
            topics = self._database.execute("SELECT id, name, type, serialization_format FROM topics").fetchall()
            self._channels = {number: Channel(*map(str, channel)) for number, *channel in topics}
            self._rows = self._all_rows()
        except sqlite3.Error as error:
            self.close()
            raise ValueError(f"its tables cannot be read ({error})") from error
        if _is_filled(journal):
            self._lost(f"was not closed: {journal.name} tells of messages that were being written")
        elif _is_filled(log):
            self._lost(f"was not closed: the last messages were in {log.name}, and have been read from there")

    @property
    def channels(self) -> Collection[Channel]:
        """Its topics."""
        return self._channels.values()

    @property
    def start_ns(self) -> int:
        """When its first message was recorded."""
        return min((bag_ns for bag_ns, _, _ in self._rows), default=0)

    @property
    def claims(self) -> Claims:
        """What its rows say."""
        counts = Counter(self._channels[topic].topic for _, _, topic in self._rows if topic in self._channels)
        return Claims("its table", dict(counts))

    def messages(self, topics: Collection[str]) -> Iterator[StoredMessage]:
        """Yield the messages of some topics by time of recording."""
        for bag_ns, number, topic in sorted(self._rows):
            channel = self._channels.get(topic)
            if channel is None or channel.topic not in topics:
                continue
            try:
                raw = self._content(number)
            except (sqlite3.Error, ValueError) as error:
                self._lost(f"a message of {channel.topic} is damaged ({error})")
                continue
            yield StoredMessage(bag_ns, channel, raw)

    def close(self) -> None:
        """Close the file."""
        self._database.close()

    def _content(self, number: int) -> bytes:
        size, kind = self._database.execute(
            "SELECT length(data), typeof(data) FROM messages WHERE id = ?", (number,)
        ).fetchone() or (0, "nothing")
        if kind != "blob" or size > LARGEST_BYTES:
            raise ValueError(f"{kind} of {size} bytes; expected a blob of at most {LARGEST_BYTES}")
        (raw,) = self._database.execute("SELECT data FROM messages WHERE id = ?", (number,)).fetchone()
        return bytes(raw)

    def _all_rows(self) -> list[tuple[int, int, int]]:
        """Return time, number and topic of each message; names what is missing between them and at the end."""
        try:
            rows = self._database.execute("SELECT timestamp, id, topic_id FROM messages NOT INDEXED").fetchall()
        except sqlite3.DatabaseError as error:
            self._lost(f"is damaged or cut off ({error})")
            rows = list(self._row_by_row())
        sound = [row for row in rows if all(isinstance(value, int) for value in row)]
        numbers = {number for _, number, _ in sound}
        missing = max(numbers, default=0) - min(numbers, default=1) + 1 - len(numbers)
        if missing or len(sound) < len(rows):
            self._lost(f"{missing + len(rows) - len(sound)} messages are missing between others")
        unknown = sum(topic not in self._channels for _, _, topic in sound)
        if unknown:
            self._lost(f"{unknown} messages belong to no topic")
        self._compare_with_index({(bag_ns, number) for bag_ns, number, _ in sound})
        return sound

    def _compare_with_index(self, rows: set[tuple[int, int]]) -> None:
        """Name messages that the index of times has and the table has not, or at another time."""
        try:
            indexed = self._database.execute("SELECT timestamp, id FROM messages INDEXED BY timestamp_idx").fetchall()
        except sqlite3.DatabaseError as error:
            if "no such index" not in str(error):
                self._lost(f"its index is damaged or cut off ({error})")
            return
        hidden = len(set(indexed) - rows)
        if hidden:
            self._lost(f"{hidden} messages that its index names are not there, or at another time")

    def _row_by_row(self) -> Iterator[tuple[int, int, int]]:
        """Yield the rows that can be read each by itself, until none has been for a while."""
        number = lost_in_a_row = 0
        while lost_in_a_row < _LOST_IN_A_ROW:
            number += 1
            try:
                row = self._database.execute(
                    "SELECT timestamp, id, topic_id FROM messages WHERE id = ?", (number,)
                ).fetchone()
            except sqlite3.DatabaseError:
                row = None
            lost_in_a_row = 0 if row else lost_in_a_row + 1
            if row:
                yield row


def _is_filled(path: Path) -> bool:
    return path.is_file() and path.stat().st_size > 0
