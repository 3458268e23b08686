"""DDIM sampling of Eq. 4: K steps from a fixed noise map to the fused image."""

from typing import TYPE_CHECKING

import torch
from torch import Tensor

from epofusion_core.model.schedule import Step, sampling_steps

if TYPE_CHECKING:
    from epofusion_core.model.epofusion import Conditioning, EPOFusion


def sample(model: "EPOFusion", condition: "Conditioning", noise: Tensor, steps: int) -> Tensor:
    """Run Eq. 4 and return I_f, (B, 1, H, W) in [0, 1].

    Args:
        model: the network.
        condition: what the steps share.
        noise: Z_T, (1 or B, latent_channels, h, w).
        steps: K, at least 1.
    """
    batch = condition.luma.shape[0]
    latent = noise.expand(batch, -1, -1, -1)
    *earlier, last = sampling_steps(steps)
    for step in earlier:
        refined = model.refine(condition, latent, _times(step, latent))
        predicted = model.latent_head(refined) if model.latent_head else model.embed(model.render(condition, refined))
        latent = next_latent(latent, predicted, step)
    return model.render(condition, model.refine(condition, latent, _times(last, latent)))


def next_latent(latent: Tensor, predicted: Tensor, step: Step) -> Tensor:
    """Estimate the noise in Z_t from the predicted Z_0 and move to the next time (Eq. 4); all (B, C, h, w)."""
    noise = (latent - step.signal * predicted) / step.noise
    return step.next_signal * predicted + step.next_noise * noise


def _times(step: Step, latent: Tensor) -> Tensor:
    return torch.full((latent.shape[0],), step.time, dtype=torch.float32, device=latent.device)
