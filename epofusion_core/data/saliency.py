"""Infrared saliency: a rule for M where no annotation exists (naturally overexposed training pairs)."""

import cv2
import numpy as np
from numpy.typing import NDArray

from epofusion_core.imaging import GreyImage

_STRUCTURE_STD = 8.0
_WINDOW_PX = 7
_CLOSE_PX = 9
_SMALLEST_AREA_PX = 60


def local_deviation(image: GreyImage, window_px: int = _WINDOW_PX) -> NDArray[np.float32]:
    """Return the standard deviation in grey levels within a square window around each pixel, (H, W) float32."""
    values = image.astype(np.float32)
    mean = cv2.blur(values, (window_px, window_px))
    variance = cv2.blur(values * values, (window_px, window_px)) - mean * mean
    return np.asarray(np.sqrt(np.maximum(variance, 0.0)), dtype=np.float32)


def salient_infrared(infrared: GreyImage) -> NDArray[np.bool_]:
    """Return where the infrared shows warm, structured things: (H, W) bool.

    A cold sky is excluded, although clouds or sensor rows may give it texture.
    """
    structured = (local_deviation(infrared) >= _STRUCTURE_STD).astype(np.uint8)
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (_CLOSE_PX, _CLOSE_PX))
    closed = np.asarray(cv2.morphologyEx(structured, cv2.MORPH_CLOSE, kernel), dtype=np.uint8)
    otsu, _ = cv2.threshold(infrared, 0, 255, cv2.THRESH_OTSU)
    warm = (infrared >= min(otsu, float(np.median(infrared)))).astype(np.uint8)
    count, labels, stats, _ = cv2.connectedComponentsWithStats(closed & warm)
    large = np.zeros(count, dtype=bool)
    large[1:] = stats[1:, cv2.CC_STAT_AREA] >= _SMALLEST_AREA_PX
    return np.asarray(large[labels], dtype=bool)
