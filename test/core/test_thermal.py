"""Thermal scaling: full contrast, steady in time, and no harm from dead pixels."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from epofusion_core.thermal import ThermalScaler, ThermalScaling


def scaler(mode: str = "percentile", smoothing: float = 0.9, *, black_hot: bool = False) -> ThermalScaler:
    return ThermalScaler(ThermalScaling(mode, fixed_range=(1000.0, 2000.0), smoothing=smoothing, black_hot=black_hot))


def scene(seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(20_000, 21_000, (120, 160)).astype(np.uint16)


def test_a_narrow_range_of_counts_fills_the_grey_scale() -> None:
    for mode in ("percentile", "minmax"):
        scaled = scaler(mode)(scene())
        assert scaled.min() < 5
        assert scaled.max() > 250


def test_a_fixed_range_maps_its_ends_to_black_and_white() -> None:
    values = np.array([[0, 1000, 1500, 2000, 9000]], np.float32)
    assert scaler("fixed")(values).tolist() == [[0, 0, 128, 255, 255]]


def test_eight_bit_cameras_are_taken_as_they_are() -> None:
    image = np.arange(256, dtype=np.uint8).reshape(16, 16)
    assert np.array_equal(scaler()(image), image)
    assert np.array_equal(scaler(black_hot=True)(image), 255 - image)


@pytest.mark.parametrize("mode", ["percentile", "minmax"])
@pytest.mark.parametrize("smoothing", [0.0, 0.9])
def test_a_hot_object_that_enters_moves_the_background_by_two_grey_levels_a_frame(mode: str, smoothing: float) -> None:
    steady = scaler(mode, smoothing)
    before = steady(scene())
    entered = scene()
    entered[:, :40] = 40_000
    for _ in range(600):
        after = steady(entered)
        assert np.abs(after[:, 40:].astype(int) - before[:, 40:]).max() <= 2
        before = after
    assert steady.range is not None
    assert steady.range[1] > 39_000, "in twenty seconds the object has its place in the grey scale"


_VALUES = st.floats(-1e4, 1e6, width=32)


@given(st.lists(arrays.arrays(np.float32, (6, 7), elements=_VALUES), min_size=2, max_size=6), st.floats(0, 0.999))
def test_whatever_comes_a_value_moves_by_two_grey_levels_a_frame(frames: list[np.ndarray], smoothing: float) -> None:
    used = scaler("minmax", smoothing)
    for frame in frames:
        previous = used.range
        used(frame)
        if previous is None or used.range is None or previous[1] - previous[0] < 1:
            continue
        for value in previous:
            old, new = (255 * (value - low) / (high - low) for low, high in (previous, used.range))
            assert abs(old - new) < 2


def test_a_uniform_first_image_does_not_fix_the_scaling() -> None:
    used = scaler()
    used(np.full((40, 40), 300, np.uint16))
    assert np.ptp(used(scene())) > 250


@pytest.mark.parametrize(
    ("unit", "image"),
    [
        ("celsius", np.array([[27_315, 30_315, 33_315]], np.uint16)),  # centikelvin
        ("celsius", np.array([[0, 30, 60]], np.float32)),
        ("kelvin", np.array([[0, 30, 60]], np.float32)),
    ],
)
def test_a_fixed_range_may_be_in_degrees(unit: str, image: np.ndarray) -> None:
    scaled = ThermalScaler(ThermalScaling("fixed", fixed_range=(0.0, 60.0), unit=unit))(image)
    assert scaled.tolist() == [[0, 128, 255]]


def test_clahe_raises_local_contrast_and_is_off_by_default() -> None:
    faint = (100 + scene() % 8).astype(np.uint8)
    assert np.array_equal(scaler()(faint), faint)
    assert ThermalScaler(ThermalScaling(clahe=4.0))(faint).std() > 2 * faint.std()


def test_after_a_reset_the_past_has_no_effect() -> None:
    used = scaler()
    used(np.full((40, 40), 60_000, np.uint16))
    used.reset()
    assert np.array_equal(used(scene()), scaler()(scene()))


def test_another_encoding_in_mid_stream_begins_anew() -> None:
    """At two grey levels a frame, counts would look white for minutes in the range of kelvin."""
    used = scaler()
    used((scene() / 100).astype(np.float32))
    assert np.array_equal(used(scene()), scaler()(scene()))


@pytest.mark.parametrize("black_hot", [False, True])
def test_dead_pixels_look_cold_whatever_is_hot(black_hot: bool) -> None:
    values = np.linspace(290, 310, 120 * 160, dtype=np.float32).reshape(120, 160)
    values[:2] = np.nan
    values[2:4] = np.inf
    scaled = scaler("minmax", black_hot=black_hot)(values)
    assert scaled[:4].max() == 0
    assert np.ptp(scaled[4:]) == 255


@pytest.mark.parametrize("mode", ["percentile", "minmax", "fixed"])
@settings(max_examples=60, deadline=None)
@given(
    image=arrays.arrays(
        np.float32, (8, 9), elements=st.floats(width=32, allow_nan=True, allow_infinity=True, allow_subnormal=False)
    )
)
def test_dead_pixels_and_any_values_give_a_picture(mode: str, image: np.ndarray) -> None:
    with np.errstate(over="ignore", invalid="ignore"):
        scaled = scaler(mode)(image)
    assert scaled.shape == image.shape
    assert scaled.dtype == np.uint8


@pytest.mark.parametrize("mode", ["percentile", "minmax"])
def test_values_at_the_ends_of_the_float_range_stay_in_the_grey_scale(mode: str) -> None:
    """Interpolated in single precision, their percentiles would be NaN, and the image whatever NaN is cast to."""
    values = np.array([[-3.4e38, 3.4e38], [0.0, 3.4e38]], np.float32).repeat(4, axis=0).repeat(4, axis=1)
    used = scaler(mode, smoothing=0.0)
    with np.errstate(all="raise", under="ignore"):
        scaled = used(values)
    assert used.range is not None
    assert np.isfinite(used.range).all()
    assert scaled[0, 0] < scaled[-1, 0] < scaled[-1, -1]
