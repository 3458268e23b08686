"""VIFp: visual information fidelity in the pixel domain (Sheikh and Bovik 2006), four scales.

With n = 2, a window of the source carries the information log(1 + var_s / n). The fused image is seen as g s + noise,
g = cov / var_s, which keeps log(1 + g^2 var_s / (var_noise + n)). Since var_f = g^2 var_s + var_noise, that equals
log(1 + var_f / n) - log(1 + var_noise / n). So three sums of one kind give VIF, and that of an image stands for itself.
"""

from dataclasses import dataclass

import cv2
import numpy as np

from epofusion_core.evaluation.analysed import Analysed, Floats
from epofusion_core.evaluation.windows import (
    Moments,
    bands,
    centred,
    filter_valid,
    gaussian_kernel,
    moments,
    positive,
    total,
    total_over_windows,
)

MIN_SIDE_PX = 41
"""Smallest height and width: below it, the coarsest scale has no pixel."""

_KERNELS = tuple(gaussian_kernel(size, size / 5) for size in (17, 9, 5, 3))
_NOISE_VARIANCE = 2.0
_FLAT = np.float32(0.001)
"""Variance, in squared grey levels, up to which a window counts as flat: rounding can make so much."""


@dataclass(frozen=True)
class Scales:
    """An image at the four scales.

    Attributes:
        moments: of each scale, finest first; variances of flat windows are 0.
        information: the sum of log(1 + variance / 2) over all windows.
    """

    moments: tuple[Moments, ...]
    information: float


def visual_information_fidelity(source: Analysed, fused: Analysed) -> float:
    """Return VIFp, the source being the reference.

    A source without any structure carries no information to keep; its VIF counts as 1.

    Raises:
        ValueError: the image is too small for the four scales.
    """
    if min(source.grey.shape) < MIN_SIDE_PX:
        raise ValueError(f"image is {source.grey.shape} pixels; expected at least {MIN_SIDE_PX} a side for VIF")
    reference, distorted = source.part(scales), fused.part(scales)
    if reference.information == 0:
        return 1.0
    lost = 0.0
    for kernel, s, f in zip(_KERNELS, reference.moments, distorted.moments, strict=True):
        lost += total_over_windows(_information_lost, s, f, kernel)
    return (distorted.information - lost) / reference.information


def _information_lost(covariance: Floats, _mean_s: Floats, var_s: Floats, _mean_f: Floats, var_f: Floats) -> Floats:
    """Return what windows of the fused image have beyond the source; what is inverted counts as not kept."""
    explained = np.square(positive(covariance)) / np.maximum(var_s, _FLAT)
    return _information(positive(var_f - explained))


def scales(image: Analysed) -> Scales:
    """Return an image at the four scales."""
    pixels = image.part(centred).pixels
    found: list[Moments] = []
    for kernel in _KERNELS:
        if found:
            pixels = np.ascontiguousarray(filter_valid(pixels, kernel)[::2, ::2])
        found.append(moments(pixels, kernel))
    variances = [scale.variance[rows] for scale in found for rows in bands(scale.variance)]
    return Scales(tuple(found), sum(total(_information(variance)) for variance in variances))


def _information(variance: Floats) -> Floats:
    return np.asarray(cv2.log(1 + variance / _NOISE_VARIANCE), dtype=np.float32)
