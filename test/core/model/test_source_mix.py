"""The mix of the sources: decided where the visible image is well exposed, free in the glare."""

import pytest
import torch
from torch import Tensor

from epofusion_core.model.source_mix import SourceMix, glare_ramp

STRIDE = 2
LOGIT = 0.7


def fused(
    luma: float, infrared: float, selection_gain: float, logits: list[float], added: float, radius_px: int
) -> Tensor:
    """Mix two uniform images by maps that say the same of each block of 2 x 2 pixels."""
    maps = torch.tensor([*logits, *[added] * 4])[None, :, None, None].expand(1, 8, 32, 32)
    images = torch.full((1, 4, 32, 32), luma), torch.full((1, 4, 32, 32), infrared)
    mixed = SourceMix(STRIDE, selection_gain, radius_px)(maps, *images, glare_ramp(images[0]))
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
