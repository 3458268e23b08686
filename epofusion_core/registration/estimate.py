"""Registration of a thermal camera to an RGB camera from pairs of their images."""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from epofusion_core.registration import coarse
from epofusion_core.registration.board import Board, common_corners, fit_corners
from epofusion_core.registration.calibration import Homography
from epofusion_core.registration.fine import Model, refine

FEWEST_PAIRS = 4
_WIDTHS_PX = (160, 320, 640)
_ROUNDS = 2
_GRID = (9, 7)


@dataclass(frozen=True)
class Estimate:
    """A registration and how far it can be trusted.

    Attributes:
        homography: from thermal to RGB pixels.
        method: what it was found by.
        residual_px: in pixels of the RGB image. By gradients: half of what the estimates from either half of the pairs
            are apart, which is the standard error of the estimate from all. By a board: the median distance of
            corners that is left.
    """

    homography: Homography
    method: str
    residual_px: float


def estimate_homography(
    visible: Sequence[NDArray[np.uint8]],
    thermal: Sequence[NDArray[np.uint8]],
    board: Board | None = None,
    model: Model = "similarity",
) -> Estimate:
    """Find the homography by a board, where one is asked for and seen, else by what gradients have in common.

    By gradients, all scales of 0.7 to 1.4, relative to images of equal width, rotations of 6 degrees and shifts of a
    quarter of the image are tried on small images; blocks then find their place on larger ones. Many pairs of different
    scenes are better than many of one.

    Args:
        visible: luma, (H, W) uint8, all of one size.
        thermal: (h, w) uint8, all of one size, pair by pair.
        board: to look for; None looks for none.
        model: what is fitted by gradients.

    Raises:
        ValueError: there are too few pairs, their sizes differ, or their halves do not agree.
    """
    _check(visible, thermal)
    sizes = (thermal[0].shape[0], thermal[0].shape[1]), (visible[0].shape[0], visible[0].shape[1])
    if board is not None:
        corners = common_corners(visible, thermal, board)
        if len(corners[0]):
            matrix, residual_px = fit_corners(*corners)
            return Estimate(Homography(matrix, *sizes), board.kind, residual_px)
    if len(visible) < FEWEST_PAIRS:
        raise ValueError(f"there are {len(visible)} pairs; expected at least {FEWEST_PAIRS} to register by gradients")
    first, second = (_by_gradients(visible[start::2], thermal[start::2], None, model) for start in (0, 1))
    residual_px = _apart_px(first, second, visible[0].shape) / 2
    matrix = _by_gradients(visible, thermal, first, model)
    return Estimate(Homography(matrix, *sizes), f"gradients, {model}", residual_px)


def _check(visible: Sequence[NDArray[np.uint8]], thermal: Sequence[NDArray[np.uint8]]) -> None:
    if not visible or len(visible) != len(thermal):
        raise ValueError(f"there are {len(visible)} visible and {len(thermal)} thermal images; expected pairs")
    for name, images in (("visible", visible), ("thermal", thermal)):
        shapes = {image.shape for image in images}
        if len(shapes) > 1:
            raise ValueError(f"{name} images have the sizes {sorted(shapes)}; expected one size, that of the camera")


def _by_gradients(
    visible: Sequence[NDArray[np.uint8]],
    thermal: Sequence[NDArray[np.uint8]],
    start: NDArray[np.float64] | None,
    model: Model,
) -> NDArray[np.float64]:
    """Return the matrix from thermal to visible pixels; without a start, everything is searched."""
    if start is None:
        canvas = _Canvas(visible[0].shape, thermal[0].shape, coarse.WIDTH_PX)
        start = canvas.outside(coarse.search(*canvas.placed(visible, thermal)))
    for width in _WIDTHS_PX:
        canvas = _Canvas(visible[0].shape, thermal[0].shape, width)
        placed = canvas.placed(visible, thermal)
        matrix = canvas.within(start)
        for _ in range(_ROUNDS):
            matrix = refine(*placed, matrix, model if width == _WIDTHS_PX[-1] else "similarity")
        start = canvas.outside(matrix)
    return np.asarray(start / start[2, 2], np.float64)


class _Canvas:
    """Both cameras' images on pixels of one size: reduced to one width, the thermal image in the middle."""

    def __init__(self, visible_shape: tuple[int, ...], thermal_shape: tuple[int, ...], width: int) -> None:
        self._size = (width, round(visible_shape[0] * width / visible_shape[1]))
        self._from_visible = _reduction(visible_shape, width)
        self._from_thermal = _reduction(thermal_shape, width)
        self._from_thermal[1, 2] += (self._size[1] - thermal_shape[0] * width / thermal_shape[1]) / 2

    def placed(
        self, visible: Sequence[NDArray[np.uint8]], thermal: Sequence[NDArray[np.uint8]]
    ) -> tuple[list[NDArray[np.uint8]], list[NDArray[np.uint8]], NDArray[np.uint8]]:
        """Return the visible and the thermal images, and where the latter have content."""
        full = np.full(thermal[0].shape, 255, np.uint8)
        return (
            [self._place(image, self._from_visible) for image in visible],
            [self._place(image, self._from_thermal) for image in thermal],
            self._place(full, self._from_thermal),
        )

    def within(self, matrix: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return a matrix between the cameras' pixels as one between those of the canvas."""
        return self._from_visible @ matrix @ np.linalg.inv(self._from_thermal)

    def outside(self, matrix: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the reverse of `within`."""
        return np.linalg.inv(self._from_visible) @ matrix @ self._from_thermal

    def _place(self, image: NDArray[np.uint8], matrix: NDArray[np.float64]) -> NDArray[np.uint8]:
        scale = matrix[0, 0]
        if scale < 1:  # by area, so that fine texture does not alias
            size = (max(1, round(image.shape[1] * scale)), max(1, round(image.shape[0] * scale)))
            image = np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), np.uint8)
            matrix = matrix @ np.linalg.inv(_reduction_of(scale))
        return np.asarray(cv2.warpAffine(image, matrix[:2], self._size), np.uint8)


def _reduction(shape: tuple[int, ...], width: int) -> NDArray[np.float64]:
    return _reduction_of(width / shape[1])


def _reduction_of(scale: float) -> NDArray[np.float64]:
    """Return the matrix of a change of size, in which pixels are squares whose centres have whole coordinates."""
    return np.array([[scale, 0, (scale - 1) / 2], [0, scale, (scale - 1) / 2], [0, 0, 1.0]])


def _apart_px(first: NDArray[np.float64], second: NDArray[np.float64], visible_shape: tuple[int, ...]) -> float:
    """Return how far two registrations put the same thermal pixels from each other, mean over the image, pixels."""
    height, width = visible_shape[:2]
    columns, rows = np.meshgrid(np.linspace(0, width - 1, _GRID[0]), np.linspace(0, height - 1, _GRID[1]))
    grid = np.stack([columns.ravel(), rows.ravel()], axis=1)[:, None]
    again = cv2.perspectiveTransform(grid, first @ np.linalg.inv(second))
    return float(np.linalg.norm(again - grid, axis=2).mean())
