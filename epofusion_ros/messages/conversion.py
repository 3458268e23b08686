"""Conversion between messages of images and arrays, by numpy and OpenCV.

The cv_bridge of package indexes is ROS 1 code that is wrong or fails on numpy 2 and OpenCV 5 for most encodings, so the
encodings of cameras are converted here. Others are left to the distribution's cv_bridge, where there is one.
"""

import os
import sys
from array import array
from collections.abc import Collection
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from epofusion_core.imaging import luma
from epofusion_core.text import shortened
from epofusion_core.thermal import is_coloured
from epofusion_ros.messages.compressed import CompressedLike, decode
from epofusion_ros.messages.encodings import COLOUR_ROWS, LAYOUTS, LUMA, ONE_VALUE, TO_RGB, Pixels, eight_bits
from epofusion_ros.messages.image_size import check_size

if TYPE_CHECKING:
    from sensor_msgs.msg import Image
    from std_msgs.msg import Header


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


_ENCODING_OF = {"uint8": "mono8", "uint16": "mono16", "float32": "32FC1"}
"""By the type of an image of one channel."""


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

    Of 16 bits the upper 8 are kept. Without a copy where the encoding is rgb8.

    Raises:
        ConversionError: the encoding is unknown, or size, step and data do not agree.
    """
    message = to_image(message)
    if message.encoding not in TO_RGB:
        return _by_cv_bridge(message, "rgb8", TO_RGB)
    image = eight_bits(pixels(message))
    try:
        return np.asarray(TO_RGB[message.encoding](image), dtype=np.uint8)
    except cv2.error as error:
        raise ConversionError(
            f"{message.encoding} image of {message.width}x{message.height} pixels cannot be converted ({error.err}); "
            "expected even sizes for YUV and Bayer images"
        ) from error


def to_thermal(
    message: ImageLike | CompressedLike,
) -> NDArray[np.uint8] | NDArray[np.uint16] | NDArray[np.float32]:
    """Return a thermal image message, compressed or not, as (H, W) uint8, uint16 or float32, values as they were sent.

    Cameras that send grey as colour give its luma, as uint8; signed counts and double precision come as float32.

    Raises:
        ConversionError: the encoding is unknown, or size, step and data do not agree.
    """
    message = to_image(message)
    if message.encoding in ONE_VALUE:
        values = pixels(message)
        with np.errstate(over="ignore"):  # what is beyond float32 becomes infinite, as a dead pixel is
            return values if values.dtype.kind == "u" else np.asarray(values, dtype=np.float32)
    if message.encoding in LUMA:
        return np.ascontiguousarray(LUMA[message.encoding](pixels(message)))
    if message.encoding in TO_RGB:
        return luma(to_rgb(message))
    return _by_cv_bridge(message, "mono8", TO_RGB.keys() | ONE_VALUE)


def is_coloured_thermal(message: ImageLike) -> bool:
    """Tell whether a thermal image that `to_thermal` can convert is coloured by a palette."""
    return message.encoding in TO_RGB.keys() - ONE_VALUE and is_coloured(to_rgb(message))


def pixels(message: ImageLike) -> Pixels:
    """Return the pixels as they are, (H, W) or (H, W, C), in the machine's byte order; no copy where none is needed.

    Colours that lie below the luma make the image so many rows higher.

    Raises:
        ConversionError: the encoding is unknown, or size, step and data do not agree.
    """
    if message.encoding not in LAYOUTS:
        raise UnknownEncodingError(f"encoding {message.encoding!r} is unknown; expected one of {', '.join(LAYOUTS)}")
    dtype, channels = LAYOUTS[message.encoding]
    height, width = message.height, message.width
    try:
        check_size(width, height, "image")
    except ValueError as error:
        raise ConversionError(str(error)) from error
    step, available = message.step, len(message.data)
    row_bytes = width * channels * dtype.itemsize
    if message.encoding in COLOUR_ROWS:
        if height % 2 or width % 2:
            raise ConversionError(f"{message.encoding} image is {width}x{height} pixels; expected even sizes")
        height += int(height * COLOUR_ROWS[message.encoding])
        if available == height * row_bytes:  # drivers differ in the step that they give two planes
            step = row_bytes
    if step < row_bytes:
        raise ConversionError(f"step is {step} bytes; expected at least {row_bytes} for {width} pixels")
    needed = step * (height - 1) + row_bytes
    if available < needed:
        raise ConversionError(
            f"data has {available} bytes; expected {step * height} for {width}x{message.height} pixels"
        )
    flat = np.frombuffer(message.data, np.uint8, count=needed)
    rows = np.lib.stride_tricks.as_strided(flat, (height, row_bytes), (step, 1), writeable=False)
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


def _by_cv_bridge(message: ImageLike, encoding: str, known: Collection[str]) -> NDArray[np.uint8]:
    """Convert what is unknown here by the ROS distribution's cv_bridge."""
    if not has_distribution_cv_bridge():
        raise UnknownEncodingError(
            f"encoding {message.encoding!r} is unknown, without cv_bridge; expected one of {', '.join(sorted(known))}"
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
