"""Relief: how far the fused image may leave the visible one inside the glare; applied after training, not in it.

There the network shows the infrared by darkening the white: its relief. Trained on regions, it also darkens a white sky
beside warm trees that are not blinded at all, a halo. Two things tell whether darkening is meant: something warmer lies
close by *in the glare*, or guidance mask M says that an object does (paper III-B). Elsewhere the glare stays as it is.
"""

import torch
from torch import Tensor

from epofusion_core.model.config import ModelConfig
from epofusion_core.model.layers import blend, spatial_size, upsample, window_average, window_maximum

_GLARE_START, _GLARE_WIDTH = 225 / 255, 20 / 255
"""Luma from which the visible image counts as blown out, and over which range; as in `epofusion_core.exposure`."""

_OBJECT_START, _OBJECT_WIDTH = 0.5, 0.25
"""Probability of M from which a pixel belongs to an object, and over which range the relief opens."""

_OBJECT_REACH_PX = 4
"""An object is set off from its surroundings this far around it; where a latent pixel is larger, by interpolation and
averaging alone. With twice as much, objects had a wide dark ring that showed no more of them."""


def glare_ramp(luma: Tensor) -> Tensor:
    """Return how blown out each pixel is: any shape in [0, 1], to the same."""
    return ((luma - _GLARE_START) / _GLARE_WIDTH).clamp(0.0, 1.0)


def shape_relief(
    fused: Tensor, luma: Tensor, infrared: Tensor, glare: Tensor, probability: Tensor, config: ModelConfig
) -> Tensor:
    """Amplify the relief, and bound it by what the infrared and the mask give reason for.

    Works on pixels unshuffled by `config.fidelity_stride`, n of them in a block: the bound is one for each block.

    Args:
        fused: I_f, (B, n, h, w) in [0, 1].
        luma: Y, the same.
        infrared: R, the same.
        glare: `glare_ramp` of Y, the same.
        probability: of mask M, of each latent pixel, (B, 1, h', w') in [0, 1].
        config: `relief_gain`, `relief_reach_px` and strides.

    Returns:
        (B, n, h, w) in [0, 1]; equal to `fused` where the visible image is not blown out.
    """
    change = fused - luma
    shaped = config.relief_gain * change
    if config.relief_reach_px:
        colder = _warmest_glare_around(infrared * glare, config.relief_reach_px // config.fidelity_stride) - infrared
        near = _near_objects(probability, spatial_size(luma), config)
        shaped = blend(torch.maximum(shaped, -colder), shaped, near)
    return (fused + glare * (shaped - change)).clamp(0.0, 1.0)


def _warmest_glare_around(infrared: Tensor, reach: int) -> Tensor:
    """Return the infrared of the warmest pixel around each block, in blocks: (B, n, h, w) to (B, 1, h, w)."""
    return window_average(window_maximum(infrared.amax(1, keepdim=True), reach), reach)


def _near_objects(probability: Tensor, size: tuple[int, int], config: ModelConfig) -> Tensor:
    """Return how surely each block belongs to an object or lies close to one, (B, 1, *size) in [0, 1]."""
    objects = ((probability - _OBJECT_START) / _OBJECT_WIDTH).clamp(0.0, 1.0)
    wider = upsample(window_maximum(objects, _OBJECT_REACH_PX // config.latent_stride), size)
    return window_average(wider, _OBJECT_REACH_PX // config.fidelity_stride)
