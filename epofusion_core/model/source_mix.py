"""OURS, not in the paper: the output "sources" of the network, and post-processing inside blown-out regions.

`SourceMix` is the output: w Y + (1 - w) R from the decoder's maps. Where the visible image is well exposed it chooses
one source for a region; inside the glare it mixes each pixel by itself and may add a little.

`Relief` is the post-processing, at inference only. The network shows the infrared inside the glare by darkening the
white. Trained on regions, it also darkens a white sky beside warm trees that are not blinded at all, a halo. Two things
tell whether darkening is meant: something warmer lies close by *in the glare*, or guidance mask M says that an object
does (paper III-B). Elsewhere the glare stays as it is.

Both work on pixels unshuffled by a stride, n = stride^2 in a block: engines are slow to split maps of full size.
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
"""The network is as free beside the glare as inside it: the blurred border of a light would stay as a bright rim."""

_OBJECT_WIDTH = 0.25
"""Range of the probability of M above `MASK_THRESHOLD` over which the bound opens for an object."""

_OBJECT_REACH_PX = 4
"""An object is set off from its surroundings this far around it; where a latent pixel is larger, by interpolation and
averaging alone. With twice as much, objects had a wide dark ring that showed no more of them."""


def glare_ramp(luma: Tensor, start: int) -> Tensor:
    """Return how far each pixel is on the way from `start`, an 8-bit luma, to saturation: any shape in [0, 1]."""
    return ((luma - start / 255) / ((SATURATED_LUMA - start) / 255)).clamp(0.0, 1.0)


@dataclass(frozen=True)
class SourceMix:
    """The output "sources".

    Attributes:
        stride: of the unshuffled pixels.
        selection_gain: factor of w's logit where the visible image is well exposed. To choose a source keeps its
            contrast, to mix halves that of both; inside the glare the mix is meant.
        selection_radius_px: there that logit is averaged over the pixels within this reach, so that a source is chosen
            for a region; 0 chooses for each pixel.
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
        """Average the logit of the choice, so that each source keeps its structure whole, and not pixel by pixel."""
        reach = self.selection_radius_px // self.stride
        return window_average(weight.mean(1, keepdim=True), reach) if reach else weight


@dataclass(frozen=True)
class Relief:
    """Amplifies what the network darkens inside the glare, and bounds it by what infrared and mask give reason for.

    Attributes:
        stride: of the unshuffled pixels; the bound is one for each block.
        latent_stride: pixels per latent pixel, which M comes in.
        darkening_gain: factor of what the network changes of the visible image. A loss shrinks what a small network is
            unsure of; this makes up for it afterwards.
        darkening_radius_px: a pixel is darkened no further than it is colder than the warmest blown-out one within this
            reach, but for objects of M; 0 for no bound.
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
