"""Q_oe, C_oe, N_oe, dY and the mask's figures say what happens in and around a glare."""

import math

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from epofusion_core.evaluation.baselines import RULES, average, glare_maximum, maximum
from epofusion_core.evaluation.exposure_metrics import (
    exposure_metrics,
    local_std,
    mask_metrics,
    mean_where_applicable,
)

Image = NDArray[np.uint8]


def glare_scene() -> tuple[Image, Image]:
    """Return a dark visible road with a blown-out disc, and a warm infrared car inside that disc."""
    visible = np.full((120, 160), 40, np.uint8)
    cv2.circle(visible, (80, 60), 58, 255, -1)
    infrared = np.full((120, 160), 70, np.uint8)
    cv2.rectangle(infrared, (70, 60), (95, 80), 200, -1)
    return visible, infrared


def test_the_visible_image_as_result_has_no_noise_and_no_change_but_loses_the_car() -> None:
    visible, infrared = glare_scene()
    figures = exposure_metrics(visible, infrared, visible)
    assert figures.n_oe == 0
    assert figures.dy == 0
    assert figures.q_oe < 0.01
    assert figures.c_oe == 0


def test_the_infrared_image_as_result_keeps_the_car_and_darkens_the_sky() -> None:
    visible, infrared = glare_scene()
    figures = exposure_metrics(visible, infrared, infrared)
    assert figures.c_oe == pytest.approx(1)
    assert figures.q_oe > 0.97
    assert figures.n_oe == pytest.approx(255 - 70)
    assert figures.dy == pytest.approx(70 - 40)


def test_noise_counts_only_where_the_infrared_is_flat() -> None:
    visible, infrared = glare_scene()
    infrared[10:20, 70:90] += np.indices((10, 20)).sum(axis=0).astype(np.uint8) % 2 * 10  # texture, and no edge
    flat = local_std(infrared, 7) < 3
    only_in_texture = visible.copy()
    only_in_texture[~flat] = 0
    assert exposure_metrics(visible, infrared, only_in_texture).n_oe == 0
    assert exposure_metrics(visible, infrared, infrared).n_oe > 0


@pytest.mark.parametrize(("distance_px", "counts"), [(0, False), (12, False), (24, True)])
def test_what_changes_near_an_object_is_no_noise(distance_px: int, counts: bool) -> None:
    visible, infrared = glare_scene()
    ring = visible.copy()
    cv2.rectangle(ring, (70 - distance_px, 60 - distance_px), (95 + distance_px, 80 + distance_px), 0, 2)
    assert (exposure_metrics(visible, infrared, ring).n_oe > 0) is counts


def test_change_within_seven_pixels_of_glare_is_not_held_against_naturalness() -> None:
    visible, infrared = glare_scene()
    near = cv2.dilate(visible, np.ones((15, 15), np.uint8)) == 255
    fused = np.where(near, 0, visible).astype(np.uint8)
    assert exposure_metrics(visible, infrared, fused).dy == 0
    assert exposure_metrics(visible, infrared, np.where(near, visible, 90).astype(np.uint8)).dy == 50


@pytest.mark.parametrize(("amplitude", "flat"), [(2, True), (4, False)])
def test_infrared_that_varies_by_less_than_three_grey_levels_is_flat(amplitude: int, flat: bool) -> None:
    chequered = (100 + amplitude * (2 * (np.indices((60, 60)).sum(axis=0) % 2) - 1)).astype(np.uint8)
    white = np.full((60, 60), 255, np.uint8)
    assert math.isnan(exposure_metrics(white, chequered, white).n_oe) is not flat


@pytest.mark.parametrize(("level", "glare"), [(229, False), (230, True)])
def test_glare_that_naturalness_leaves_out_begins_at_luma_230(level: int, glare: bool) -> None:
    visible, infrared = np.full((60, 60), level, np.uint8), np.zeros((60, 60), np.uint8)
    assert math.isnan(exposure_metrics(visible, infrared, infrared).dy) is glare


@pytest.mark.parametrize(("bright_pixels", "applies"), [(19, False), (20, True)])
def test_glare_counts_from_two_thousandths_of_the_image(bright_pixels: int, applies: bool) -> None:
    visible = np.full((100, 100), 10, np.uint8)
    visible.flat[:bright_pixels] = 245
    infrared = np.random.default_rng(0).integers(0, 255, (100, 100), dtype=np.uint8)
    assert math.isnan(exposure_metrics(visible, infrared, infrared).q_oe) is not applies


def test_measures_without_anything_to_measure_do_not_apply() -> None:
    white, black = np.full((60, 60), 255, np.uint8), np.zeros((60, 60), np.uint8)
    figures = exposure_metrics(white, black, white)
    assert math.isnan(figures.q_oe)
    assert math.isnan(figures.c_oe)
    assert math.isnan(figures.dy)
    assert figures.n_oe == 0


def test_averages_ignore_what_does_not_apply() -> None:
    assert mean_where_applicable([1.0, math.nan, 3.0]) == 2.0
    assert math.isnan(mean_where_applicable([math.nan]))


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 2**32 - 1))
def test_figures_stay_in_their_ranges_for_any_image(seed: int) -> None:
    rng = np.random.default_rng(seed)
    visible, infrared, fused = (rng.integers(0, 256, (40, 50), dtype=np.uint8) for _ in range(3))
    visible[:20] |= 0xF8
    infrared[:10] = 100
    figures = exposure_metrics(visible, infrared, fused)
    assert 0 <= figures.q_oe <= 1
    assert -1 <= figures.c_oe <= 1
    assert math.isnan(figures.n_oe) or 0 <= figures.n_oe <= 255


def test_local_deviation_is_that_of_the_window() -> None:
    image = np.random.default_rng(1).integers(0, 256, (20, 30), dtype=np.uint8)
    assert local_std(image, 7)[10, 12] == pytest.approx(image[7:14, 9:16].std())


def test_mask_figures_count_pixels() -> None:
    true, predicted = np.zeros((10, 10), bool), np.zeros((10, 10), bool)
    true[:4], predicted[2:8] = True, True
    figures = mask_metrics(predicted, true)
    assert (figures.iou, figures.precision, figures.recall) == (20 / 80, 20 / 60, 20 / 40)


def test_an_empty_mask_leaves_what_it_cannot_answer_open() -> None:
    empty, full = np.zeros((4, 4), bool), np.ones((4, 4), bool)
    assert math.isnan(mask_metrics(empty, empty).iou)
    missed = mask_metrics(empty, full)
    assert (missed.iou, missed.recall) == (0, 0)
    assert math.isnan(missed.precision)
    with pytest.raises(ValueError, match="expected equal sizes"):
        mask_metrics(empty, np.ones((4, 5), bool))


def test_rules_fuse_as_their_formula_says() -> None:
    visible, infrared = np.full((40, 40), 255, np.uint8), np.full((40, 40), 100, np.uint8)
    assert (maximum(visible, infrared) == 255).all()
    assert (average(visible, infrared) == 177).all()
    assert (glare_maximum(visible, infrared) == 116).all()  # 0.1 * 255 + 0.9 * 100 = 115.5
    dark = np.full((40, 40), 90, np.uint8)
    assert (glare_maximum(dark, infrared) == 100).all()


@pytest.mark.parametrize("rule", RULES)
def test_every_rule_gives_an_eight_bit_image_of_the_same_size(rule: str) -> None:
    fused = RULES[rule](*glare_scene())
    assert fused.dtype == np.uint8
    assert fused.shape == (120, 160)
