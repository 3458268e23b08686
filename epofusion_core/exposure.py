"""Overexposed regions of a visible image: the one rule that data, metrics and the fuser share.

The model's guidance mask is another thing: where *infrared objects* lie inside these regions (paper III-B).
"""

from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

SATURATED_LUMA: Final = 245
"""8-bit luma from which a visible pixel counts as overexposed."""

RAMP_START, RAMP_WIDTH = 225, 20
"""8-bit luma from which a visible pixel counts as blown out at all, and how much more makes it count in full."""

GLARE_THRESHOLD: Final = 0.5
"""Value of the overexposure map from which pictures show glare."""

_BLUR_SIGMA_PX: Final = 3.0
_REACH_PX: Final = 16
"""No less than how far dilation and Gaussian carry a bright pixel."""

_RAMP: Final = np.rint(np.clip((np.arange(256) - RAMP_START) / RAMP_WIDTH, 0, 1) * 255).astype(np.uint8)
"""The ramp as a table over the luma, of full scale 255, since 8-bit filters are faster than float ones."""

_GAP: Final = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (5, 5))


def overexposure_map(luma: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Return how blown out the visible image is, per pixel.

    The ramp clip((Y - RAMP_START) / RAMP_WIDTH, 0, 1) is dilated by 3x3 and smoothed by a Gaussian of sigma 3 pixels,
    so that the map has no hard edge where a fused image would show a seam.

    Args:
        luma: (H, W) uint8, BT.601 luma.

    Returns:
        (H, W) float32 in [0, 1]: 0 well exposed, 1 blown out.
    """
    bright = cv2.LUT(luma, _RAMP)
    overexposure = np.zeros(luma.shape, np.float32)
    # Filters run on the bright part alone, since the map is 0 beyond their reach.
    left, top, width, height = cv2.boundingRect(bright)
    if width > 0:
        rows = slice(max(top - _REACH_PX, 0), top + height + _REACH_PX)
        columns = slice(max(left - _REACH_PX, 0), left + width + _REACH_PX)
        grown = cv2.dilate(bright[rows, columns], np.ones((3, 3), np.uint8))
        smooth = cv2.GaussianBlur(grown, (0, 0), _BLUR_SIGMA_PX)
        np.multiply(smooth, np.float32(1 / 255), out=overexposure[rows, columns])
    return overexposure


def overexposed_fraction(luma: NDArray[np.uint8]) -> float:
    """Return the share of pixels in [0, 1] whose luma is at least `SATURATED_LUMA`."""
    return float(np.count_nonzero(luma >= SATURATED_LUMA)) / luma.size


def overexposed_region(luma: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Return the overexposed region, (H, W) bool: at least `SATURATED_LUMA`, small gaps closed (paper III-D)."""
    saturated = (luma >= SATURATED_LUMA).astype(np.uint8)
    return np.asarray(cv2.morphologyEx(saturated, cv2.MORPH_CLOSE, _GAP), dtype=bool)
