"""Mask M from latent pixels to image pixels, along the edges of the infrared image.

A latent pixel is 4 or 8 pixels wide, and bilinear interpolation gives every pedestrian a margin of that size. Objects
of mask M are salient in the infrared image, so that its edges are theirs. The filter is the fast guided filter (He and
Sun, 2015): the mask as a locally linear function of the infrared image, fitted on both scaled down.
"""

import cv2
import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]

_FIT_STRIDE_PX = 4
"""Pixels per pixel of the fits: on latent pixels of 8, fits swallow a pedestrian who is two of them wide."""

_WINDOW = (3, 3)
"""Pixels that a fit sees."""

_FLAT_VARIANCE = 3e-4
"""Variance, of full scale 1, below which the infrared image says nothing of edges: a deviation of 4 grey levels."""


def guided_upsample(probability: Floats, infrared: Floats) -> Floats:
    """Scale the probability of M up to the size of the infrared image.

    Args:
        probability: (h, w) float32 in [0, 1].
        infrared: R, (H, W) float32 in [0, 1], larger by a whole factor.

    Returns:
        (H, W) float32, beyond [0, 1] where the fit overshoots.
    """
    stride = infrared.shape[0] // probability.shape[0]
    if stride > _FIT_STRIDE_PX:
        factor = stride / _FIT_STRIDE_PX
        finer = cv2.resize(probability, None, fx=factor, fy=factor, interpolation=cv2.INTER_LINEAR)
        probability = np.asarray(finer, dtype=np.float32)
    size = probability.shape[::-1]
    guide = np.asarray(cv2.resize(infrared, size, interpolation=cv2.INTER_AREA), dtype=np.float32)
    guide_mean, mean = _mean(guide), _mean(probability)
    variance = _mean(guide * guide) - guide_mean * guide_mean
    covariance = _mean(guide * probability) - guide_mean * mean
    slope = covariance / (variance + np.float32(_FLAT_VARIANCE))
    offset = mean - slope * guide_mean
    return np.asarray(_enlarged(slope, infrared) * infrared + _enlarged(offset, infrared), dtype=np.float32)


def _enlarged(fit: Floats, like: Floats) -> Floats:
    size = like.shape[::-1]
    return np.asarray(cv2.resize(_mean(fit), size, interpolation=cv2.INTER_LINEAR), dtype=np.float32)


def _mean(image: NDArray[np.floating]) -> Floats:
    return np.asarray(cv2.blur(image, _WINDOW, borderType=cv2.BORDER_REPLICATE), dtype=np.float32)
