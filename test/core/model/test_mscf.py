"""The output of Eq. 7 as a mix of the sources: decided where the visible image is well exposed, free in the glare."""

from dataclasses import replace

import pytest
import torch
from torch import Tensor

from epofusion_core.model.config import named_config
from epofusion_core.model.mscf import MultiScaleContextFusion

LOGIT = 0.7


def fused(luma: float, infrared: float, sharpness: float, logits: list[float], added: float, reach_px: int) -> Tensor:
    """Fuse two uniform images by a network whose last layer says the same of each block of 2 x 2 pixels."""
    config = replace(named_config("epofusion_xs"), sharpness=sharpness, choice_reach_px=reach_px)
    mscf = MultiScaleContextFusion(config).eval()
    last = mscf.tail[-1]
    assert isinstance(last, torch.nn.Conv2d)
    assert last.bias is not None
    torch.nn.init.zeros_(last.weight)
    with torch.no_grad():
        last.bias.copy_(torch.tensor([*logits, *[added] * 4]))
    images = torch.full((1, 1, 64, 64), luma), torch.full((1, 1, 64, 64), infrared)
    refined = torch.zeros(1, config.width, 8, 8)
    with torch.no_grad():
        image: Tensor = mscf(refined, mscf.detail(*images), *images)
    assert image.shape == (1, 1, 64, 64)
    return image


def fused_by_a_constant_logit(luma: float, infrared: float, sharpness: float) -> float:
    image = fused(luma, infrared, sharpness, [LOGIT] * 4, added=0.0, reach_px=6)
    assert image.std() < 1e-6
    return float(image.mean())


def share_of_the_visible(logit: float) -> float:
    return float(torch.sigmoid(torch.tensor(logit)))


@pytest.mark.parametrize("sharpness", [1.0, 2.0, 5.0])
def test_a_leaning_becomes_a_choice_where_the_visible_image_is_well_exposed(sharpness: float) -> None:
    share = share_of_the_visible(sharpness * LOGIT)
    assert fused_by_a_constant_logit(0.6, 0.2, sharpness) == pytest.approx(0.2 + share * 0.4, abs=1e-5)


@pytest.mark.parametrize("sharpness", [1.0, 2.0, 5.0])
def test_inside_the_glare_the_mix_stays_as_the_network_means_it(sharpness: float) -> None:
    share = share_of_the_visible(LOGIT)
    assert fused_by_a_constant_logit(1.0, 0.2, sharpness) == pytest.approx(0.2 + share * 0.8, abs=1e-5)


def test_one_source_is_chosen_for_a_region_and_not_pixel_by_pixel() -> None:
    leanings = [3.0, -2.0, 3.0, -1.0]
    assert fused(0.6, 0.2, 1.0, leanings, added=0.0, reach_px=0).std() > 0.1
    together = fused(0.6, 0.2, 1.0, leanings, added=0.0, reach_px=6)
    share = share_of_the_visible(sum(leanings) / 4)
    torch.testing.assert_close(together, torch.full_like(together, 0.2 + share * 0.4))


def test_inside_the_glare_each_pixel_is_mixed_by_itself() -> None:
    leanings = [3.0, -2.0, 3.0, -1.0]
    alone, by_region = (fused(1.0, 0.2, 2.0, leanings, added=0.0, reach_px=reach) for reach in (0, 6))
    torch.testing.assert_close(by_region, alone)


@pytest.mark.parametrize("added", [-4.0, 4.0])
def test_nothing_is_added_to_the_sources_where_the_visible_image_is_well_exposed(added: float) -> None:
    for luma, changes in ((0.6, False), (1.0, True)):
        plain, with_more = (fused(luma, 0.2, 2.0, [LOGIT] * 4, added=more, reach_px=6) for more in (0.0, added))
        assert bool((plain - with_more).abs().max() > 0.05) == changes
