"""Reading and writing of images as arrays, and the luma of the paper. OpenCV and numpy only."""

import logging
from functools import cache
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from epofusion_core.atomic_file import write_bytes
from epofusion_core.thermal import COLOURED, ThermalScaler, ThermalScaling, is_coloured

_LOG = logging.getLogger("epofusion")

RgbImage = NDArray[np.uint8]
"""(H, W, 3) uint8, channel order R, G, B."""

GreyImage = NDArray[np.uint8]
"""(H, W) uint8."""

ThermalImage = NDArray[np.uint8] | NDArray[np.uint16] | NDArray[np.float32]
"""(H, W): grey levels of 8 bits, or counts or degrees that `ThermalScaler` makes grey levels of."""


_AS_IT_IS = cv2.IMREAD_ANYDEPTH | cv2.IMREAD_ANYCOLOR
"""Depth and channels of the file. Unlike IMREAD_UNCHANGED it turns the image as its EXIF orientation says."""


def _decode(path: Path, flag: int) -> NDArray[Any]:
    if path.exists() and not path.is_file():
        raise ValueError(f"{path}: is no regular file; expected an image file")
    try:
        encoded = np.fromfile(path, np.uint8)
    except OSError as error:
        raise ValueError(f"{path}: cannot be read ({error.strerror}); expected an image file") from error
    image = cv2.imdecode(encoded, flag) if encoded.size else None
    if image is None:
        raise ValueError(f"{path}: is no image that OpenCV can decode; expected PNG, JPEG, BMP or TIFF")
    return np.asarray(image)


def read_rgb(path: Path) -> RgbImage:
    """Read an image as (H, W, 3) uint8 RGB, turned as its EXIF orientation says.

    Raises:
        ValueError: the file is missing or no image; the sentence names it.
    """
    return np.ascontiguousarray(_decode(path, cv2.IMREAD_COLOR)[:, :, ::-1]).astype(np.uint8, copy=False)


def read_values(path: Path) -> NDArray[Any]:
    """Read an image with the values of the file, (H, W) or (H, W, 3) B G R, turned as its EXIF orientation says.

    Raises:
        ValueError: the file is missing or no image; the sentence names it.
    """
    return _decode(path, _AS_IT_IS)


def read_thermal(path: Path) -> ThermalImage:
    """Read an image as (H, W), with the values that the file holds; colour files by their luma.

    It is turned as its EXIF orientation says. Of a folder whose images are coloured by a palette, the log says so once.

    Returns:
        uint8 or uint16, as the file is; float32 for every other type.

    Raises:
        ValueError: the file is missing or no image; the sentence names it.
    """
    image = read_values(path)
    if image.dtype not in (np.uint8, np.uint16):
        image = image.astype(np.float32)
    if image.ndim == 3:
        if image.dtype == np.uint8 and is_coloured(image):
            say_coloured(path.parent)
        image = np.asarray(cv2.cvtColor(image, cv2.COLOR_BGR2GRAY))
    return image


@cache
def say_coloured(where: Path) -> None:
    """Warn in the log, once, that thermal images of a folder or a video are coloured by a palette."""
    _LOG.warning("%s: %s", where, COLOURED)


def read_grey(path: Path) -> GreyImage:
    """Read an image as (H, W) uint8: grey files as they are, colour files by their luma.

    Files of more than 8 bits are scaled by their own percentiles: right for images that are no sequence. The images of
    a sequence are read by `read_thermal` and scaled by one `ThermalScaler`, which keeps them steady.

    Raises:
        ValueError: the file is missing or no image; the sentence names it.
    """
    return ThermalScaler(ThermalScaling())(read_thermal(path))


def luma(rgb: RgbImage) -> GreyImage:
    """Return the BT.601 luma, (H, W) uint8, of an RGB image: what the network sees of it (paper III-B)."""
    return np.asarray(cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY), dtype=np.uint8)


def with_luma(rgb: RgbImage, new_luma: NDArray[np.float32]) -> RgbImage:
    """Return `rgb` with its luma replaced and its chroma kept (paper III-B, "inverse colour-space transformation").

    The inverse YCbCr transform adds Y to a term of Cb and Cr alone, so that keeping Cb and Cr means adding the same
    difference of luma to R, G and B. This is exact, and no rounded chroma is lost on the way.

    Args:
        rgb: (H, W, 3) uint8.
        new_luma: (H, W) float32 in [0, 1].

    Returns:
        (H, W, 3) uint8, clipped to 0..255.
    """
    wanted, present = cv2.convertScaleAbs(new_luma, alpha=255.0), luma(rgb)
    # Saturating 8-bit arithmetic is faster than one signed difference. At each pixel one of the two is 0.
    lighter, darker = cv2.subtract(wanted, present), cv2.subtract(present, wanted)
    raised = cv2.add(rgb, cv2.cvtColor(lighter, cv2.COLOR_GRAY2RGB))
    return np.asarray(cv2.subtract(raised, cv2.cvtColor(darker, cv2.COLOR_GRAY2RGB)), dtype=np.uint8)


def write_png(path: Path, image: NDArray[np.uint8]) -> None:
    """Write a grey (H, W) or RGB (H, W, 3) uint8 image in one step; its folder is made.

    Raises:
        OSError: the file cannot be written.
    """
    encoded, data = cv2.imencode(".png", image if image.ndim == 2 else image[:, :, ::-1])
    if not encoded:
        raise OSError(f"{path}: PNG encoding failed for an array of shape {image.shape} and type {image.dtype}")
    write_bytes(path, data.data)
