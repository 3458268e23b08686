"""Qabf: edge preservation (Xydeas and Petrovic 2000), weighted by the strength of the sources' edges."""

import math
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from epofusion_core.evaluation.analysed import Analysed, Floats, Grey
from epofusion_core.evaluation.windows import bands, total


@dataclass(frozen=True)
class Edges:
    """Sobel edges of an image.

    Attributes:
        strength: (H, W) float32, grey levels.
        angle_rad: (H, W) float32 in [-pi/2, pi/2].
    """

    strength: Floats
    angle_rad: Floats

    def within(self, region: slice | NDArray[np.bool_]) -> "Edges":
        """Return those of some rows, or, in one column, those of a (H, W) region."""
        strength, angle_rad = self.strength[region], self.angle_rad[region]
        return Edges(strength.reshape(len(strength), -1), angle_rad.reshape(len(strength), -1))


def edges(image: Analysed) -> Edges:
    """Return the edges of an image, with zeros around it as Qabf is defined."""
    across, up = _sobel(image.grey, 1, 0, 1), _sobel(image.grey, 0, 1, -1)
    strength = np.empty_like(across)
    for rows in bands(across):
        x, y = across[rows], up[rows]
        np.sqrt(x * x + y * y, out=strength[rows])
        with np.errstate(divide="ignore", invalid="ignore"):
            np.arctan(y / x, out=y)
        y[x == 0] = math.pi / 2
    return Edges(strength, angle_rad=up)


def _sobel(grey: Grey, dx: int, dy: int, scale: int) -> Floats:
    sobel = cv2.Sobel(grey, cv2.CV_32F, dx, dy, ksize=3, scale=scale, borderType=cv2.BORDER_CONSTANT)
    return np.asarray(sobel, dtype=np.float32)


def edge_preservation(visible: Analysed, infrared: Analysed, fused: Analysed) -> float:
    """Return Qabf in [0, 1]. Sources without any edge have none to lose: 1."""
    f = fused.part(edges)
    kept = whole = 0.0
    for source in (visible.part(edges), infrared.part(edges)):
        for rows in bands(source.strength):
            kept += total(edge_quality(source.within(rows), f.within(rows)) * source.strength[rows])
            whole += total(source.strength[rows])
    return kept / whole if whole > 0 else 1.0


def edge_quality(source: Edges, fused: Edges) -> Floats:
    """Return Qabf's term Q(source, fused) = Qg Qa, (H, W) in [0, 1]: strength and direction of edges kept."""
    weaker, stronger = cv2.min(source.strength, fused.strength), cv2.max(source.strength, fused.strength)
    relative = weaker / np.maximum(stronger, 1)  # Sobel strengths of 8 bits are 0, or at least 1
    # Qabf takes the strength itself where both are equal. Qg is as good as constant from 2 on, and exp of more is slow.
    np.copyto(relative, np.minimum(fused.strength, 2), where=relative == 1)
    turned: Floats = np.abs(source.angle_rad - fused.angle_rad)
    alignment = 1 - turned / (math.pi / 2)
    strength_lost = cv2.exp(-15 * (relative - 0.5))
    direction_lost = cv2.exp(-22 * (alignment - 0.8))
    return np.asarray(0.9994 * 0.9879 / ((1 + strength_lost) * (1 + direction_lost)), dtype=np.float32)
