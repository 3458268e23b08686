"""Registration by a checkerboard that both cameras see: warmed by the sun or a lamp, its squares show in infrared."""

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

_OUTLIER_PX = 3.0


def common_corners(
    visible: Sequence[NDArray[np.uint8]], thermal: Sequence[NDArray[np.uint8]], pattern: tuple[int, int]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the board's corners in thermal and in visible images, pixels, both (N, 2); N = 0 where none is seen.

    Args:
        visible, thermal: (H, W) and (h, w) uint8, pair by pair.
        pattern: inner corners in a row and in a column.
    """
    in_thermal, in_visible = [], []
    for grey, warm in zip(visible, thermal, strict=True):
        target = _corners(grey, pattern)
        source = _corners(warm, pattern)
        if target is None or source is None:
            continue
        # Seen from either end, the board is the same: the order that needs no half turn is meant.
        if np.dot(source[-1] - source[0], target[-1] - target[0]) < 0:
            source = source[::-1]
        in_thermal.append(source)
        in_visible.append(target)
    if not in_thermal:
        return np.empty((0, 2)), np.empty((0, 2))
    return np.concatenate(in_thermal), np.concatenate(in_visible)


def fit_corners(thermal: NDArray[np.float64], visible: NDArray[np.float64]) -> tuple[NDArray[np.float64], float]:
    """Return the homography from thermal to visible corners, (N, 2), and the median distance that is left, pixels.

    Raises:
        ValueError: the corners lie so that no homography follows from them.
    """
    matrix, _ = cv2.findHomography(thermal, visible, cv2.RANSAC, _OUTLIER_PX)
    if matrix is None:
        raise ValueError("no homography follows from the checkerboard's corners; expected it in several places")
    mapped = cv2.perspectiveTransform(thermal[:, None], matrix)[:, 0]
    return np.asarray(matrix, np.float64), float(np.median(np.linalg.norm(mapped - visible, axis=1)))


def _corners(image: NDArray[np.uint8], pattern: tuple[int, int]) -> NDArray[np.float64] | None:
    """Return the corners, also where warm squares are the dark ones."""
    for shown in (image, cv2.bitwise_not(image)):
        found, corners = cv2.findChessboardCornersSB(shown, pattern)
        if found:
            return np.asarray(corners, np.float64).reshape(-1, 2)
    return None
