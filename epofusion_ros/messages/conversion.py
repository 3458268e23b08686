"""Conversion between messages of images and arrays, by numpy and OpenCV.

The cv_bridge of package indexes is ROS 1 code that is wrong or fails on numpy 2 and OpenCV 5 for most encodings, so the
encodings of cameras are converted here. Others are left to the distribution's cv_bridge, where there is one.
"""

import os
import sys
from array import array
from collections.abc import Callable
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from epofusion_core.text import shortened
from epofusion_ros.messages.compressed import CompressedLike, decode
from epofusion_ros.messages.image_size import check_size

if TYPE_CHECKING:
    from sensor_msgs.msg import Image
    from std_msgs.msg import Header

Pixels: TypeAlias = NDArray[Any]


class ImageLike(Protocol):
    """The fields of sensor_msgs/Image that are read."""

    height: int
    width: int
    encoding: str
    is_bigendian: int
    step: int
    data: "array[int]"


_LONGEST_SENTENCE = 1000


class ConversionError(ValueError):
    """A message cannot be converted; the sentence says what is wrong with it and what was expected.

    Texts of the message in it may be of any length, so that it is cut.
    """

    def __init__(self, sentence: str) -> None:
        super().__init__(shortened(sentence, _LONGEST_SENTENCE))


class UnknownEncodingError(ConversionError):
    """The encoding is none that can be converted here."""


def _layout(dtype: str, channels: int) -> tuple[np.dtype[Any], int]:
    return np.dtype(dtype), channels


_LAYOUTS: dict[str, tuple[np.dtype[Any], int]] = {
    **dict.fromkeys(("mono8", "8UC1"), _layout("u1", 1)),
    **dict.fromkeys(("rgb8", "bgr8", "8UC3"), _layout("u1", 3)),
    **dict.fromkeys(("rgba8", "bgra8", "8UC4"), _layout("u1", 4)),
    **dict.fromkeys((f"bayer_{order}8" for order in ("rggb", "bggr", "gbrg", "grbg")), _layout("u1", 1)),
    **dict.fromkeys(("yuv422", "uyvy", "yuv422_yuy2", "yuyv"), _layout("u1", 2)),
    **dict.fromkeys(("mono16", "16UC1"), _layout("u2", 1)),
    **dict.fromkeys(("rgb16", "bgr16"), _layout("u2", 3)),
    "32FC1": _layout("f4", 1),
}

_ENCODING_OF = {"uint8": "mono8", "uint16": "mono16", "float32": "32FC1"}
"""By the type of an image of one channel."""

# OpenCV names a Bayer pattern by the second pixel of its second row, ROS by the first of its first.
_TO_RGB: dict[str, Callable[[Pixels], Pixels]] = {
    "mono8": lambda image: cv2.cvtColor(image, cv2.COLOR_GRAY2RGB),
    "8UC1": lambda image: cv2.cvtColor(image, cv2.COLOR_GRAY2RGB),
    "rgb8": lambda image: image,
    "bgr8": lambda image: cv2.cvtColor(image, cv2.COLOR_BGR2RGB),
    "8UC3": lambda image: cv2.cvtColor(image, cv2.COLOR_BGR2RGB),
    "rgba8": lambda image: cv2.cvtColor(image, cv2.COLOR_RGBA2RGB),
    "bgra8": lambda image: cv2.cvtColor(image, cv2.COLOR_BGRA2RGB),
    "8UC4": lambda image: cv2.cvtColor(image, cv2.COLOR_BGRA2RGB),
    "bayer_rggb8": lambda image: cv2.cvtColor(image, cv2.COLOR_BayerRGGB2RGB),
    "bayer_bggr8": lambda image: cv2.cvtColor(image, cv2.COLOR_BayerBGGR2RGB),
    "bayer_gbrg8": lambda image: cv2.cvtColor(image, cv2.COLOR_BayerGBRG2RGB),
    "bayer_grbg8": lambda image: cv2.cvtColor(image, cv2.COLOR_BayerGRBG2RGB),
    "yuv422": lambda image: cv2.cvtColor(image, cv2.COLOR_YUV2RGB_UYVY),
    "uyvy": lambda image: cv2.cvtColor(image, cv2.COLOR_YUV2RGB_UYVY),
    "yuv422_yuy2": lambda image: cv2.cvtColor(image, cv2.COLOR_YUV2RGB_YUY2),
    "yuyv": lambda image: cv2.cvtColor(image, cv2.COLOR_YUV2RGB_YUY2),
    "mono16": lambda image: cv2.cvtColor(_high_byte(image), cv2.COLOR_GRAY2RGB),
    "16UC1": lambda image: cv2.cvtColor(_high_byte(image), cv2.COLOR_GRAY2RGB),
    "rgb16": lambda image: _high_byte(image),
    "bgr16": lambda image: cv2.cvtColor(_high_byte(image), cv2.COLOR_BGR2RGB),
}

_THERMAL = frozenset({"mono8", "8UC1", "mono16", "16UC1", "32FC1"})
_COLOUR_THERMAL = frozenset({"rgb8", "bgr8", "rgba8", "bgra8", "8UC3", "8UC4"})


def to_image(message: ImageLike | CompressedLike) -> ImageLike:
    """Return a compressed image decoded, and any other as it is.

    Raises:
        ConversionError: it cannot be decoded.
    """
    if not isinstance(message, CompressedLike):
        return message
    try:
        return decode(message)
    except ValueError as error:
        raise ConversionError(str(error)) from error


