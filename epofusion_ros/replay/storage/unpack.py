"""Decompression that never takes more memory than is allowed: a chunk of some kilobytes may claim gigabytes."""

import bz2
from collections.abc import Callable
from pathlib import Path
from tempfile import gettempdir
from typing import Any

import lz4.frame
from backports import zstd

from epofusion_core.atomic_file import cannot_write, partial_of
from epofusion_core.output_guard import remove_leftovers

LARGEST_BYTES = 2**29
"""Of a chunk or a message. An 8K image of 32-bit values has a quarter of it."""

ZSTD_MAGIC = b"\x28\xb5\x2f\xfd"

_MOST_TIMES_LARGER = 1000
"""Files of recordings are packed 100 times at the very most; one that unpacks further is made to fill the disk."""

_BLOCK_BYTES = 2**20

_DECOMPRESSORS: dict[str, Callable[[], Any]] = {
    "zstd": zstd.ZstdDecompressor,
    "lz4": lz4.frame.LZ4FrameDecompressor,
    "bz2": bz2.BZ2Decompressor,
}
UNPACKED = ("", "none")
"""What MCAP and ROS 1 call data that is not compressed."""


def unpack(data: bytes, compression: str, size: int | None = None) -> bytes:
    """Return what some data unpacks to.

    Args:
        data: one frame of the compression.
        compression: "zstd", "lz4", "bz2", or one of `UNPACKED`.
        size: bytes that it is said to unpack to, if that is known.

    Raises:
        ValueError: it unpacks to another size, or to more than `LARGEST_BYTES`.
        Exception: it is damaged; each compression has an error of its own.
    """
    if size is not None and size > LARGEST_BYTES:
        raise ValueError(f"it unpacks to {size} bytes; expected at most {LARGEST_BYTES}")
    if compression in UNPACKED:
        unpacked = data
    elif compression in _DECOMPRESSORS:
        most = LARGEST_BYTES if size is None else size
        unpacked = _DECOMPRESSORS[compression]().decompress(data, max_length=most + 1)
    else:
        raise ValueError(f"compression {compression[:20]!r} is unknown; expected one of {', '.join(_DECOMPRESSORS)}")
    if size is not None and len(unpacked) != size:
        raise ValueError(f"it unpacks to {'more' if len(unpacked) > size else 'less'} than the {size} bytes expected")
    if len(unpacked) > LARGEST_BYTES:
        raise ValueError(f"it unpacks to more than {LARGEST_BYTES} bytes")
    return unpacked


def unpack_file(packed: Path, lost: Callable[[str], None]) -> Path:
    """Unpack a file of Zstandard to the folder for temporary files, as far as it is whole.

    Args:
        packed: the file.
        lost: told what is missing, in a sentence.

    Returns:
        The file, to be deleted by the caller. What a killed process has left there is removed.

    Raises:
        OSError: there is no room for it.
    """
    folder = Path(gettempdir())
    remove_leftovers(folder)
    target = partial_of(folder / packed.name)
    most = _MOST_TIMES_LARGER * max(packed.stat().st_size, _BLOCK_BYTES)
    try:
        with target.open("wb") as file, zstd.open(packed, "rb") as source:
            for block in iter(lambda: _read(source, lost), b""):
                if file.tell() + len(block) > most:
                    lost(f"unpacks to more than {_MOST_TIMES_LARGER} times its size; what follows is left out")
                    break
                try:
                    file.write(block)
                except OSError as error:
                    raise cannot_write(target, error) from error
    except BaseException:
        target.unlink(missing_ok=True)
        raise
    return target


def _read(source: Any, lost: Callable[[str], None]) -> bytes:  # noqa: ANN401 - a file of any kind
    try:
        return bytes(source.read1(_BLOCK_BYTES))
    except (EOFError, zstd.ZstdError) as error:
        lost(f"cannot be unpacked to its end ({error})")
        return b""
