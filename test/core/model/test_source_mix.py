"""The mix of the sources: decided where the visible image is well exposed, free in the glare; halos there go."""

from dataclasses import replace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from epofusion_core.exposure import RAMP_START
from epofusion_core.model.config import named_config
from epofusion_core.model.epofusion import EPOFusion
from epofusion_core.model.source_mix import Relief, SourceMix, glare_ramp

SIZE = (64, 64)
XS = replace(named_config("epofusion_xs"), darkening_gain=1.0, darkening_radius_px=4)


STRIDE = 2
LOGIT = 0.7


def fused(
    luma: float, infrared: float, selection_gain: float, logits: list[float], added: float, radius_px: int
) -> Tensor:
    """Mix two uniform images by maps that say the same of each block of 2 x 2 pixels."""
    maps = torch.tensor([*logits, *[added] * 4])[None, :, None, None].expand(1, 8, 32, 32)
    images = torch.full((1, 4, 32, 32), luma), torch.full((1, 4, 32, 32), infrared)
    mixed = SourceMix(STRIDE, selection_gain, radius_px)(maps, *images, glare_ramp(images[0], RAMP_START))
    return torch.nn.functional.pixel_shuffle(mixed, STRIDE)


def fused_by_a_constant_logit(luma: float, infrared: float, selection_gain: float) -> float:
    image = fused(luma, infrared, selection_gain, [LOGIT] * 4, added=0.0, radius_px=6)
    assert image.std() < 1e-6
    return float(image.mean())


def share_of_the_visible(logit: float) -> float:
    return float(torch.sigmoid(torch.tensor(logit)))


@pytest.mark.parametrize("selection_gain", [1.0, 2.0, 5.0])
def test_a_leaning_becomes_a_choice_where_the_visible_image_is_well_exposed(selection_gain: float) -> None:
    share = share_of_the_visible(selection_gain * LOGIT)
    assert fused_by_a_constant_logit(0.6, 0.2, selection_gain) == pytest.approx(0.2 + share * 0.4, abs=1e-5)


@pytest.mark.parametrize("selection_gain", [1.0, 2.0, 5.0])
def test_inside_the_glare_the_mix_stays_as_the_network_means_it(selection_gain: float) -> None:
    share = share_of_the_visible(LOGIT)
    assert fused_by_a_constant_logit(1.0, 0.2, selection_gain) == pytest.approx(0.2 + share * 0.8, abs=1e-5)


def test_one_source_is_chosen_for_a_region_and_not_pixel_by_pixel() -> None:
    leanings = [3.0, -2.0, 3.0, -1.0]
    assert fused(0.6, 0.2, 1.0, leanings, added=0.0, radius_px=0).std() > 0.1
    together = fused(0.6, 0.2, 1.0, leanings, added=0.0, radius_px=6)
    share = share_of_the_visible(sum(leanings) / 4)
    torch.testing.assert_close(together, torch.full_like(together, 0.2 + share * 0.4))


def test_inside_the_glare_each_pixel_is_mixed_by_itself() -> None:
    leanings = [3.0, -2.0, 3.0, -1.0]
    alone, by_region = (fused(1.0, 0.2, 2.0, leanings, added=0.0, radius_px=reach) for reach in (0, 6))
    torch.testing.assert_close(by_region, alone)


@pytest.mark.parametrize("added", [-4.0, 4.0])
def test_nothing_is_added_to_the_sources_where_the_visible_image_is_well_exposed(added: float) -> None:
    for luma, changes in ((0.6, False), (1.0, True)):
        plain, with_more = (fused(luma, 0.2, 2.0, [LOGIT] * 4, added=more, radius_px=6) for more in (0.0, added))
        assert bool((plain - with_more).abs().max() > 0.05) == changes


def image(value: float) -> Tensor:
    return torch.full((1, 1, *SIZE), value)


