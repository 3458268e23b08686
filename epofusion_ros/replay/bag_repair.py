"""Storage files that a recorder has not closed: what is whole in them is copied to a file that can be opened."""

import shutil
import sqlite3
import struct
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

from rosbags.rosbag2.storage_mcap import decompress

_MAGIC = b"\x89MCAP0\r\n"
_RECORD = struct.Struct("<BQ")
_CHUNK = struct.Struct("<QQQII")
_CHUNK_CODE, _DATA_END, _LAST_CODE = 0x06, 0x0F, 0x0F
_FOOTER = _RECORD.pack(_DATA_END, 4) + bytes(4) + _RECORD.pack(0x02, 20) + bytes(20) + _MAGIC
"""End of an MCAP file without summary: its reader scans the records."""

_SQLITE_HEADER = struct.Struct(">16xH10xI")
"""Size of a page, where 1 means 65536, and number of pages."""

_LOST_IN_A_ROW = 1000


def mend_mcap(damaged: Path, mended: Path) -> str:
    """Copy the records of an MCAP file up to its damage; whole chunks that are damaged in themselves are left out.

    Returns:
        What is missing, in words.

    Raises:
        ValueError: not even the beginning is there.
    """
    size, lost_chunks = damaged.stat().st_size, 0
    with damaged.open("rb") as source, mended.open("wb") as target:
        if source.read(len(_MAGIC)) != _MAGIC:
            raise ValueError(f"{damaged} does not begin as an MCAP file")
        target.write(_MAGIC)
        while (position := source.tell()) + _RECORD.size <= size:
            code, length = _RECORD.unpack(source.read(_RECORD.size))
            end = position + _RECORD.size + length
            if not 0 < code < _LAST_CODE or end > size:
                break
            if code == _CHUNK_CODE and not _is_whole(source, length):
                lost_chunks += 1
            else:
                source.seek(position)
                _copy(source, target, end - position)
            source.seek(end)
        target.write(_FOOTER)
    return f"{size - position} bytes at its end, and {lost_chunks} damaged chunks before, are lost"


def _is_whole(source: BinaryIO, length: int) -> bool:
    """Tell whether the chunk record that begins here can be unpacked."""
    record = source.read(length)
    try:
        *_, unpacked_size, checksum, name_length = _CHUNK.unpack_from(record)
        name_end = _CHUNK.size + name_length
        name = record[_CHUNK.size : name_end].decode()
        decompress(record[name_end + 8 :], name, unpacked_size, checksum)
    except Exception:  # of every kind, by compression
        return False
    return True


def _copy(source: BinaryIO, target: BinaryIO, length: int) -> None:
    while length:
        block = source.read(min(length, 1 << 20))
        target.write(block)
        length -= len(block)


def mend_sqlite(damaged: Path, mended: Path) -> str:
    """Copy the rows of an SQLite file that can be read.

    Returns:
        What is missing, in words.

    Raises:
        ValueError: not even its tables can be read.
    """
    padded = _padded(damaged, mended.with_suffix(".padded"))
    source = sqlite3.connect(f"{padded.resolve().as_uri()}?mode=ro&immutable=1", uri=True)
    target = sqlite3.connect(mended)
    lost = 0
    try:
        tables = source.execute("SELECT name, sql FROM sqlite_master WHERE type = 'table'").fetchall()
        for name, definition in tables:
            if not name.startswith("sqlite_"):
                target.execute(definition)
                between = _copy_rows(source, target, name)
                lost += between if name == "messages" else 0
        target.execute("CREATE INDEX IF NOT EXISTS timestamp_idx ON messages (timestamp ASC)")
        target.commit()
    except sqlite3.Error as error:
        raise ValueError(f"the tables of {damaged} cannot be read ({error})") from error
    finally:
        source.close()
        target.close()
        padded.unlink()
    return f"its end, and {lost} messages before, are lost"


def _padded(damaged: Path, padded: Path) -> Path:
    """Copy a file up to the length that its header names: SQLite opens no shorter one."""
    shutil.copyfile(damaged, padded)
    with padded.open("r+b") as file:
        header = file.read(_SQLITE_HEADER.size)
        if len(header) == _SQLITE_HEADER.size:
            page_size, pages = _SQLITE_HEADER.unpack(header)
            length = (page_size if page_size > 1 else 1 << 16) * pages
            file.truncate(max(length, damaged.stat().st_size))
    return padded


def _copy_rows(source: sqlite3.Connection, target: sqlite3.Connection, table: str) -> int:
    """Copy row by row, so that one that cannot be read costs no other; return how many between others are lost."""
    lost = lost_in_a_row = 0
    row_id = 0
    while lost_in_a_row < _LOST_IN_A_ROW:
        row_id += 1
        try:
            row = source.execute(f"SELECT * FROM {table} WHERE rowid = ?", (row_id,)).fetchone()
        except sqlite3.DatabaseError:
            row = None
        if row is None:
            lost_in_a_row += 1
            continue
        lost, lost_in_a_row = lost + lost_in_a_row, 0
        target.execute(f"INSERT INTO {table} VALUES ({','.join('?' * len(row))})", row)
    return lost


MENDERS: dict[str, Callable[[Path, Path], str]] = {".mcap": mend_mcap, ".db3": mend_sqlite}
"""By suffix of the storage file."""
