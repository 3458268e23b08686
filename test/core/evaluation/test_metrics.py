"""EN, MI, VIF, Qabf and SSIM agree with the paper's own metric code, image by image."""

import json
from dataclasses import astuple
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from epofusion_core.evaluation.analysed import Analysed
from epofusion_core.evaluation.baselines import average, maximum
from epofusion_core.evaluation.measures import measures
from epofusion_core.evaluation.metrics import fusion_metrics
from epofusion_core.imaging import read_grey

EXPECTED = json.loads((Path(__file__).parent / "expected_metrics.json").read_text())
FUSIONS = {"maximum": maximum, "average": average, "equal_to_ir": lambda visible, infrared: infrared}
TOLERANCE = 1e-3


def sources(seed: int, height: int, width: int) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Return the visible and infrared arrays that the synthetic figures were computed from."""
    y, x = np.mgrid[0:height, 0:width]
    noise = np.random.default_rng(seed).integers(0, 20, (height, width))
    infrared = (127 + 80 * np.sin(x / 7 + seed) + 40 * np.cos(y / 11)).clip(0, 255) + noise
    visible = (90 + 60 * np.cos(x / 13) + 70 * np.sin((x + y) / 9)).clip(0, 255) + noise[::-1]
    return visible.clip(0, 255).astype(np.uint8), infrared.clip(0, 255).astype(np.uint8)


def assert_agrees(figures: tuple[float, ...], expected: list[float]) -> None:
    for column, figure, value in zip(EXPECTED["columns"], figures, expected, strict=True):
        assert figure == pytest.approx(value, abs=TOLERANCE), column


@pytest.mark.parametrize("key", EXPECTED["synthetic"])
def test_synthetic_images_give_the_figures_of_the_papers_code(key: str) -> None:
    visible, infrared = sources(*map(int, key.split(",")))
    for fusion, expected in EXPECTED["synthetic"][key].items():
        fused = FUSIONS[fusion](visible, infrared)
        assert_agrees(astuple(fusion_metrics(visible, infrared, fused)), expected)


@pytest.mark.parametrize("name", EXPECTED["pairs"])
def test_real_pairs_give_the_figures_of_the_papers_code(name: str, real_data: Path) -> None:
    dataset, stem = name.split("/")
    visible, infrared = (read_grey(next((real_data / dataset / folder).glob(f"{stem}.*"))) for folder in ("vi", "ir"))
    for fusion, expected in EXPECTED["pairs"][name].items():
        fused = FUSIONS[fusion](visible, infrared)
        assert_agrees(astuple(fusion_metrics(visible, infrared, fused)), expected)


def test_a_fused_image_equal_to_both_sources_loses_nothing() -> None:
    image, _ = sources(3, 60, 80)
    figures = fusion_metrics(image, image, image)
    assert figures.mi == pytest.approx(2 * figures.en, abs=1e-4)
    assert figures.vif == pytest.approx(2.0, abs=1e-6)
    assert figures.ssim == pytest.approx(1.0, abs=1e-9)
    assert figures.qabf > 0.97


def test_images_without_any_structure_give_finite_figures() -> None:
    black, white = np.zeros((48, 48), np.uint8), np.full((48, 48), 255, np.uint8)
    assert np.isfinite(astuple(fusion_metrics(white, black, white))).all()


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), height=st.integers(41, 64), width=st.integers(41, 64))
def test_figures_stay_in_their_ranges_for_any_image(seed: int, height: int, width: int) -> None:
    rng = np.random.default_rng(seed)
    visible, infrared, fused = (
        rng.integers(0, rng.integers(1, 257), (height, width), dtype=np.uint8) for _ in range(3)
    )
    figures = fusion_metrics(visible, infrared, fused)
    swapped = fusion_metrics(infrared, visible, fused)
    assert -1e-3 <= figures.en <= 8
    assert -1e-9 <= figures.mi <= 16
    assert figures.vif >= 0
    assert 0 <= figures.qabf <= 1
    assert -1 <= figures.ssim <= 1
    assert astuple(figures) == pytest.approx(astuple(swapped))


@pytest.mark.parametrize(
    ("infrared", "complaint"),
    [
        (np.zeros((50, 51), np.uint8), r"infrared has shape \(50, 51\).*expected equal sizes"),
        (
            np.zeros((50, 50), np.float32),
            r"infrared has .* type float32; expected a grey \(H, W\) uint8 image",
        ),
        (np.zeros((50, 50, 3), np.uint8), r"infrared has shape \(50, 50, 3\)"),
    ],
)
def test_a_wrong_image_is_named_with_what_was_expected(infrared: NDArray[np.generic], complaint: str) -> None:
    grey = np.zeros((50, 50), np.uint8)
    with pytest.raises(ValueError, match=complaint):
        fusion_metrics(grey, infrared, grey)  # type: ignore[arg-type]


def test_an_image_too_small_for_vif_is_refused() -> None:
    tiny = np.zeros((40, 100), np.uint8)
    with pytest.raises(ValueError, match="expected at least 41 a side"):
        fusion_metrics(tiny, tiny, tiny)


def placed(image: NDArray[np.uint8], offset: int) -> NDArray[np.uint8]:
    """Return the image at an address of another remainder."""
    buffer = np.empty(image.size + offset, np.uint8)
    copy = buffer[offset:].reshape(image.shape)
    copy[...] = image
    return copy


@settings(max_examples=40, deadline=None)
@given(height=st.integers(41, 140), width=st.integers(41, 140), offset=st.integers(0, 70), threads=st.integers(1, 4))
def test_figures_are_the_same_to_the_last_bit_for_any_place_in_memory_and_number_of_threads(
    height: int, width: int, offset: int, threads: int
) -> None:
    images = [*sources(1, height, width), sources(2, height, width)[0]]
    expected = measures(*images)
    usual = cv2.getNumThreads()
    cv2.setNumThreads(threads)
    try:
        np.testing.assert_equal(measures(*(placed(image, offset) for image in images)), expected)
    finally:
        cv2.setNumThreads(usual)


def test_sources_that_are_analysed_once_give_the_same_figures_for_every_method() -> None:
    visible, infrared = sources(4, 90, 120)
    visible[20:40, 20:60] = 250
    shared = Analysed(visible), Analysed(infrared)
    for fuse in (maximum, average, maximum):
        fused = fuse(visible, infrared)
        np.testing.assert_equal(measures(*shared, fused), measures(visible, infrared, fused))