def shaped(
    fused: Tensor, luma: Tensor, infrared: Tensor, mask: Tensor | None = None, gain: float = 1.0, radius_px: int = 4
) -> Tensor:
    probability = torch.zeros(1, 1, 8, 8) if mask is None else mask
    fused, luma, infrared, glare = (
        torch.nn.functional.pixel_unshuffle(pixels, STRIDE)
        for pixels in (fused, luma, infrared, glare_ramp(luma, RAMP_START))
    )
    relief = Relief(STRIDE, XS.latent_stride, gain, radius_px)
    return torch.nn.functional.pixel_shuffle(relief(fused, luma, infrared, glare, probability), STRIDE)


def test_a_white_sky_beside_a_warm_tree_that_is_not_blinded_keeps_no_halo() -> None:
    luma, infrared, fused = image(1.0), image(0.1), image(0.6)
    luma[..., 40:], infrared[..., 40:] = 0.4, 0.9  # the tree
    sky = shaped(fused, luma, infrared)[..., :40]
    assert sky.min() == 1.0


def test_the_outline_of_a_warm_car_inside_the_glare_stays() -> None:
    infrared, fused = image(0.1), image(0.6)
    infrared[..., 20:40, 20:40] = 0.9
    result = shaped(fused, image(1.0), infrared)
    assert result[..., 30, 18].item() == pytest.approx(0.6), "the cold side of its edge is dark"
    assert result[..., 30, 30].item() == pytest.approx(1.0), "its warm inside is white"
    assert result[..., 30, 4] == 1.0, "far from it the glare stays as it is"


def test_an_object_of_the_mask_is_shown_as_the_network_means_it_and_stands_out_from_its_surroundings() -> None:
    mask = torch.zeros(1, 1, 8, 8)
    mask[..., 3:5, 3:5] = 0.9
    result = shaped(image(0.6), image(1.0), image(0.5), mask)
    assert result[..., 32, 32].item() == pytest.approx(0.6, abs=0.03)
    assert result[..., 32, 22].item() < 0.85, "a little around it, too"
    assert result[..., 32, 14] == 1.0, "but no wide ring"
    steps = torch.cat([result.diff(dim=-1).flatten(), result.diff(dim=-2).flatten()]).abs()
    assert steps.max() < 0.1, "its border is soft: it does not show the mask's latent pixels"


def test_what_the_mask_holds_for_less_likely_than_not_opens_nothing() -> None:
    assert shaped(image(0.6), image(1.0), image(0.5), torch.full((1, 1, 8, 8), 0.49)).min() == 1.0


def test_a_gain_deepens_the_relief_inside_the_glare_and_nothing_else() -> None:
    assert shaped(image(0.8), image(1.0), image(0.2), gain=1.5, radius_px=0).mean().item() == pytest.approx(0.7)
    assert torch.equal(shaped(image(0.5), image(0.6), image(0.2), gain=1.5, radius_px=0), image(0.5))
    assert shaped(image(0.1), image(1.0), image(0.0), gain=9.0, radius_px=0).max() == 0.0


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), gain=st.floats(1.0, 2.0), radius_px=st.integers(1, 20))
def test_the_bound_never_darkens_and_leaves_what_is_well_exposed_alone(seed: int, gain: float, radius_px: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    fused, luma, infrared = (torch.rand(1, 1, *SIZE, generator=generator) for _ in range(3))
    mask = torch.rand(1, 1, 8, 8, generator=generator)
    free, bounded = (shaped(fused, luma, infrared, mask, gain, reach) for reach in (0, radius_px))
    assert (bounded >= free).all()
    dark = luma < RAMP_START / 255
    assert torch.equal(bounded[dark], fused[dark])


def test_training_sees_no_relief_shaped_which_it_would_undo() -> None:
    torch.manual_seed(0)
    images = torch.rand(2, 2, 1, 128, 128).clamp(min=0.9)
    plain = EPOFusion(replace(XS, darkening_gain=1.0, darkening_radius_px=0))
    shaping = EPOFusion(replace(XS, darkening_gain=1.5))
    shaping.load_state_dict(plain.state_dict())
    with torch.no_grad():
        assert torch.equal(plain.train()(*images)[0], shaping.train()(*images)[0])
        assert not torch.equal(plain.eval()(*images)[0], shaping.eval()(*images)[0])