def to_rgb(message: ImageLike | CompressedLike) -> NDArray[np.uint8]:
    """Return an image message, compressed or not, as (H, W, 3) uint8 RGB; grey cameras give three equal channels.

    Without a copy where the encoding is rgb8.

    Raises:
        ConversionError: the encoding is unknown, or size, step and data do not agree.
    """
    message = to_image(message)
    if message.encoding not in _TO_RGB:
        return _by_cv_bridge(message, "rgb8")
    image = pixels(message)
    try:
        return np.asarray(_TO_RGB[message.encoding](image), dtype=np.uint8)
    except cv2.error as error:
        raise ConversionError(
            f"{message.encoding} image of {message.width}x{message.height} pixels cannot be converted ({error.err}); "
            "expected even sizes for YUV and Bayer images"
        ) from error


def to_thermal(
    message: ImageLike | CompressedLike,
) -> NDArray[np.uint8] | NDArray[np.uint16] | NDArray[np.float32]:
    """Return a thermal image message, compressed or not, as (H, W) uint8, uint16 or float32, values as they were sent.

    Cameras that send grey as colour give its luma.

    Raises:
        ConversionError: the encoding is unknown, or size, step and data do not agree.
    """
    message = to_image(message)
    if message.encoding in _THERMAL:
        thermal: Pixels = pixels(message)
        return thermal
    if message.encoding in _COLOUR_THERMAL:
        return np.asarray(cv2.cvtColor(to_rgb(message), cv2.COLOR_RGB2GRAY), dtype=np.uint8)
    return _by_cv_bridge(message, "mono8")


def pixels(message: ImageLike) -> Pixels:
    """Return the pixels as they are, (H, W) or (H, W, C), in the machine's byte order; no copy where none is needed.

    Raises:
        ConversionError: the encoding is unknown, or size, step and data do not agree.
    """
    if message.encoding not in _LAYOUTS:
        raise UnknownEncodingError(f"encoding {message.encoding!r} is unknown; expected one of {', '.join(_LAYOUTS)}")
    dtype, channels = _LAYOUTS[message.encoding]
    height, width = message.height, message.width
    try:
        check_size(width, height, "image")
    except ValueError as error:
        raise ConversionError(str(error)) from error
    row_bytes = width * channels * dtype.itemsize
    if message.step < row_bytes:
        raise ConversionError(f"step is {message.step} bytes; expected at least {row_bytes} for {width} pixels")
    needed = message.step * (height - 1) + row_bytes
    available = len(message.data)
    if available < needed:
        raise ConversionError(
            f"data has {available} bytes; expected {message.step * height} for {width}x{height} pixels"
        )
    flat = np.frombuffer(message.data, np.uint8, count=needed)
    rows = np.lib.stride_tricks.as_strided(flat, (height, row_bytes), (message.step, 1), writeable=False)
    if not rows.flags.c_contiguous:
        rows = np.ascontiguousarray(rows)
    image = rows.view(dtype).reshape((height, width) if channels == 1 else (height, width, channels))
    if dtype.itemsize > 1 and bool(message.is_bigendian) != (sys.byteorder == "big"):
        image = image.byteswap()
    return image


def to_message(image: Pixels, header: "Header") -> "Image":
    """Return an image as a fresh message.

    Args:
        image: (H, W, 3) uint8 RGB, sent as rgb8; or (H, W) uint8, uint16 or float32, sent as mono8, mono16 or 32FC1.
        header: of the message.
    """
    from sensor_msgs.msg import Image

    height, width = image.shape[:2]
    message = Image(header=header, height=height, width=width, is_bigendian=int(sys.byteorder == "big"))
    message.encoding = "rgb8" if image.ndim == 3 else _ENCODING_OF[image.dtype.name]
    message.step = image.nbytes // height
    # Filling the message's own array is a plain copy; assigning an ndarray checks every byte.
    message.data.frombytes(np.ascontiguousarray(image).data.cast("B"))
    return message


def _high_byte(image: Pixels) -> NDArray[np.uint8]:
    return (image >> 8).astype(np.uint8)


def _by_cv_bridge(message: ImageLike, encoding: str) -> NDArray[np.uint8]:
    """Convert what is unknown here by the ROS distribution's cv_bridge."""
    if not has_distribution_cv_bridge():
        known = ", ".join(sorted(_TO_RGB.keys() | _THERMAL))
        raise UnknownEncodingError(
            f"encoding {message.encoding!r} is unknown, without cv_bridge; expected one of {known}"
        )
    try:
        from cv_bridge import CvBridge

        return np.asarray(CvBridge().imgmsg_to_cv2(message, encoding), dtype=np.uint8)
    except Exception as error:  # by encoding its own error, KeyError, TypeError, OpenCV's; ImportError by another numpy
        raise ConversionError(f"cv_bridge cannot convert encoding {message.encoding!r} ({error})") from error


@cache
def has_distribution_cv_bridge() -> bool:
    """Tell whether cv_bridge is there and belongs to a sourced ROS 2 distribution.

    Its folder tells: the package of that name on package indexes lies outside AMENT_PREFIX_PATH and is not used.
    """
    prefixes = [Path(prefix) for prefix in os.environ.get("AMENT_PREFIX_PATH", "").split(os.pathsep) if prefix]
    found = find_spec("cv_bridge")
    if found is None or found.origin is None:
        return False
    return any(prefix in Path(found.origin).parents for prefix in prefixes)
