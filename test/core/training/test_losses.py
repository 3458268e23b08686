"""Losses of Eq. 8-15 and the exposure target: what each must pull towards, and the traps they avoid."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from epofusion_core.training.exposure_target import exposure_target
from epofusion_core.training.losses import (
    LossConfig,
    diffusion_loss,
    feature_loss,
    fusion_loss,
    fusion_terms,
    guidance_loss,
    pseudo_target,
)
from epofusion_core.training.preservation import invented_edges

PAPER = LossConfig()
SHIPPED = LossConfig(
    pseudo_target="exposure", gradient="vector", structure_weight=0.2, edge_weight=0.3, information_weight=0.1
)


def noise(seed: int, *shape: int) -> Tensor:
    return torch.rand(*shape, generator=torch.Generator().manual_seed(seed))


def scene() -> tuple[Tensor, Tensor, Tensor]:
    """A mid-grey road, blown out on the right half; a warm object inside the glare; the mask of that object."""
    luma = torch.full((1, 1, 96, 160), 0.4)
    luma[..., 80:] = 1.0
    infrared = torch.full((1, 1, 96, 160), 0.2)
    infrared[..., 40:60, 110:130] = 0.7
    mask = torch.zeros_like(luma)
    mask[..., 40:60, 110:130] = 1.0
    return luma, infrared, mask


@pytest.mark.parametrize("form", ["magnitude", "vector"])
def test_outside_the_mask_the_brighter_source_costs_nothing(form: str) -> None:
    luma, infrared = noise(0, 1, 1, 32, 32), torch.zeros(1, 1, 32, 32)
    config = LossConfig(gradient=form)  # type: ignore[arg-type]
    terms = fusion_terms(luma, luma, infrared, torch.zeros_like(luma), (luma + infrared) / 2, config)
    assert fusion_loss(terms, config).item() == pytest.approx(0.0, abs=1e-6)


def test_inside_the_mask_the_target_and_the_infrared_edges_count() -> None:
    luma, infrared, mask = scene()
    target = pseudo_target(luma, infrared, mask, "average")
    followed = fusion_terms(
        torch.where(mask > 0, target, torch.maximum(luma, infrared)), luma, infrared, mask, target, PAPER
    )
    ignored = fusion_terms(torch.maximum(luma, infrared), luma, infrared, mask, target, PAPER)
    assert followed.intensity_overexposed < 1e-6 < ignored.intensity_overexposed


def test_without_the_adaptive_loss_the_mask_has_no_effect() -> None:
    luma, infrared, mask = scene()
    config = LossConfig(adaptive=False)
    fused = noise(1, 1, 1, 96, 160)
    with_mask, without = (fusion_terms(fused, luma, infrared, m, luma, config) for m in (mask, torch.zeros_like(mask)))
    assert all(torch.equal(a, b) for a, b in zip(with_mask, without, strict=True))


def test_the_exposure_target_keeps_a_blown_out_sky_white_and_shows_the_object() -> None:
    luma, infrared, mask = scene()
    sky = exposure_target(luma, torch.full_like(infrared, 0.2), torch.zeros_like(mask))[0, 0]
    assert sky[10, 150] > 0.99, "flat infrared inside glare: the sky stays bright"
    target = exposure_target(luma, infrared, mask)[0, 0]
    inside, beside = target[50, 120], target[50, 105]
    assert inside - beside > 0.3, "the warm object stands out from what surrounds it"
    assert target[50, 20] == pytest.approx(0.4, abs=0.01), "away from glare: the better source"


def test_the_exposure_target_shows_a_person_in_the_glare_without_an_edge_around_his_surroundings() -> None:
    luma, infrared = torch.ones(1, 1, 160, 400), torch.full((1, 1, 160, 400), 60 / 255)
    infrared[..., 60:100, 190:210] = 180 / 255
    target = 255 * exposure_target(luma, infrared, torch.zeros_like(luma))[0, 0]
    row = target[80]
    assert row[200] > 245, "the warm person stays bright"
    assert row[200] - row[180] > 80, "on surroundings that are dark close by"
    assert row[5] > 253, "far away the glare stays white"
    assert row[:180].diff().abs().max() < 2.0, "and nothing shows where the surroundings end"
    assert invented_edges(target[None, None] / 255, luma, infrared)[..., :150].max() < 1 / 255


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 2**31), share=st.floats(0, 1))
def test_no_copy_or_average_of_the_sources_invents_an_edge(seed: int, share: float) -> None:
    luma, infrared = noise(seed, 2, 1, 1, 40, 50)
    assert invented_edges(torch.lerp(luma, infrared, share), luma, infrared).max() == 0


def test_a_patch_that_is_in_neither_source_is_an_invention() -> None:
    luma, infrared = torch.full((2, 1, 1, 64, 64), 0.4)
    fused = luma.clone()
    fused[..., 20:40, 20:40] = 0.2
    assert invented_edges(fused, luma, infrared).max() > 4 / 255


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 2**31), height=st.integers(16, 70), width=st.integers(16, 70))
def test_the_exposure_target_stays_in_range_for_any_images(seed: int, height: int, width: int) -> None:
    luma, infrared, mask = noise(seed, 3, 1, 1, height, width)
    target = exposure_target(luma, infrared, (mask > 0.7).float())
    assert target.shape == luma.shape
    assert target.min() >= 0
    assert target.max() <= 1


def test_guidance_loss_falls_as_the_mask_is_found() -> None:
    mask, annotated = scene()[2], torch.ones(1, 1, 1, 1)
    right = torch.cat((-8 * (2 * mask - 1), 8 * (2 * mask - 1)), dim=1)
    losses = [guidance_loss(logits, mask, annotated) for logits in (right, torch.zeros_like(right), -right)]
    assert losses[0] < 0.01 < losses[1] < losses[2]


def test_the_overlap_term_asks_for_objects_that_entropy_alone_leaves_in_doubt() -> None:
    mask, annotated = scene()[2], torch.ones(1, 1, 1, 1)
    slopes = []
    for weight in (0.0, 1.0):
        logits = torch.cat((torch.zeros_like(mask), mask * 4 - 4), dim=1).requires_grad_()
        guidance_loss(logits, mask, annotated, weight).backward()
        assert logits.grad is not None
        slopes.append((logits.grad[:, 1:] * mask).sum().item())
    assert slopes[1] < 3 * slopes[0] < 0, "more of a pull towards the object"


def test_masks_of_a_rule_do_not_teach_the_guidance_head() -> None:
    mask = scene()[2].repeat(2, 1, 1, 1)
    wrong = torch.cat((8 * (2 * mask - 1), -8 * (2 * mask - 1)), dim=1)
    wrong[1] = -wrong[1]
    second_only = torch.tensor([0.0, 1.0]).view(2, 1, 1, 1)
    assert guidance_loss(wrong, mask, second_only) < 0.01
    assert guidance_loss(wrong, mask, second_only, overlap_weight=1.0) < 0.02
    assert guidance_loss(wrong, mask, torch.zeros(2, 1, 1, 1)) == 0


def test_each_pixel_counts_by_its_weight() -> None:
    mask = scene()[2]
    wrong_outside = torch.cat((torch.full_like(mask, -8.0), torch.full_like(mask, 8.0)), dim=1)
    losses = [guidance_loss(wrong_outside, mask, mask + outside * (1 - mask), 1.0) for outside in (0.0, 0.1, 1.0)]
    assert losses[0] < 0.01 < losses[1] < losses[2]


def test_the_diffusion_weight_is_clamped_as_time_goes_to_zero() -> None:
    target, fused = torch.zeros(1, 4, 2, 2), torch.ones(1, 4, 2, 2)
    almost_clean = diffusion_loss(target, fused, torch.tensor([0.9999]), torch.tensor([1e-4]), clamp=5.0)
    assert almost_clean.item() == pytest.approx(5.0)


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 2**31))
def test_every_gradient_is_finite_even_on_flat_and_saturated_images(seed: int) -> None:
    for base in (0.0, 1.0):
        fused = torch.full((1, 1, 48, 48), base).requires_grad_()
        luma = torch.ones(1, 1, 48, 48)
        infrared = noise(seed, 1, 1, 48, 48).round()
        mask = torch.ones_like(luma)
        target = pseudo_target(luma, infrared, mask, "exposure")
        fusion_loss(fusion_terms(fused, luma, infrared, mask, target, SHIPPED), SHIPPED).backward()
        assert fused.grad is not None
        assert torch.isfinite(fused.grad).all()


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 2**31), gain=st.floats(0.1, 100.0))
def test_a_change_of_the_feature_counts_by_what_its_channel_varies(seed: int, gain: float) -> None:
    reference, change = noise(seed, 2, 3, 8, 8), 0.1 * noise(seed + 1, 2, 3, 8, 8)
    changed = feature_loss(reference + change, reference)
    assert feature_loss(reference, reference).item() == 0
    assert feature_loss(gain * (reference + change), gain * reference).item() == pytest.approx(changed.item(), rel=1e-3)
    assert feature_loss(reference + 2 * change, reference).item() == pytest.approx(4 * changed.item(), rel=1e-3)
