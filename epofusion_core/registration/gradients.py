"""Gradient fields in which visible and thermal images of a scene agree, whether warm looks bright or dark in RGB."""

import cv2
import numpy as np
from numpy.typing import NDArray

_BLUR_PX = 1.0
_NEIGHBOURHOOD_PX = 12.0
_NOISE = 1.0
_LARGEST = 3.0


def gradient_field(image: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Return the gradients of an image, (H, W) uint8, as vectors, (H, W, 2) float32.

    Their angle is doubled, so that dark on bright equals bright on dark: a warm object may be either in RGB. Their
    length is relative to that of the neighbourhood, so that one strong edge does not outweigh all others.
    """
    smooth = cv2.GaussianBlur(image.astype(np.float32), (0, 0), _BLUR_PX)
    x, y = cv2.Scharr(smooth, cv2.CV_32F, 1, 0) / 32, cv2.Scharr(smooth, cv2.CV_32F, 0, 1) / 32
    squared = x * x + y * y
    around = np.sqrt(cv2.GaussianBlur(squared, (0, 0), _NEIGHBOURHOOD_PX) + _NOISE)
    share = 1 / (np.sqrt(squared) * around + 1e-6)
    field = np.dstack([(x * x - y * y) * share, 2 * x * y * share])
    length = np.linalg.norm(field, axis=2, keepdims=True)
    return np.asarray(field / np.maximum(1, length / _LARGEST), dtype=np.float32)


def rotated(field: NDArray[np.float32], degrees: float) -> NDArray[np.float32]:
    """Return the field of an image turned by degrees, counter-clockwise: each vector is turned by twice as much."""
    angle = -2 * np.deg2rad(degrees)
    cosine, sine = np.cos(angle), np.sin(angle)
    x, y = field[..., 0], field[..., 1]
    return np.dstack([cosine * x - sine * y, sine * x + cosine * y]).astype(np.float32)
