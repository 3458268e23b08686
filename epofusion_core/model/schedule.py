"""Noise schedule and time grid of the diffusion process (RECONSTRUCTION "Noise schedule and time", after DDP)."""

import math
from dataclasses import dataclass

import torch
from torch import Tensor

_OFFSET = 2e-4
_SPAN = 1.00025


def log_snr(time: Tensor) -> Tensor:
    """Return the cosine schedule's log signal-to-noise ratio for times in [0, 1], 1 being pure noise; any shape."""
    angle = (time + _OFFSET) / _SPAN * (math.pi / 2)
    return -torch.log(torch.clamp(torch.cos(angle) ** -2 - 1.0, min=1e-5))


def signal_and_noise(time: Tensor) -> tuple[Tensor, Tensor]:
    """Return a_t = sqrt(alpha_bar_t) and s_t = sqrt(1 - alpha_bar_t) of Eq. 3, shaped as `time`."""
    ratio = log_snr(time)
    return torch.sigmoid(ratio).sqrt(), torch.sigmoid(-ratio).sqrt()


@dataclass(frozen=True)
class Step:
    """One DDIM step: times in [0, 1] and the coefficients of Eq. 4 at both ends."""

    time: float
    signal: float
    noise: float
    next_signal: float
    next_noise: float


def sampling_steps(count: int) -> list[Step]:
    """Return `count` evenly spaced DDIM steps from pure noise (time 1) towards the image (time 0).

    Coefficients are Python floats, so that an exported graph holds them as constants.
    """
    times = torch.linspace(1.0, 0.0, count + 1, dtype=torch.float64)
    signal, noise = signal_and_noise(times)
    return [
        Step(*(float(v) for v in (times[i], signal[i], noise[i], signal[i + 1], noise[i + 1]))) for i in range(count)
    ]
