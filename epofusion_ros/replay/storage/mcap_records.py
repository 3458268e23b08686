"""Records of MCAP files: their layout, and how they are told from the bytes around them."""

import re
import struct
from collections.abc import Collection
from dataclasses import dataclass

from epofusion_ros.replay.storage.file import Read

MAGIC = b"\x89MCAP0\r\n"
"""At begin and end of a file."""

RECORD = struct.Struct("<BQ")
"""Before each record: its code, and the size of its content."""

HEADER, FOOTER, SCHEMA, CHANNEL, MESSAGE, CHUNK, MESSAGE_INDEX, CHUNK_INDEX = range(1, 9)
STATISTICS, DATA_END = 0x0B, 0x0F
_FIRST_PRIVATE_CODE = 0x80

CHUNK_HEAD = struct.Struct("<QQQI")
"""First and last time, unpacked size, checksum."""

MESSAGE_HEAD = struct.Struct("<HIQQ")
"""Channel, sequence, time of recording, time of publication."""

INDEX_HEAD = struct.Struct("<HI")
"""Channel, and the size of what follows: a time and an offset for each message."""

_SMALLEST = {MESSAGE: MESSAGE_HEAD.size, CHUNK: CHUNK_HEAD.size + 12}
_BLOCK_BYTES = 2**20
_CANDIDATE = re.compile(rb"[\x03-\x06].{5}\x00{3}", re.DOTALL)
"""Begin of a schema, channel, message or chunk of less than a terabyte."""


@dataclass(frozen=True)
class Record:
    """A record: its code, and where its content lies."""

    code: int
    begin: int
    end: int


def record_at(read: Read, position: int, end: int) -> Record | None:
    """Return the record that begins somewhere, if it can be one."""
    head = read(position, RECORD.size)
    if len(head) < RECORD.size:
        return None
    code, length = RECORD.unpack(head)
    begin = position + RECORD.size
    is_known = 0 < code <= DATA_END or code >= _FIRST_PRIVATE_CODE
    if not is_known or begin + length > end or length < _SMALLEST.get(code, 0):
        return None
    return Record(code, begin, begin + length)


def next_record(read: Read, position: int, end: int, channels: Collection[int]) -> int:
    """Return where behind damage the next schema, channel, message or chunk begins; `end` if none does.

    Args:
        read: reads from what is damaged.
        position: where to begin.
        end: where to end.
        channels: numbers of the channels, as far as they are known.
    """
    while position < end:
        block = read(position, min(_BLOCK_BYTES, end - position))
        for found in _CANDIDATE.finditer(block):
            if _is_real(read, position + found.start(), end, channels):
                return position + found.start()
        if len(block) <= RECORD.size:
            break
        position += len(block) - RECORD.size + 1
    return end


def _is_real(read: Read, position: int, end: int, channels: Collection[int]) -> bool:
    """Tell whether what looks like the begin of a record, amid any bytes, is one."""
    record = record_at(read, position, end)
    if record is None:
        return False
    if record.code == MESSAGE:
        (number,) = struct.unpack("<H", read(record.begin, 2))
        is_known = number in channels or not channels
        return is_known and (record.end == end or record_at(read, record.end, end) is not None)
    try:
        if record.code == CHUNK:
            head = read(record.begin, CHUNK_HEAD.size + 16)
            name, at = string_at(head, CHUNK_HEAD.size)
            (packed_size,) = struct.unpack_from("<Q", head, at)
            return name in ("", "lz4", "zstd") and record.begin + at + 8 + packed_size == record.end
        content = read(record.begin, record.end - record.begin)
        at = 2 if record.code == SCHEMA else 4
        for _ in range(2):
            _, at = string_at(content, at)
        (rest,) = struct.unpack_from("<I", content, at)
    except (struct.error, ValueError):
        return False
    return bool(at + 4 + rest == len(content))


def string_at(content: bytes, at: int) -> tuple[str, int]:
    """Return the text that begins somewhere in a record, and where it ends.

    Raises:
        ValueError, struct.error: it is damaged.
    """
    (size,) = struct.unpack_from("<I", content, at)
    end = at + 4 + size
    if end > len(content):
        raise ValueError("a text is cut off")
    return content[at + 4 : end].decode(), end
