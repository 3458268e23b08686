"""Registration by a board that both cameras see: warmed by the sun or a lamp, its pattern shows in infrared."""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

_OUTLIER_PX = 3.0


@dataclass(frozen=True)
class Board:
    """A board for calibration.

    Attributes:
        pattern: inner corners of a chessboard, or circles, in a row and in a column, as OpenCV counts them.
        kind: chessboard, circles or acircles, as in ROS's camera_calibration; acircles is an asymmetric grid,
            whose every second row is shifted by half a step.
    """

    pattern: tuple[int, int]
    kind: str = "chessboard"

    @property
    def is_same_upside_down(self) -> bool:
        """After half a turn the board looks the same, so that its corners may come in reverse order."""
        return self.kind != "acircles" or self.pattern[1] % 2 == 0


def common_corners(
    visible: Sequence[NDArray[np.uint8]], thermal: Sequence[NDArray[np.uint8]], board: Board
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the board's corners or circles in thermal and in visible images, pixels, both (N, 2); N = 0 without any.

    Args:
        visible, thermal: (H, W) and (h, w) uint8, pair by pair.
        board: to look for.
    """
    in_thermal, in_visible = [], []
    for grey, warm in zip(visible, thermal, strict=True):
        target = _corners(grey, board)
        source = _corners(warm, board)
        if target is None or source is None:
            continue
        # The order that needs no half turn is meant.
        if board.is_same_upside_down and np.dot(source[-1] - source[0], target[-1] - target[0]) < 0:
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
        raise ValueError("no homography follows from the board's corners; expected it in several places")
    mapped = cv2.perspectiveTransform(thermal[:, None], matrix)[:, 0]
    return np.asarray(matrix, np.float64), float(np.median(np.linalg.norm(mapped - visible, axis=1)))


def _corners(image: NDArray[np.uint8], board: Board) -> NDArray[np.float64] | None:
    """Return the corners or centres, also where warm squares or circles are the dark ones."""
    for shown in (image, cv2.bitwise_not(image)):
        if board.kind == "chessboard":
            found, corners = cv2.findChessboardCornersSB(shown, board.pattern)
        else:
            grid = cv2.CALIB_CB_ASYMMETRIC_GRID if board.kind == "acircles" else cv2.CALIB_CB_SYMMETRIC_GRID
            found, corners = cv2.findCirclesGrid(shown, board.pattern, flags=grid)
        if found:
            return np.asarray(corners, np.float64).reshape(-1, 2)
    return None
