"""Noise schedule and time grid of the diffusion process: inferred, after DDP, arXiv 2303.17559 (docs/paper.md)."""

import math
from dataclasses import dataclass

import torch
from torch import Tensor

_OFFSET = 2e-4
_SPAN = 1.00025
_SMALLEST_NOISE_RATIO = 1e-5


def log_snr(time: Tensor) -> Tensor:
    """Return the cosine schedule's log signal-to-noise ratio for times in [0, 1], 1 being pure noise; any shape."""
    angle = (time + _OFFSET) / _SPAN * (math.pi / 2)
    return -torch.log(torch.clamp(torch.cos(angle) ** -2 - 1.0, min=_SMALLEST_NOISE_RATIO))


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

    Computed without tensors, so that an exported graph holds the coefficients as constants.
    """
    times = [1.0 - index / count for index in range(count + 1)]
    levels = [_coefficients(time) for time in times]
    return [Step(times[i], *levels[i], *levels[i + 1]) for i in range(count)]


def _coefficients(time: float) -> tuple[float, float]:
    """Return `signal_and_noise` of one time."""
    angle = (time + _OFFSET) / _SPAN * (math.pi / 2)
    ratio = -math.log(max(math.cos(angle) ** -2 - 1.0, _SMALLEST_NOISE_RATIO))
    return math.sqrt(1.0 / (1.0 + math.exp(-ratio))), math.sqrt(1.0 / (1.0 + math.exp(ratio)))
