"""The relief inside the glare: nothing away from it, the warm object inside it, and no edge of its own."""

import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn.functional import pixel_shuffle, pixel_unshuffle

from epofusion_core.model.glare_relief import SLOPE, GlareRelief

STRIDE = 2
SIZE = 96


def shown(fused: torch.Tensor, luma: torch.Tensor, infrared: torch.Tensor) -> torch.Tensor:
    """The layer's result for (H, W) images without an object of mask M."""
    of_fused, of_luma, of_infrared = (pixel_unshuffle(image[None, None], STRIDE) for image in (fused, luma, infrared))
    no_objects = torch.zeros(1, 1, SIZE // 8, SIZE // 8)
    return pixel_shuffle(GlareRelief(STRIDE)(of_fused, of_luma, of_infrared, no_objects), STRIDE)[0, 0]


@given(seed=st.integers(0, 10_000))
@settings(max_examples=20, deadline=None)
def test_where_nothing_is_bright_the_networks_image_stays(seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    fused, luma, infrared = torch.rand(3, SIZE, SIZE, generator=generator)
    assert torch.equal(shown(fused, 0.6 * luma, infrared), fused)


def test_a_warm_object_stays_white_on_surroundings_that_return_to_white_without_an_edge() -> None:
    white, infrared = torch.ones(SIZE, SIZE), torch.full((SIZE, SIZE), 0.1)
    infrared[40:56, 40:56] = 0.3
    result = shown(white, white, infrared)
    assert result[42:54, 42:54].min() > 0.99
    assert result[48, 60] < 0.88, "the surroundings are dark"
    assert result[48, 90:].min() > result[48, 60] + 0.08, "and lighter further away"
    beside = result[:, 62:]
    assert (beside[:, STRIDE:] - beside[:, :-STRIDE]).abs().max() < 1.2 * STRIDE * SLOPE


def test_white_of_one_temperature_stays_white() -> None:
    white = torch.ones(SIZE, SIZE)
    assert shown(white, white, 0.5 * white).min() > 0.99
