"""The differentiable measures of what is kept: they agree with the evaluation's, and pull images the right way."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor

from epofusion_core.evaluation import metrics
from epofusion_core.imaging import luma as luma_of
from epofusion_core.simulation import Drive
from epofusion_core.training.preservation import edge_preservation, information_fidelity, structural_similarity


@pytest.fixture(scope="module")
def images() -> list[np.ndarray]:
    """Visible and thermal image of a simulated night road, and two fusions, a good one and a grey veil."""
    frame = Drive(0, 240, 320).frame(60)
    visible, thermal = luma_of(frame.visible), frame.thermal
    return [visible, thermal, np.maximum(visible, thermal), (visible // 2 + thermal // 2).astype(np.uint8)]


def tensor(image: np.ndarray) -> Tensor:
    return torch.from_numpy(image).float()[None, None] / 255


def test_the_measures_agree_with_those_of_the_evaluation(images: list[np.ndarray]) -> None:
    visible, thermal, *fusions = images
    for fused in fusions:
        exact = metrics.fusion_metrics(visible, thermal, fused)
        sources = tensor(fused), tensor(visible), tensor(thermal)
        assert information_fidelity(*sources).item() == pytest.approx(exact.vif, abs=0.03)
        assert structural_similarity(*sources).mean().item() == pytest.approx(exact.ssim, abs=0.05)
        # An edge of the other sign counts as lost here, and kept there.
        assert exact.qabf - 0.12 < edge_preservation(*sources).item() < exact.qabf + 0.03


@pytest.mark.parametrize("measure", [edge_preservation, information_fidelity, structural_similarity])
def test_following_a_measure_brings_back_what_a_veil_has_lost(
    measure: Callable[[Tensor, Tensor, Tensor], Tensor], images: list[np.ndarray]
) -> None:
    visible, thermal, _, veil = (tensor(image) for image in images)
    fused = veil.clone().requires_grad_()
    before = measure(fused, visible, thermal).mean()
    (slope,) = torch.autograd.grad(before, fused)
    assert torch.isfinite(slope).all()
    improved = fused + 0.5 / 255 * slope.sign()
    assert measure(improved, visible, thermal).mean() > before


def test_an_image_keeps_all_of_itself(images: list[np.ndarray]) -> None:
    image = tensor(images[0])
    assert edge_preservation(image, image, image).item() > 0.9
    assert information_fidelity(image, image, image).item() == pytest.approx(2.0, abs=0.02)
    assert structural_similarity(image, image, image).mean().item() == pytest.approx(1.0, abs=1e-3)
