"""Sizes of JPEG, PNG and TIFF images as their headers say, read as the decoders read them, before anything is decoded.

A decoder that found another header than this module would allocate what nobody has checked.
"""

import struct
from collections.abc import Iterator

_PNG, _JPEG = b"\x89PNG\r\n\x1a\n", b"\xff\xd8"
_TIFF = {b"II*\0": "<", b"MM\0*": ">"}
_FRAME_HEADERS = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_WITHOUT_PARAMETERS = frozenset({0x01, *range(0xD0, 0xD8)})

_TIFF_NUMBER = {3: "H", 4: "I"}
_TIFF_WIDTH, _TIFF_HEIGHT, _TIFF_COMPRESSION = 256, 257, 259
_TIFF_TILES = frozenset({322, 323})
_TIFF_COMPRESSIONS = frozenset({1, 5, 8, 32773, 32946})
"""None, LZW, deflate, PackBits. Others bring headers of their own, with sizes of their own."""


def size_of(data: bytes) -> tuple[int, int]:
    """Return width and height, pixels, as the headers of a JPEG, a PNG or a TIFF say.

    Raises:
        ValueError: it is none of them, or ends before it has said so.
    """
    try:
        if data.startswith(_PNG):
            return _png_size(data)
        if data.startswith(_JPEG):
            return _jpeg_size(data)
        if data[:4] in _TIFF:
            return _tiff_size(data, _TIFF[data[:4]])
    except (struct.error, IndexError) as error:
        raise ValueError(f"compressed image ends within its headers, after {len(data)} bytes") from error
    begin = data[:4].hex(" ") or "nothing"
    raise ValueError(f"compressed image begins with {begin}; expected a JPEG, a PNG or a TIFF")


def _png_size(data: bytes) -> tuple[int, int]:
    chunk, width, height = struct.unpack_from(">4sII", data, len(_PNG) + 4)
    if chunk != b"IHDR":
        raise ValueError("compressed image is a PNG with damaged headers")
    return width, height


def _jpeg_size(data: bytes) -> tuple[int, int]:
    """Return what the first frame header says.

    Before a marker there may be any number of fill bytes FF. Bytes that are no marker are skipped, as libjpeg does.
    """
    at = len(_JPEG)
    while True:
        at = data.find(b"\xff", at)
        if at < 0:
            raise IndexError
        while data[at] == 0xFF:
            at += 1
        marker = data[at]
        at += 1
        if marker == 0 or marker in _WITHOUT_PARAMETERS:
            continue
        (length,) = struct.unpack_from(">H", data, at)
        if length < 2 or marker in (0xD8, 0xD9, 0xDA):
            raise ValueError("compressed image is a JPEG with damaged headers")
        if marker in _FRAME_HEADERS:
            height, width = struct.unpack_from(">HH", data, at + 3)
            return width, height
        at += length


def _tiff_size(data: bytes, order: str) -> tuple[int, int]:
    """Return the largest size that the entries of the first directory give."""
    entries = list(_tiff_entries(data, order))
    widths = [value for tag, value in entries if tag == _TIFF_WIDTH]
    heights = [value for tag, value in entries if tag == _TIFF_HEIGHT]
    compressions = {value for tag, value in entries if tag == _TIFF_COMPRESSION}
    tiled = any(tag in _TIFF_TILES for tag, _ in entries)
    if not widths or not heights or tiled or not compressions <= _TIFF_COMPRESSIONS:
        raise ValueError(
            "compressed image is a TIFF that is tiled, of a rare compression or without a size; expected strips, "
            "without compression or by LZW, deflate or PackBits"
        )
    return max(widths), max(heights)


def _tiff_entries(data: bytes, order: str) -> Iterator[tuple[int, int]]:
    """Yield tag and first value of the entries whose value decides a size; tiles are yielded with any value."""
    (directory,) = struct.unpack_from(f"{order}I", data, 4)
    (count,) = struct.unpack_from(f"{order}H", data, directory)
    for index in range(count):
        at = directory + 2 + 12 * index
        tag, kind, length = struct.unpack_from(f"{order}HHI", data, at)
        if tag in _TIFF_TILES:
            yield tag, 0
        elif tag in (_TIFF_WIDTH, _TIFF_HEIGHT, _TIFF_COMPRESSION):
            if kind not in _TIFF_NUMBER or length != 1:
                raise ValueError("compressed image is a TIFF with damaged headers")
            yield tag, struct.unpack_from(f"{order}{_TIFF_NUMBER[kind]}", data, at + 8)[0]
