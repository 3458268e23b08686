"""Baselines: fusion rules of one line, a row of every table each. A network must beat them to be worth its cost."""

from collections.abc import Callable, Mapping
from types import MappingProxyType

import numpy as np

from epofusion_core.evaluation.analysed import Grey
from epofusion_core.exposure import overexposure_map


def maximum(visible: Grey, infrared: Grey) -> Grey:
    """Return the pixelwise maximum, (H, W) uint8. It leads in MI and VIF, and loses objects inside a glare."""
    return np.maximum(visible, infrared)


def average(visible: Grey, infrared: Grey) -> Grey:
    """Return the mean rounded down, (H, W) uint8. It halves every contrast."""
    return ((visible.astype(np.uint16) + infrared) // 2).astype(np.uint8)


def glare_maximum(visible: Grey, infrared: Grey) -> Grey:
    """Return the glare-aware maximum f = (1 - a) max(Y, R) + a (0.1 Y + 0.9 R), a = overexposure_map(Y).

    It keeps the car inside a glare, and turns a blown-out sky into infrared noise.
    """
    glare = overexposure_map(visible)
    mostly_infrared = 0.1 * visible.astype(np.float32) + 0.9 * infrared.astype(np.float32)
    fused = (1 - glare) * maximum(visible, infrared) + glare * mostly_infrared
    return np.asarray(np.rint(fused), dtype=np.uint8)


RULES: Mapping[str, Callable[[Grey, Grey], Grey]] = MappingProxyType(
    {"maximum": maximum, "average": average, "glare_maximum": glare_maximum}
)
"""The rules by name; each takes the visible luma and the infrared image."""
