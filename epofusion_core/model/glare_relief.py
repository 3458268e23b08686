"""Ours, not in the paper: what the infrared shows inside the glare, drawn into the white of the visible image.

Where light blinds the visible camera, the fused image is the visible brightness less the infrared relief: how far the
infrared lies below an envelope of what is warm inside the glare. The envelope falls slowly with the distance, so that
surroundings of a warm object return to white without an edge. It is the exposure target of training
(`epofusion_core.training.exposure_target`) as a layer: a network of this size draws such a slope unevenly, and each
unevenness is an edge that neither source has.

It works on pixels unshuffled by a stride, n = stride^2 in a block, since engines are slow to split maps of full size.
"""

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from epofusion_core.model.config import MASK_THRESHOLD
from epofusion_core.model.layers import blend, spatial_size, upsample, window_average, window_maximum

VEIL = (160 / 255, 245 / 255)
"""Smoothed luma from which the relief begins to show, and from which it shows in full."""

RELIEF_THRESHOLD, OBJECT_THRESHOLD = 3 / 255, 1 / 255
"""Relief that is left out as the infrared's noise, in general and near objects of mask M."""

SLOPE = 1 / 255
"""Fall of the envelope a pixel: one grey level, which no eye and no detector takes for an edge."""

_CELL_PX = 4
_REACHES_CELLS = (1, 2, 4, 8, 16, 32)
"""Steps whose sums are all distances up to 63 cells, over which the envelope falls by full scale."""

_OBJECT_WIDTH = 0.25
"""Range of the probability of M below `MASK_THRESHOLD` over which the threshold falls to that of objects."""


@dataclass(frozen=True)
class GlareRelief:
    """The layer.

    Attributes:
        stride: of the unshuffled pixels, 1 or 2.
    """

    stride: int

    def __call__(self, fused: Tensor, luma: Tensor, infrared: Tensor, probability: Tensor) -> Tensor:
        """Draw the relief where the visible image is blinded.

        Args:
            fused: I_f as the network has it, (B, n, h, w) in [0, 1].
            luma: Y, the same.
            infrared: R, the same.
            probability: of mask M, of each latent pixel, (B, 1, h', w') in [0, 1].

        Returns:
            (B, n, h, w) in [0, 1]; equal to `fused` away from the glare.
        """
        size = spatial_size(luma)
        veil = _ramp(window_average(luma.mean(1, keepdim=True), 2 // self.stride))
        blinded = _ramp(-window_maximum(-luma.amin(1, keepdim=True), 2 // self.stride))
        relief = (self._envelope(infrared.amax(1, keepdim=True) * blinded, size) - infrared).clamp(min=0.0)
        objects = ((probability - MASK_THRESHOLD) / _OBJECT_WIDTH + 1.0).clamp(0.0, 1.0)
        threshold = RELIEF_THRESHOLD + (OBJECT_THRESHOLD - RELIEF_THRESHOLD) * upsample(objects, size)
        shown = (luma - (relief - threshold).clamp(min=0.0)).clamp(min=0.0)
        return blend(fused, shown, veil)

    def _envelope(self, warmth: Tensor, size: tuple[int, int]) -> Tensor:
        """Return the lowest image above `warmth`, (B, 1, h, w), that falls by no more than `SLOPE` a pixel."""
        block = _CELL_PX // self.stride
        cells = functional.max_pool2d(warmth, block)
        # Shifted copies, since engines are slow to take maxima over windows with gaps.
        for reach in _REACHES_CELLS:
            rows = functional.pad(cells, (0, 0, reach, reach))
            around = torch.maximum(rows[..., : -2 * reach, :], rows[..., 2 * reach :, :])
            cells = torch.maximum(cells, around - SLOPE * _CELL_PX * reach)
        for reach in _REACHES_CELLS:
            columns = functional.pad(cells, (reach, reach))
            around = torch.maximum(columns[..., : -2 * reach], columns[..., 2 * reach :])
            cells = torch.maximum(cells, around - SLOPE * _CELL_PX * reach)
        return upsample(window_average(cells, 1), size)


def _ramp(luma: Tensor) -> Tensor:
    begin, full = VEIL
    return ((luma - begin) / (full - begin)).clamp(0.0, 1.0)
