"""Flicker measures change in time that the sources do not have."""

import math
from itertools import repeat

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from epofusion_core.evaluation.baselines import average
from epofusion_core.evaluation.flicker import flicker

Image = NDArray[np.uint8]


def panning_scene(frames: int, shift_px: int) -> list[Image]:
    """Return views of a smooth random texture that moves to the left."""
    y, x = np.mgrid[0:60, 0 : 80 + frames * shift_px]
    texture = (120 + 50 * np.sin(x / 5) * np.cos(y / 7) + 40 * np.sin((x + 2 * y) / 11)).astype(np.uint8)
    return [texture[:, i * shift_px : i * shift_px + 80] for i in range(frames)]


def test_a_still_video_does_not_flicker() -> None:
    image = panning_scene(1, 0)[0]
    assert flicker(repeat((image, image, image), 4)) == 0


def test_motion_alone_is_no_flicker() -> None:
    scene = panning_scene(5, 2)
    flat = np.full((60, 80), 90, np.uint8)
    moved = flicker((view, flat, view) for view in scene)
    shifting_brightness = flicker((view, flat, view + np.uint8(8 * (i % 2))) for i, view in enumerate(scene))
    assert moved < 2
    assert shifting_brightness == pytest.approx(moved + 8, abs=1.5)


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 2**32 - 1))
def test_the_average_never_changes_more_than_its_sources(seed: int) -> None:
    frames = np.random.default_rng(seed).integers(0, 256, (3, 2, 32, 40), dtype=np.uint8)
    assert flicker((visible, infrared, average(visible, infrared)) for visible, infrared in frames) < 0.6


def test_one_frame_has_no_flicker_to_measure() -> None:
    image = np.zeros((30, 30), np.uint8)
    assert math.isnan(flicker([(image, image, image)]))


def test_frames_of_different_size_are_refused() -> None:
    image = np.zeros((30, 30), np.uint8)
    with pytest.raises(ValueError, match="fused has shape"):
        flicker([(image, image, np.zeros((30, 31), np.uint8))])
