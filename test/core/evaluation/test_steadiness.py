"""A steady video moves as its sources do, and does not change the source that it shows."""

import math
from itertools import repeat

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from epofusion_core.evaluation.baselines import average
from epofusion_core.evaluation.steadiness import VideoFrame, steadiness

Image = NDArray[np.uint8]


def panning_scene(frames: int, shift_px: int) -> list[Image]:
    """Return views of a smooth random texture that moves to the left."""
    y, x = np.mgrid[0:60, 0 : 80 + frames * shift_px]
    texture = (120 + 50 * np.sin(x / 5) * np.cos(y / 7) + 40 * np.sin((x + 2 * y) / 11)).astype(np.uint8)
    return [texture[:, i * shift_px : i * shift_px + 80] for i in range(frames)]


def test_a_still_video_is_perfectly_steady() -> None:
    image = panning_scene(1, 0)[0]
    figures = steadiness(repeat(VideoFrame(image, image, image), 4))
    assert (figures.biswe, figures.ms2r, figures.flicker, figures.blots) == (0, 0, 0, 0)


def test_motion_alone_is_no_flicker() -> None:
    scene = panning_scene(5, 2)
    flat = np.full((60, 80), 90, np.uint8)
    moved = steadiness(VideoFrame(view, flat, view) for view in scene)
    shifting = steadiness(VideoFrame(view, flat, view + np.uint8(8 * (i % 2))) for i, view in enumerate(scene))
    assert moved.flicker < 2
    assert shifting.flicker == pytest.approx(moved.flicker + 8, abs=1.5)


def test_brightness_that_alternates_is_a_self_warping_error_in_both_directions() -> None:
    scene = panning_scene(5, 2)
    moved = steadiness(VideoFrame(view, view, view) for view in scene)
    shifting = steadiness(VideoFrame(view, view, view + np.uint8(8 * (i % 2))) for i, view in enumerate(scene))
    assert moved.biswe < 3
    assert shifting.biswe == pytest.approx(moved.biswe + 2 * 8, abs=4)


def test_a_fused_image_that_shakes_where_its_sources_move_evenly_has_motion_of_its_own() -> None:
    scene = panning_scene(9, 1)
    shaken = [scene[i + (i % 2) * 2] for i in range(6)]
    steady = steadiness(VideoFrame(view, view, view) for view in scene[:6])
    shaking = steadiness(VideoFrame(view, view, fused) for view, fused in zip(scene[:6], shaken, strict=True))
    assert steady.ms2r == pytest.approx(0, abs=0.01)
    assert shaking.ms2r > 1


@pytest.mark.parametrize(
    ("side_px", "infrared_in_frames", "blots"),
    [
        pytest.param(30, [3], 1, id="a patch in one frame"),
        pytest.param(30, [2, 4], 3, id="a patch that comes, goes and comes: each of the three frames differs"),
        pytest.param(30, [3, 4, 5, 6], 0, id="a patch that comes and stays"),
        pytest.param(4, [3], 0, id="a patch too small to be seen as one"),
    ],
)
def test_a_blot_is_a_patch_that_shows_the_other_source_for_one_frame(
    side_px: int, infrared_in_frames: list[int], blots: int
) -> None:
    road, cold_road = np.full((60, 80), 140, np.uint8), np.full((60, 80), 60, np.uint8)
    road += panning_scene(1, 0)[0] // 16  # a little texture, as a road has
    frames = []
    for number in range(7):
        fused = road.copy()
        if number in infrared_in_frames:
            fused[20 : 20 + side_px, 30 : 30 + side_px] = cold_road[20 : 20 + side_px, 30 : 30 + side_px]
        frames.append(VideoFrame(road, cold_road, fused))
    assert steadiness(frames).blots == blots


def test_a_moving_object_that_is_always_taken_from_the_infrared_makes_no_blot() -> None:
    frames = []
    for view in (np.asarray(view, np.uint8) for view in panning_scene(6, 2)):
        warm = np.where(view > 150, 250, 20).astype(np.uint8)
        frames.append(VideoFrame(view // 2, warm, np.maximum(view // 2, warm)))
    assert steadiness(frames).blots == 0


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 2**32 - 1))
def test_the_average_never_flickers_more_than_its_sources(seed: int) -> None:
    frames = np.random.default_rng(seed).integers(0, 256, (3, 2, 32, 40), dtype=np.uint8)
    averaged = (VideoFrame(visible, infrared, average(visible, infrared)) for visible, infrared in frames)
    assert steadiness(averaged).flicker < 0.6


def test_too_few_frames_have_no_steadiness_to_measure() -> None:
    frame = VideoFrame(*repeat(np.zeros((30, 30), np.uint8), 3))
    assert math.isnan(steadiness([frame]).flicker)
    two = steadiness([frame, frame])
    assert two.flicker == 0
    assert all(math.isnan(figure) for figure in (two.biswe, two.ms2r, two.blots))


def test_frames_of_different_size_are_refused() -> None:
    image = np.zeros((30, 30), np.uint8)
    with pytest.raises(ValueError, match="fused has shape"):
        steadiness(repeat(VideoFrame(image, image, np.zeros((30, 31), np.uint8)), 2))
