"""The output of Eq. 7 as a mix of the sources: decided where the visible image is well exposed, free in the glare."""

from dataclasses import replace

import pytest
import torch

from epofusion_core.model.config import named_config
from epofusion_core.model.mscf import MultiScaleContextFusion

LOGIT = 0.7


def fused_by_a_constant_logit(luma: float, infrared: float, sharpness: float) -> float:
    """Fuse two uniform images by a network whose last layer says the same of each pixel, and adds nothing."""
    config = replace(named_config("epofusion_xs"), sharpness=sharpness)
    mscf = MultiScaleContextFusion(config).eval()
    last = mscf.tail[-1]
    assert isinstance(last, torch.nn.Conv2d)
    assert last.bias is not None
    torch.nn.init.zeros_(last.weight)
    with torch.no_grad():
        last.bias.copy_(torch.tensor([LOGIT] * 4 + [0.0] * 4))
    images = torch.full((1, 1, 64, 64), luma), torch.full((1, 1, 64, 64), infrared)
    refined = torch.zeros(1, config.width, 8, 8)
    with torch.no_grad():
        fused = mscf(refined, mscf.detail(*images), *images)
    assert fused.shape == (1, 1, 64, 64)
    assert fused.std() < 1e-6
    return float(fused.mean())


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
