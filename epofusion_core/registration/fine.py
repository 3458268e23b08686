"""The fine steps of a registration: blocks of the image find their place, and a model is fitted to most of them."""

from collections.abc import Sequence
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from epofusion_core.registration.gradients import gradient_field

Model = Literal["similarity", "affine", "homography"]

_REACH_PX = 6
_BLOCKS_ACROSS = 8
_SMALLEST_BLOCK_PX = 32
_COVERED = 0.9
_FEWEST_BLOCKS = 10


def refine(
    visible: Sequence[NDArray[np.uint8]],
    thermal: Sequence[NDArray[np.uint8]],
    reach: NDArray[np.uint8],
    matrix: NDArray[np.float64],
    model: Model,
) -> NDArray[np.float64]:
    """Return a matrix, (3, 3), that takes thermal to visible pixels better than `matrix`, which is off by few pixels.

    Args:
        visible, thermal: (H, W) uint8, all of one size, pair by pair.
        reach: (H, W) uint8, not 0 where the thermal images have content.
        matrix: to begin with; returned as it is where too few blocks find their place.
        model: what is fitted.
    """
    found, wanted = _displacements(visible, thermal, reach, matrix)
    if len(found) < _FEWEST_BLOCKS:
        return matrix
    correction = _fit(found, wanted, model)
    return matrix if correction is None else correction @ matrix


def _displacements(
    visible: Sequence[NDArray[np.uint8]],
    thermal: Sequence[NDArray[np.uint8]],
    reach: NDArray[np.uint8],
    matrix: NDArray[np.float64],
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the centres of the blocks of the warped thermal images, (N, 2), and where they fit best."""
    height, width = visible[0].shape
    size = (width, height)
    mask = cv2.erode(cv2.warpPerspective(reach, matrix, size), np.ones((9, 9), np.uint8)) > 0
    target = np.dstack([gradient_field(image) for image in visible])
    source = np.dstack(
        [gradient_field(np.asarray(cv2.warpPerspective(each, matrix, size), np.uint8)) for each in thermal]
    )
    source *= mask[..., None]
    block = max(_SMALLEST_BLOCK_PX, width // _BLOCKS_ACROSS)
    centres, places = [], []
    for y in range(_REACH_PX, height - block - _REACH_PX + 1, block // 2):
        for x in range(_REACH_PX, width - block - _REACH_PX + 1, block // 2):
            if mask[y : y + block, x : x + block].mean() < _COVERED:
                continue
            template = np.ascontiguousarray(source[y : y + block, x : x + block])
            window = target[y - _REACH_PX : y + block + _REACH_PX, x - _REACH_PX : x + block + _REACH_PX]
            shift = _best_shift(np.ascontiguousarray(window), template)
            if shift is not None:
                centre = (x + (block - 1) / 2, y + (block - 1) / 2)
                centres.append(centre)
                places.append((centre[0] + shift[0], centre[1] + shift[1]))
    return np.array(centres), np.array(places)


def _best_shift(window: NDArray[np.float32], template: NDArray[np.float32]) -> tuple[float, float] | None:
    """Return where a template fits best, pixels from the centre of the window; None where that is at its border."""
    common = cv2.matchTemplate(window, template, cv2.TM_CCORR)
    ones = np.ones(template.shape[:2], np.float32)
    strength = cv2.matchTemplate(np.ascontiguousarray((window**2).sum(2)), ones, cv2.TM_CCORR)
    score = common / np.sqrt(strength * (template**2).sum() + 1e-6)
    _, _, _, (x, y) = cv2.minMaxLoc(score)
    last = score.shape[0] - 1
    if not (0 < x < last and 0 < y < last):
        return None
    return (
        x - _REACH_PX + _vertex(score[y, x - 1], score[y, x], score[y, x + 1]),
        y - _REACH_PX + _vertex(score[y - 1, x], score[y, x], score[y + 1, x]),
    )


def _vertex(before: float, at: float, after: float) -> float:
    """Return the place of the highest point of a parabola through three values, relative to the middle one."""
    return float(0.5 * (before - after) / min(before - 2 * at + after, -1e-9))


def _fit(source: NDArray[np.float64], target: NDArray[np.float64], model: Model) -> NDArray[np.float64] | None:
    """Fit by the least median of squares: up to half of the blocks may be wrong, as those of near things are."""
    if model == "homography":
        matrix, _ = cv2.findHomography(source, target, cv2.LMEDS)
        return None if matrix is None else np.asarray(matrix, np.float64)
    estimate = cv2.estimateAffinePartial2D if model == "similarity" else cv2.estimateAffine2D
    affine, _ = estimate(source, target, method=cv2.LMEDS, maxIters=5000, confidence=0.999)
    return None if affine is None else np.vstack([affine, [0, 0, 1]])
