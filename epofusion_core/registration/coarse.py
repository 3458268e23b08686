"""The coarse step of a registration: a search over a grid of scales, rotations and shifts, without local optima."""

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from epofusion_core.registration.gradients import gradient_field, rotated

WIDTH_PX = 128
"""Images are reduced to this width: a shift of one pixel is then 5 pixels at 640."""

_SCALES = np.exp(np.arange(-12, 13) * 0.03)
_DEGREES = np.arange(-6.0, 6.1, 1.5)
_SHIFT_SHARE = 0.25
_LEAST_OVERLAP = 0.4


def similarity(size: tuple[int, int], scale: float, degrees: float, shift: tuple[float, float]) -> NDArray[np.float64]:
    """Return the 3x3 matrix that scales and turns an image of (height, width) about its centre, then shifts it."""
    centre = ((size[1] - 1) / 2, (size[0] - 1) / 2)
    matrix = np.vstack([cv2.getRotationMatrix2D(centre, degrees, scale), [0, 0, 1]])
    matrix[:2, 2] += shift
    return matrix


def search(
    visible: Sequence[NDArray[np.uint8]], thermal: Sequence[NDArray[np.uint8]], reach: NDArray[np.uint8]
) -> NDArray[np.float64]:
    """Return the similarity that takes thermal to visible pixels with the most gradients in common.

    Args:
        visible, thermal: small images, (H, W) uint8, all of one size, pair by pair.
        reach: (H, W) uint8, not 0 where the thermal images have content.
    """
    height, width = visible[0].shape
    rows, columns = round(_SHIFT_SHARE * height), round(_SHIFT_SHARE * width)
    field = _padded(np.dstack([gradient_field(image) for image in visible]), rows, columns)
    strength = np.ascontiguousarray((field**2).sum(2))
    inside = _padded(np.ones((height, width, 1), np.float32), rows, columns)[..., 0]
    sources = [gradient_field(image) for image in thermal]
    best = (-1.0, np.eye(3))
    for scale in _SCALES:
        for degrees in _DEGREES:
            turn = similarity((height, width), scale, degrees, (0, 0))
            reached = cv2.warpAffine((reach > 0).astype(np.float32), turn[:2], (width, height))
            warped = [
                rotated(np.asarray(cv2.warpAffine(each, turn[:2], (width, height)), np.float32), degrees)
                for each in sources
            ]
            template = np.ascontiguousarray(np.dstack(warped) * reached[..., None])
            common = cv2.matchTemplate(field, template, cv2.TM_CCORR)
            of_visible = cv2.matchTemplate(strength, reached, cv2.TM_CCORR)
            of_thermal = cv2.matchTemplate(inside, np.ascontiguousarray((template**2).sum(2)), cv2.TM_CCORR)
            score = common / np.sqrt(np.maximum(of_visible, 1e-3) * np.maximum(of_thermal, 1e-3))
            score[cv2.matchTemplate(inside, reached, cv2.TM_CCORR) < _LEAST_OVERLAP * reached.sum()] = 0
            _, found, _, (x, y) = cv2.minMaxLoc(score)
            if found > best[0]:
                best = (found, similarity((height, width), scale, degrees, (x - columns, y - rows)))
    return best[1]


def _padded(field: NDArray[np.float32], rows: int, columns: int) -> NDArray[np.float32]:
    return np.pad(field, ((rows, rows), (columns, columns), (0, 0)))
