"""Ours, not in the paper: the output "sources" of the network, and post-processing inside blown-out regions.

`SourceMix` is the output: w Y + (1 - w) R. Where the visible image is well exposed, one source is selected for a
region. Inside the glare each pixel is mixed by itself, and a small difference may be added.

`Relief` is post-processing inside blown-out regions, at inference only. It amplifies what the network darkens there. It
bounds the darkening of pixels that have nothing warmer close by in the glare and belong to no object of guidance mask M
(paper III-B). Without the bound, a white sky beside warm trees has a dark halo.

Both work on pixels unshuffled by a stride, n = stride^2 in a block, since engines are slow to split maps of full size.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from epofusion_core.exposure import SATURATED_LUMA
from epofusion_core.model.config import MASK_THRESHOLD
from epofusion_core.model.layers import blend, spatial_size, upsample, window_average, window_maximum

_DETAIL_RANGE = 0.25
"""Largest difference that is added to a mix of the sources inside the glare, of full scale 1."""

_BESIDE_GLARE_PX = 2
"""Pixels this close to the glare are mixed as those inside it; else the blurred border of a light is a bright rim."""

_OBJECT_WIDTH = 0.25
"""Range of the probability of M above `MASK_THRESHOLD` over which the bound opens for an object."""

_OBJECT_REACH_PX = 4
"""The bound is open this far around an object. Where a latent pixel is larger, interpolation and averaging alone open
it. A larger reach draws a wide dark ring around objects."""


def glare_ramp(luma: Tensor, start: int) -> Tensor:
    """Return how far each pixel is on the way from `start`, an 8-bit luma, to saturation: any shape in [0, 1]."""
    return ((luma - start / 255) / ((SATURATED_LUMA - start) / 255)).clamp(0.0, 1.0)


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


@dataclass(frozen=True)
class Relief:
    """Amplifies what the network darkens inside the glare, and bounds it by the infrared and mask M.

    Attributes:
        stride: of the unshuffled pixels; the bound is one for each block.
        latent_stride: pixels per latent pixel, which M comes in.
        darkening_gain: factor of what the network changes of the visible image. A loss shrinks what a small network is
            unsure of, and this makes up for it.
        darkening_radius_px: a pixel is darkened no further than it is colder than the warmest blown-out one within this
            radius, but for objects of M; 0 for no bound.
    """

    stride: int
    latent_stride: int
    darkening_gain: float
    darkening_radius_px: int

    def __call__(self, fused: Tensor, luma: Tensor, infrared: Tensor, glare: Tensor, probability: Tensor) -> Tensor:
        """Shape the fused image inside the glare.

        Args:
            fused: I_f, (B, n, h, w) in [0, 1].
            luma: Y, the same.
            infrared: R, the same.
            glare: `glare_ramp` of Y, the same.
            probability: of mask M, of each latent pixel, (B, 1, h', w') in [0, 1].

        Returns:
            (B, n, h, w) in [0, 1]; equal to `fused` where the visible image is not blown out.
        """
        change = fused - luma
        shaped = self.darkening_gain * change
        if self.darkening_radius_px:
            warmest = _warmest_glare_around(infrared * glare, self.darkening_radius_px // self.stride)
            near = self._near_objects(probability, spatial_size(luma))
            shaped = blend(torch.maximum(shaped, -(warmest - infrared)), shaped, near)
        return (fused + glare * (shaped - change)).clamp(0.0, 1.0)

    def _near_objects(self, probability: Tensor, size: tuple[int, int]) -> Tensor:
        """Return how surely each block belongs to an object or lies close to one, (B, 1, *size) in [0, 1]."""
        objects = ((probability - MASK_THRESHOLD) / _OBJECT_WIDTH).clamp(0.0, 1.0)
        wider = upsample(window_maximum(objects, _OBJECT_REACH_PX // self.latent_stride), size)
        return window_average(wider, _OBJECT_REACH_PX // self.stride)


def _warmest_glare_around(infrared: Tensor, reach: int) -> Tensor:
    """Return the infrared of the warmest pixel around each block, in blocks: (B, n, h, w) to (B, 1, h, w)."""
    return window_average(window_maximum(infrared.amax(1, keepdim=True), reach), reach)
