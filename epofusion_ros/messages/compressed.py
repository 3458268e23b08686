"""Compressed images of image_transport, by OpenCV: JPEG, PNG, TIFF and compressedDepth.

Sizes are checked before anything is allocated.
"""

import struct
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

import cv2
import numpy as np
from numpy.typing import NDArray

from epofusion_ros.messages.image_header import size_of
from epofusion_ros.messages.image_size import check_size

if TYPE_CHECKING:
    from sensor_msgs.msg import CompressedImage
    from std_msgs.msg import Header

_GREY = {"u1": "mono8", "u2": "mono16", "i2": "16SC1", "f4": "32FC1"}
_BITS = {"u1": "8", "u2": "16"}
_DEPTH_HEADER = struct.Struct("<iff")
"""What compressed_depth_image_transport writes before its PNG: a format, and A and B of depth = A / (value - B)."""

_FORMAT_SHOWN = 60
"""Characters of a format that a sentence quotes."""


@runtime_checkable
class CompressedLike(Protocol):
    """The fields of sensor_msgs/CompressedImage that are read.

    `format` begins with the encoding of what was compressed, as in "bayer_rggb8; png compressed ". The data themselves
    tell whether it is a JPEG, a PNG or a TIFF.
    """

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
    """Decode a JPEG, a PNG, a TIFF or a compressedDepth; what has over 8 bits keeps them.

    Raises:
        ValueError: it is none of them, it is damaged, or it claims to be larger than allowed.
    """
    data = bytes(message.data)
    if "compressedDepth" in message.format:
        image, encoding = _depth(data, message.format)
    else:
        image = _pixels(data, message.format)
        encoding = _encoding(image, message.format)
    if encoding == "32FC1":
        image = image.astype(np.float32, copy=False)
    image = np.ascontiguousarray(image)
    rows, columns = image.shape[:2]
    big = int(sys.byteorder == "big")
    return DecodedImage(rows, columns, encoding, big, image.strides[0], image.reshape(-1).view(np.uint8))


def _pixels(data: bytes, form: str) -> NDArray[Any]:
    width, height = size_of(data)
    check_size(width, height, "compressed image")
    try:
        image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    except cv2.error:
        image = None
    if image is None:
        raise ValueError(
            f"compressed image of {width}x{height} pixels, format {form[:_FORMAT_SHOWN]!r}, cannot be decoded"
        )
    return np.asarray(image)


def _encoding(image: NDArray[Any], form: str) -> str:
    """Return the encoding of decoded pixels, as image_transport reads a format.

    Colours lie in the order of the file, B G R, unless the format says that R G B was written as if it were that.
    """
    source, _, how = (part.strip() for part in form.partition(";"))
    kind = image.dtype.str[1:]
    if image.ndim == 2:
        if source.startswith("bayer_") and kind in _BITS:
            return source.rstrip("0123456789") + _BITS[kind]
        return _GREY.get(kind, "32FC1")
    if image.shape[2] not in (3, 4) or kind not in _BITS:
        raise ValueError(
            f"compressed image has {image.shape[2]} channels of type {image.dtype}; "
            "expected 1, or 3 or 4 of 8 or 16 bits"
        )
    _, is_from_ros, target = how.partition("compressed")
    order = "rgb" if is_from_ros and (target.strip() or source).startswith("rgb") else "bgr"
    return order + ("a" if image.shape[2] == 4 else "") + _BITS[kind]


def _depth(data: bytes, form: str) -> tuple[NDArray[Any], str]:
    """Return the values and their encoding, of a PNG behind a header; float images were sent as their inverse."""
    if len(data) < _DEPTH_HEADER.size or not data[_DEPTH_HEADER.size :].startswith(b"\x89PNG"):
        raise ValueError(
            f"compressed image of format {form[:_FORMAT_SHOWN]!r} has no PNG behind its header of "
            f"{_DEPTH_HEADER.size} bytes; expected compressedDepth png"
        )
    values = _pixels(data[_DEPTH_HEADER.size :], form)
    if values.ndim != 2 or not form.strip().startswith("32FC1"):
        return values, _encoding(values, "")
    _, a, b = _DEPTH_HEADER.unpack_from(data)
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        depth = np.float32(a) / (values.astype(np.float32) - np.float32(b))
    return np.where(values == 0, np.float32(np.nan), depth), "32FC1"


def to_compressed_message(rgb: NDArray[np.uint8], header: "Header", quality: int) -> "CompressedImage":
    """Return (H, W, 3) uint8 RGB as a JPEG of a quality of 1 to 100, in a fresh message."""
    from sensor_msgs.msg import CompressedImage

    _, encoded = cv2.imencode(".jpg", cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, quality])
    message = CompressedImage(header=header, format="rgb8; jpeg compressed bgr8")
    message.data.frombytes(encoded.data.cast("B"))
    return message
