"""SSIM: structural similarity (Wang et al. 2004), with an 11x11 Gaussian window of sigma 1.5.

On 0..255 values with the constants for range 1, as the paper's Table I has it.
"""

import cv2
import numpy as np

from epofusion_core.evaluation.analysed import Analysed, Floats
from epofusion_core.evaluation.windows import Moments, centred, gaussian_kernel, moments, total_over_windows

_KERNEL = gaussian_kernel(11, 1.5)
_C1, _C2 = 1e-4, 9e-4


def structural_similarity(source: Analysed, fused: Analysed) -> float:
    """Return the mean of SSIM over all windows, in [-1, 1]."""
    s, f = source.part(_moments), fused.part(_moments)
    levels = source.part(centred).level, fused.part(centred).level

    def similarity(covariance: Floats, mean_s: Floats, var_s: Floats, mean_f: Floats, var_f: Floats) -> Floats:
        mean_s, mean_f = mean_s + levels[0], mean_f + levels[1]
        limit = np.sqrt(var_s * var_f)
        within = cv2.max(cv2.min(covariance, limit), -limit)  # 0 where a window is flat, whatever rounding says
        brightness = (2 * mean_s * mean_f + _C1) / (np.square(mean_s) + np.square(mean_f) + _C1)
        structure = (2 * within + _C2) / (var_s + var_f + _C2)
        return np.asarray(brightness * structure, dtype=np.float32)

    return total_over_windows(similarity, s, f, _KERNEL) / s.mean.size


def _moments(image: Analysed) -> Moments:
    return moments(image.part(centred).pixels, _KERNEL)
