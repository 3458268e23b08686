"""DDIM sampling of Eq. 4: K steps from a fixed noise map to the fused image."""

from functools import lru_cache
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from epofusion_core.model.schedule import Step, sampling_steps

if TYPE_CHECKING:
    from epofusion_core.model.epofusion import Conditioning, EPOFusion

_NOISE_SEED = 0


@lru_cache(maxsize=8)
def fixed_noise(shape: tuple[int, int, int, int]) -> Tensor:
    """Return the noise map Z_T of a latent size: always the same one, so that video does not flicker."""
    generator = torch.Generator().manual_seed(_NOISE_SEED)
    return torch.randn(shape, generator=generator)


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
    fused = condition.luma
    for index, step in enumerate(sampling_steps(steps)):
        time = torch.full((batch,), step.time, dtype=noise.dtype, device=noise.device)
        fused = model.decode(condition, latent, time)
        if index + 1 < steps:
            latent = _next_latent(latent, model.embed(fused), step)
    return fused


def _next_latent(latent: Tensor, predicted: Tensor, step: Step) -> Tensor:
    """Estimate the noise from the prediction D(I_f) and move to the next time (Eq. 4)."""
    noise = (latent - step.signal * predicted) / step.noise
    return step.next_signal * predicted + step.next_noise * noise
