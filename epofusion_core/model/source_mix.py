"""Ours, not in the paper: the output "sources" of the network, w Y + (1 - w) R.

Where the visible image is well exposed, one source is selected for a region. Inside the glare each pixel is mixed by
itself, and a small difference may be added.

It works on pixels unshuffled by a stride, n = stride^2 in a block, since engines are slow to split maps of full size.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from epofusion_core.exposure import RAMP_START, SATURATED_LUMA
from epofusion_core.model.layers import blend, window_average, window_maximum

_DETAIL_RANGE = 0.25
"""Largest difference that is added to a mix of the sources inside the glare, of full scale 1."""

_BESIDE_GLARE_PX = 2
"""Pixels this close to the glare are mixed as those inside it; else the blurred border of a light is a bright rim."""


def glare_ramp(luma: Tensor) -> Tensor:
    """Return how far each pixel is on the way from where the glare begins to saturation: any shape in [0, 1]."""
    return ((luma - RAMP_START / 255) / ((SATURATED_LUMA - RAMP_START) / 255)).clamp(0.0, 1.0)


@dataclass(frozen=True)
class SourceMix:
    """The output "sources".

    Attributes:
        stride: of the unshuffled pixels.
        selection_gain: factor of w's logit where the visible image is well exposed. One source keeps its contrast
            there; a mix would halve that of both.
        selection_radius_px: that logit is averaged over the pixels within this radius, so that a source is chosen for a
            region; 0 chooses for each pixel.
    """

    stride: int
    selection_gain: float
    selection_radius_px: int

    def __call__(self, decoded: Tensor, luma: Tensor, infrared: Tensor, glare: Tensor) -> Tensor:
        """Mix.

        Args:
            decoded: w's logit, then what is added, (B, 2n, h, w).
            luma: Y, (B, n, h, w) in [0, 1].
            infrared: R, the same.
            glare: `glare_ramp` of Y, the same.

        Returns:
            I_f, (B, n, h, w) in [0, 1].
        """
        weight, added = decoded[:, : self.stride**2], decoded[:, self.stride**2 :]
        beside = window_maximum(glare.amax(1, keepdim=True), _BESIDE_GLARE_PX // self.stride)
        weight = blend(self.selection_gain * self._by_region(weight), weight, beside)
        mix = blend(infrared, luma, torch.sigmoid(weight))
        return (mix + beside * (_DETAIL_RANGE * torch.tanh(added))).clamp(0.0, 1.0)

    def _by_region(self, weight: Tensor) -> Tensor:
        """Average the logit of w, so that structures of a source are kept whole."""
        reach = self.selection_radius_px // self.stride
        return window_average(weight.mean(1, keepdim=True), reach) if reach else weight
