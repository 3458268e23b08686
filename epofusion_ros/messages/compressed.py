"""Compressed images of image_transport, JPEG and PNG, by OpenCV; sizes are checked before anything is allocated."""

import struct
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

import cv2
import numpy as np
from numpy.typing import NDArray

from epofusion_ros.messages.image_size import check_size

if TYPE_CHECKING:
    from sensor_msgs.msg import CompressedImage
    from std_msgs.msg import Header

_PNG, _JPEG = b"\x89PNG\r\n\x1a\n", b"\xff\xd8"
_FRAME_HEADERS = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_ENCODINGS = {("u1", 1): "mono8", ("u1", 3): "bgr8", ("u1", 4): "bgra8", ("u2", 1): "mono16", ("u2", 3): "bgr16"}


@runtime_checkable
class CompressedLike(Protocol):
    """The fields of sensor_msgs/CompressedImage that are read; the format is told by the data themselves."""

    format: str
    data: Any


@dataclass
class DecodedImage:
    """Decoded pixels, with the fields of sensor_msgs/Image."""

    height: int
    width: int
    encoding: str
    is_bigendian: int
    step: int
    data: Any


def decode(message: CompressedLike) -> DecodedImage:
    """Decode a JPEG or a PNG; a 16-bit PNG keeps its 16 bits.

    Raises:
        ValueError: it is neither, it is damaged, or it claims to be larger than allowed.
    """
    data = bytes(message.data)
    width, height = size_of(data)
    check_size(width, height, "compressed image")
    try:
        image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    except cv2.error:
        image = None
    channels = 0 if image is None else image.shape[2] if image.ndim == 3 else 1
    encoding = _ENCODINGS.get((image.dtype.str[1:], channels)) if image is not None else None
    if image is None or encoding is None:
        raise ValueError(f"compressed image of {width}x{height} pixels, format {message.format!r}, cannot be decoded")
    image = np.ascontiguousarray(image)
    rows, columns = image.shape[:2]
    big = int(sys.byteorder == "big")
    return DecodedImage(rows, columns, encoding, big, image.strides[0], image.reshape(-1).view(np.uint8))


def size_of(data: bytes) -> tuple[int, int]:
    """Return width and height, pixels, as the headers of a JPEG or a PNG say.

    Raises:
        ValueError: it is neither, or ends before it has said so.
    """
    try:
        if data.startswith(_PNG):
            width, height = struct.unpack_from(">II", data, 16)
            return width, height
        if data.startswith(_JPEG):
            return _jpeg_size(data)
    except struct.error as error:
        raise ValueError(f"compressed image ends within its headers, after {len(data)} bytes") from error
    raise ValueError(f"compressed image begins with {data[:4].hex(' ') or 'nothing'}; expected a JPEG or a PNG")


def _jpeg_size(data: bytes) -> tuple[int, int]:
    at = len(_JPEG)
    while True:
        start, marker, length = struct.unpack_from(">BBH", data, at)
        if start != 0xFF or length < 2:
            raise ValueError("compressed image is a JPEG with damaged headers")
        if marker in _FRAME_HEADERS:
            height, width = struct.unpack_from(">HH", data, at + 5)
            return width, height
        at += 2 + length


def to_compressed_message(rgb: NDArray[np.uint8], header: "Header", quality: int) -> "CompressedImage":
    """Return (H, W, 3) uint8 RGB as a JPEG of a quality of 1 to 100, in a fresh message."""
    from sensor_msgs.msg import CompressedImage

    _, encoded = cv2.imencode(".jpg", cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, quality])
    message = CompressedImage(header=header, format="rgb8; jpeg compressed bgr8")
    message.data.frombytes(encoded.data.cast("B"))
    return message
