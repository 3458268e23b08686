"""Sizes of JPEG, PNG and TIFF images as their headers say, read as the decoders read them, before anything is decoded.

A decoder that found another header than this module would allocate what nobody has checked.
"""

import struct
from collections.abc import Iterator

from epofusion_ros.messages.image_size import LARGEST_PX

_PNG, _JPEG = b"\x89PNG\r\n\x1a\n", b"\xff\xd8"
_TIFF = {b"II*\0": "<", b"MM\0*": ">"}
_PNG_CHUNK_OVERHEAD = 12
"""Bytes of a chunk besides its data: length, name and checksum."""

_FRAME_HEADERS = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_WITHOUT_PARAMETERS = frozenset({0x01, *range(0xD0, 0xD8)})

_TIFF_NUMBER = {3: "H", 4: "I"}
_TIFF_WIDTH, _TIFF_HEIGHT, _TIFF_BITS, _TIFF_COMPRESSION, _TIFF_SAMPLES = 256, 257, 258, 259, 277
_TIFF_READ = frozenset({_TIFF_WIDTH, _TIFF_HEIGHT, _TIFF_BITS, _TIFF_COMPRESSION, _TIFF_SAMPLES})
_TIFF_TILES = frozenset({322, 323})
_MOST_BITS = 64
"""Of a pixel in an image of the largest size: R, G, B and alpha of 16 bits."""

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
    """Return what the first chunk says. All chunks must lie within the data: decoders allocate what a chunk claims."""
    chunk, width, height = struct.unpack_from(">4sII", data, len(_PNG) + 4)
    if chunk != b"IHDR":
        raise ValueError("compressed image is a PNG with damaged headers")
    at = len(_PNG)
    while chunk != b"IEND":
        length, chunk = struct.unpack_from(">I4s", data, at)
        at += length + _PNG_CHUNK_OVERHEAD
        if at > len(data):
            raise ValueError(f"compressed image is a PNG of {width}x{height} pixels that is cut off within a chunk")
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
    values: dict[int, list[int]] = {}
    for tag, value in _tiff_entries(data, order):
        values.setdefault(tag, []).append(value)
    size = values.get(_TIFF_WIDTH), values.get(_TIFF_HEIGHT)
    plain = _TIFF_COMPRESSIONS.issuperset(values.get(_TIFF_COMPRESSION, ()))
    if None in size or not plain or not _TIFF_TILES.isdisjoint(values):
        raise ValueError(
            "compressed image is a TIFF that is tiled, of a rare compression or without a size; expected strips, "
            "without compression or by LZW, deflate or PackBits"
        )
    width, height = (max(each) for each in size if each)
    pixel_bits = max(values.get(_TIFF_BITS, [1])) * max(values.get(_TIFF_SAMPLES, [1]))
    if width * height * pixel_bits > LARGEST_PX * _MOST_BITS:
        raise ValueError(
            f"compressed image is {width}x{height} pixels of {pixel_bits} bits; "
            f"expected at most {LARGEST_PX} of {_MOST_BITS} in all"
        )
    return width, height


def _tiff_entries(data: bytes, order: str) -> Iterator[tuple[int, int]]:
    """Yield tag and first value of the entries that decide a size; tiles are yielded with any value."""
    (directory,) = struct.unpack_from(f"{order}I", data, 4)
    (count,) = struct.unpack_from(f"{order}H", data, directory)
    for index in range(count):
        at = directory + 2 + 12 * index
        tag, kind, length = struct.unpack_from(f"{order}HHI", data, at)
        if tag in _TIFF_TILES:
            yield tag, 0
        elif tag in _TIFF_READ:
            if kind not in _TIFF_NUMBER or (length != 1 and tag != _TIFF_BITS):
                raise ValueError("compressed image is a TIFF with damaged headers")
            number = struct.Struct(order + _TIFF_NUMBER[kind])
            lies_elsewhere = length * number.size > 4
            place = struct.unpack_from(f"{order}I", data, at + 8)[0] if lies_elsewhere else at + 8
            yield tag, number.unpack_from(data, place)[0]
