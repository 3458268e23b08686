"""Noise schedule and sampler: Eq. 3 and 4."""

from itertools import pairwise

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from epofusion_core.model.epofusion import next_latent
from epofusion_core.model.noise import fixed_noise
from epofusion_core.model.schedule import sampling_steps, signal_and_noise


@given(st.floats(0, 1))
def test_signal_and_noise_keep_the_variance(time: float) -> None:
    signal, noise = signal_and_noise(torch.tensor([time], dtype=torch.float64))
    assert (signal**2 + noise**2).item() == pytest.approx(1.0)


def test_time_one_is_noise_and_time_zero_is_signal() -> None:
    signal, noise = signal_and_noise(torch.tensor([0.0, 1.0], dtype=torch.float64))
    assert signal[0] > 0.999
    assert noise[0] < 0.02
    assert signal[1] < 0.01
    assert noise[1] > 0.999


@given(st.integers(1, 20))
def test_steps_go_evenly_from_noise_to_image(count: int) -> None:
    steps = sampling_steps(count)
    assert len(steps) == count
    assert [step.time for step in steps] == pytest.approx([1 - i / count for i in range(count)])
    for step, following in pairwise(steps):
        assert (step.next_signal, step.next_noise) == (following.signal, following.noise)
    assert steps[-1].next_signal > 0.999


@given(st.integers(1, 8))
def test_the_steps_of_sampling_have_the_coefficients_of_training(count: int) -> None:
    for step in sampling_steps(count):
        signal, noise = signal_and_noise(torch.tensor([step.time], dtype=torch.float64))
        assert (step.signal, step.noise) == pytest.approx((signal.item(), noise.item()))


def test_a_perfect_prediction_stays_on_the_forward_process() -> None:
    """Eq. 4 must land on Eq. 3's Z of the next time, with the same noise, when it is told the true image."""
    clean, noise = torch.randn(2, 8, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    for step in sampling_steps(3):
        latent = step.signal * clean + step.noise * noise
        moved = next_latent(latent, clean, step)
        torch.testing.assert_close(moved, step.next_signal * clean + step.next_noise * noise)


def test_the_noise_map_is_the_same_at_every_call_and_differs_by_size() -> None:
    fixed_noise.cache_clear()
    first = fixed_noise((1, 4, 8, 8))
    fixed_noise.cache_clear()
    assert np.array_equal(first, fixed_noise((1, 4, 8, 8)))
    assert 0.8 < first.std() < 1.2
