"""Phantom is structure that neither source has."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from epofusion_core.evaluation.baselines import average, maximum
from epofusion_core.evaluation.phantom import phantom, phantom_map

Image = NDArray[np.uint8]


def random_pair(seed: int) -> tuple[Image, Image]:
    rng = np.random.default_rng(seed)
    visible, infrared = rng.integers(0, 256, (2, 40, 50), dtype=np.uint8)
    return visible, infrared


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), gain=st.floats(0, 1))
def test_what_adds_no_structure_has_none(seed: int, gain: float) -> None:
    visible, infrared = random_pair(seed)
    for copy in (visible, infrared, average(visible, infrared), (gain * visible).astype(np.uint8)):
        assert phantom(visible, infrared, copy).phantom == pytest.approx(0, abs=1e-4)


def test_a_dark_disc_that_neither_source_has_is_found_at_its_border() -> None:
    flat = np.full((60, 80), 120, np.uint8)
    y, x = np.mgrid[0:60, 0:80]
    distance = np.hypot(y - 30, x - 40)
    fused = np.where(distance < 15, 0, flat).astype(np.uint8)
    where = phantom_map(flat, flat, fused)
    assert where[np.abs(distance - 15) < 1].min() > 5
    assert where[np.abs(distance - 15) > 14].max() == 0
    figures = phantom(flat, flat, fused)
    assert 0 < figures.phantom < figures.phantom_worst


def test_a_gradient_counts_in_grey_levels_a_pixel_beyond_the_sources_and_one_more() -> None:
    flat = np.full((60, 80), 100, np.uint8)
    ramp = np.tile(np.arange(80, dtype=np.uint8) * 3, (60, 1))
    gentle = np.tile(np.arange(80, dtype=np.uint8), (60, 1))
    assert phantom_map(flat, flat, ramp)[30, 40] == pytest.approx(3 - 1, abs=1e-4)
    assert phantom_map(gentle, flat, ramp)[30, 40] == pytest.approx(3 - 1 - 1, abs=1e-4)


def test_a_hard_change_of_source_invents_a_border() -> None:
    visible, infrared = np.full((120, 160), 40, np.uint8), np.full((120, 160), 200, np.uint8)
    pasted = visible.copy()
    pasted[40:80, 60:100] = infrared[40:80, 60:100]
    assert phantom(visible, infrared, maximum(visible, infrared)).phantom == 0
    assert phantom(visible, infrared, pasted).phantom_worst > 5


def test_images_of_different_size_are_refused() -> None:
    image = np.zeros((50, 50), np.uint8)
    with pytest.raises(ValueError, match="fused has shape"):
        phantom(image, image, np.zeros((50, 51), np.uint8))
