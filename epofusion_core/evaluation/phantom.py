"""Phantom: structure in the fused image that neither source has, such as a dark ring or a seam. Ours.

Measures that reward what is kept of the sources do not see what is added to them.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from epofusion_core.evaluation.analysed import Analysed, Image, analysed

_BLUR_SIGMA_PX = 3.0
_SOBEL_SCALE = 1 / 8
_FIXED_POINT = 256
_TOLERANCE = 1.0
"""Grey levels a pixel by which a gradient may exceed those of the sources."""

_WORST_SHARE = 0.01


@dataclass(frozen=True)
class Phantom:
    """Gradient that neither source has, grey levels a pixel, lower is better; 0 for a copy or an average.

    Attributes:
        phantom: mean over all pixels.
        phantom_worst: mean over the worst 1 % of the pixels.
    """

    phantom: float
    phantom_worst: float


def phantom(visible: Image, infrared: Image, fused: Image) -> Phantom:
    """Measure one fused image.

    Args:
        visible: (H, W) uint8, luma of the visible image.
        infrared: (H, W) uint8, the same size.
        fused: (H, W) uint8, the same size.

    Raises:
        ValueError: an array is not (H, W) uint8 of one common size.
    """
    excess = phantom_map(visible, infrared, fused).ravel()
    count = max(1, round(_WORST_SHARE * excess.size))
    worst = np.partition(excess, excess.size - count)[-count:]
    return Phantom(float(excess.mean(dtype=np.float64)), float(worst.mean(dtype=np.float64)))


def phantom_map(visible: Image, infrared: Image, fused: Image) -> NDArray[np.float32]:
    """Return max(0, |grad f| - max(|grad vi|, |grad ir|) - 1) of the blurred images, (H, W) float32."""
    vi, ir, f = analysed(visible=visible, infrared=infrared, fused=fused)
    in_sources = np.maximum(vi.part(_gradient), ir.part(_gradient))
    return np.asarray(np.maximum(f.part(_gradient) - in_sources - _TOLERANCE, 0), dtype=np.float32)


def _gradient(image: Analysed) -> NDArray[np.float32]:
    """Return the gradient's magnitude after a Gaussian, (H, W) float32 in grey levels a pixel.

    OpenCV blurs integers the same wherever they lie in memory, floats not to the last bit; the replay of a bag promises
    equal bytes.
    """
    blurred = cv2.GaussianBlur(image.grey.astype(np.uint16) * _FIXED_POINT, (0, 0), _BLUR_SIGMA_PX)
    scale = _SOBEL_SCALE / _FIXED_POINT
    across, down = (cv2.Sobel(blurred, cv2.CV_32F, dx, 1 - dx, ksize=3, scale=scale) for dx in (1, 0))
    return np.asarray(np.sqrt(np.square(across) + np.square(down)), dtype=np.float32)
