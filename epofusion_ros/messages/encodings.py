"""Encodings of images that are converted here: how their pixels lie, and what makes RGB or luma of them."""

from collections.abc import Callable
from typing import Any, TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

Pixels: TypeAlias = NDArray[Any]

_BAYER = ("rggb", "bggr", "gbrg", "grbg")


def _of(dtype: str, channels: int, *names: str) -> dict[str, tuple[np.dtype[Any], int]]:
    return dict.fromkeys(names, (np.dtype(dtype), channels))


LAYOUTS = {
    **_of("u1", 1, "mono8", "8UC1", *(f"bayer_{order}8" for order in _BAYER), "nv12", "nv21", "nv24"),
    **_of("u1", 2, "yuv422", "uyvy", "yuv422_yuy2", "yuyv"),
    **_of("u1", 3, "rgb8", "bgr8", "8UC3"),
    **_of("u1", 4, "rgba8", "bgra8", "8UC4"),
    **_of("u2", 1, "mono16", "16UC1", *(f"bayer_{order}16" for order in _BAYER)),
    **_of("u2", 3, "rgb16", "bgr16", "16UC3"),
    **_of("u2", 4, "rgba16", "bgra16", "16UC4"),
    **_of("i2", 1, "16SC1"),
    **_of("i4", 1, "32SC1"),
    **_of("f4", 1, "32FC1"),
    **_of("f8", 1, "64FC1"),
}
"""Type and channels of a pixel."""

COLOUR_ROWS = {"nv12": 0.5, "nv21": 0.5, "nv24": 2.0}
"""Of encodings whose colours lie below the luma: their rows for each row of the image."""


def _by_code(code: int) -> Callable[[Pixels], Pixels]:
    return lambda image: cv2.cvtColor(image, code)


# OpenCV names a Bayer pattern by the second pixel of its second row, ROS by the first of its first; these are of ROS.
_DEBAYER = {order: _by_code(getattr(cv2, f"COLOR_Bayer{order.upper()}2RGB")) for order in _BAYER}

TO_RGB: dict[str, Callable[[Pixels], Pixels]] = {
    **dict.fromkeys(("mono8", "8UC1", "mono16", "16UC1", "16SC1"), _by_code(cv2.COLOR_GRAY2RGB)),
    **dict.fromkeys(("rgb8", "rgb16"), lambda image: image),
    **dict.fromkeys(("bgr8", "8UC3", "bgr16", "16UC3"), _by_code(cv2.COLOR_BGR2RGB)),
    **dict.fromkeys(("rgba8", "rgba16"), _by_code(cv2.COLOR_RGBA2RGB)),
    **dict.fromkeys(("bgra8", "8UC4", "bgra16", "16UC4"), _by_code(cv2.COLOR_BGRA2RGB)),
    **{f"bayer_{order}{bits}": debayer for order, debayer in _DEBAYER.items() for bits in (8, 16)},
    **dict.fromkeys(("yuv422", "uyvy"), _by_code(cv2.COLOR_YUV2RGB_UYVY)),
    **dict.fromkeys(("yuv422_yuy2", "yuyv"), _by_code(cv2.COLOR_YUV2RGB_YUY2)),
    "nv12": _by_code(cv2.COLOR_YUV2RGB_NV12),
    "nv21": _by_code(cv2.COLOR_YUV2RGB_NV21),
    "nv24": lambda image: cv2.cvtColor(_nv12_of_nv24(image), cv2.COLOR_YUV2RGB_NV12),
}
"""What makes (H, W, 3) RGB of pixels that `eight_bits` has seen."""

LUMA: dict[str, Callable[[Pixels], Pixels]] = {
    **dict.fromkeys(("yuv422", "uyvy"), lambda image: image[..., 1]),
    **dict.fromkeys(("yuv422_yuy2", "yuyv"), lambda image: image[..., 0]),
    **dict.fromkeys(("nv12", "nv21"), lambda image: image[: len(image) * 2 // 3]),
    "nv24": lambda image: image[: len(image) // 3],
}
"""What takes the luma, (H, W) uint8, of encodings that carry it."""

ONE_VALUE = frozenset({"mono8", "8UC1", "mono16", "16UC1", "16SC1", "32SC1", "32FC1", "64FC1"})
"""Encodings of one value a pixel, as thermal cameras send them."""


def eight_bits(image: Pixels) -> NDArray[np.uint8]:
    """Return the upper 8 bits of integers of 8 or 16 bits; negative values become 0."""
    if image.dtype.kind == "i":
        image = np.maximum(image, 0) >> 7
    elif image.dtype.itemsize == 2:
        image = image >> 8
    return image.astype(np.uint8, copy=False)


def _nv12_of_nv24(image: Pixels) -> Pixels:
    """Return the luma above every second colour in both directions."""
    height, width = len(image) // 3, image.shape[1]
    colours = image[height:].reshape(height, width, 2)[::2, ::2]
    return np.vstack([image[:height], colours.reshape(-1, width)])
