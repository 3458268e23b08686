"""Means, variances and covariances under a Gaussian window around each pixel, which VIF and SSIM are made of.

In float32, which is twice as fast. It holds since images are centred on their most frequent level: that is where large
flat areas lie, whose variance would drown in the rounding of E[x^2] - E[x]^2 far from 0.

Work goes by bands of rows, few enough for what is made of them to stay in a core's cache.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import cv2
import numpy as np

from epofusion_core.evaluation.analysed import Analysed, Floats

_BAND_ROWS = 96
_ROUNDING = 3e-7
"""Share of E[x^2] below which a variance is rounding, and counts as 0."""


@dataclass(frozen=True)
class Centred:
    """An image as float32.

    Attributes:
        pixels: (H, W), grey levels minus `level`.
        level: the most frequent grey level.
    """

    pixels: Floats
    level: int


@dataclass(frozen=True)
class Moments:
    """Local moments where the window lies inside the image.

    Attributes:
        pixels: (H, W), what they are of.
        mean: (H - size + 1, W - size + 1).
        variance: the same size, not negative.
    """

    pixels: Floats
    mean: Floats
    variance: Floats


def centred(image: Analysed) -> Centred:
    """Return an image as float32 around its most frequent level."""
    level = int(np.argmax(image.part(histogram)))
    return Centred(np.subtract(image.grey, level, dtype=np.float32), level)


def histogram(image: Analysed) -> Floats:
    """Return how many pixels have each grey level, (256,)."""
    return np.asarray(cv2.calcHist([image.grey], [0], None, [256], [0, 256]), dtype=np.float32).ravel()


def moments(pixels: Floats, kernel: Floats) -> Moments:
    """Return the local moments of an image."""
    mean = np.empty([side - len(kernel) + 1 for side in pixels.shape], np.float32)
    variance = np.empty_like(mean)
    for rows in bands(mean):
        window = pixels[_with_margin(rows, kernel)]
        square = filter_valid(np.square(window), kernel)
        mean[rows] = filter_valid(window, kernel)
        np.subtract(square, np.square(mean[rows]), out=variance[rows])
        variance[rows][variance[rows] < _ROUNDING * square] = 0
    return Moments(pixels, mean, variance)


def total_over_windows(
    term: Callable[[Floats, Floats, Floats, Floats, Floats], Floats], a: Moments, b: Moments, kernel: Floats
) -> float:
    """Return the sum over all windows of term(covariance, mean of a, variance of a, mean of b, variance of b)."""
    whole = 0.0
    for rows in bands(a.mean):
        around = _with_margin(rows, kernel)
        covariance = filter_valid(a.pixels[around] * b.pixels[around], kernel)
        covariance -= a.mean[rows] * b.mean[rows]
        whole += total(term(covariance, a.mean[rows], a.variance[rows], b.mean[rows], b.variance[rows]))
    return whole


def gaussian_kernel(size: int, sigma: float) -> Floats:
    """Return a normalised one-dimensional Gaussian, (size, 1)."""
    return np.asarray(cv2.getGaussianKernel(size, sigma, cv2.CV_32F), dtype=np.float32)


def filter_valid(image: Floats, kernel: Floats) -> Floats:
    """Filter by a separable kernel, (size, 1) with odd size, and keep only what needs no padding."""
    margin = len(kernel) // 2
    filtered = np.asarray(cv2.sepFilter2D(image, cv2.CV_32F, kernel, kernel), dtype=np.float32)
    return filtered[margin : image.shape[0] - margin, margin : image.shape[1] - margin]


def total(values: Floats) -> float:
    """Return the sum of a band.

    OpenCV's filters, exp and log give the same bits wherever an array lies in memory. Its sums and magnitudes do not.
    """
    return float(values.sum(axis=0).sum(dtype=np.float64))


def positive(values: Floats) -> Floats:
    """Return max(values, 0)."""
    return np.asarray(cv2.threshold(values, 0, 0, cv2.THRESH_TOZERO)[1], dtype=np.float32)


def bands(array: Floats) -> Iterator[slice]:
    """Yield the bands of rows of an array."""
    for top in range(0, len(array), _BAND_ROWS):
        yield slice(top, min(top + _BAND_ROWS, len(array)))


def _with_margin(rows: slice, kernel: Floats) -> slice:
    return slice(rows.start, rows.stop + len(kernel) - 1)
