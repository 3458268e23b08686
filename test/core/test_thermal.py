"""Thermal scaling: full contrast, steady in time, and no harm from dead pixels."""

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from epofusion_core.thermal import ThermalScaler, ThermalScaling, is_coloured


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


def a_person(background: float, person: float, shape: tuple[int, int] = (120, 160)) -> np.ndarray:
    """Return a uniform image with someone warm in the middle, as float64."""
    values = np.full(shape, background)
    values[shape[0] // 3 : 2 * shape[0] // 3, shape[1] // 3 : 2 * shape[1] // 3] = person
    return values


@pytest.mark.parametrize("shape", [(120, 160), (24, 32), (60, 80)])
@pytest.mark.parametrize(
    ("background", "person", "kind", "dead"),
    [
        *((29_500, 31_500, np.uint16, dead) for dead in (0, 65_535)),
        *((22, 42, np.float32, dead) for dead in (-273.15, 1e6, np.nan, np.inf, -np.inf)),
        *((low, 1.5 * low, np.float32, dead) for low in (0.4, 1e-9) for dead in (0, 1, np.nan)),
    ],
)
def test_a_dead_pixel_does_not_decide_the_scale(
    background: float, person: float, kind: type[np.number], dead: float, shape: tuple[int, int]
) -> None:
    values = a_person(background, person, shape).astype(kind)
    values[3, 3] = dead
    scaled = scaler()(values)
    assert int(scaled[shape[0] // 2, shape[1] // 2]) - int(scaled[-1, -1]) > 200


def rectified(image: np.ndarray, distortion: float, *, whole: bool) -> np.ndarray:
    """Return an image as image_proc rectifies it; `whole` keeps every pixel, as camera_calibration offers."""
    height, width = image.shape
    camera = np.array([[300, 0, width / 2], [0, 300, height / 2], [0, 0, 1.0]])
    lens = np.array([distortion, 0.1, 0, 0, 0])
    new = cv2.getOptimalNewCameraMatrix(camera, lens, (width, height), 1)[0] if whole else camera
    return np.asarray(cv2.undistort(image, camera, lens, newCameraMatrix=new))


@pytest.mark.parametrize("black_hot", [False, True])
@pytest.mark.parametrize("mode", ["percentile", "minmax"])
@pytest.mark.parametrize("kind", [np.uint16, np.float32])
@pytest.mark.parametrize("lens", ["pincushion", "barrel", "warped"])
def test_the_empty_border_of_a_rectified_image_is_no_measurement(
    lens: str, kind: type[np.number], mode: str, black_hot: bool
) -> None:
    warm = a_person(7300, 7900, (256, 320)).astype(kind)
    if lens == "warped":
        tilt = np.array([[0.9, -0.1, 40], [0.1, 0.9, 0], [0, 0, 1.0]])
        image = cv2.warpPerspective(warm, tilt, (320, 256))
    else:
        image = rectified(warm, 0.25 if lens == "pincushion" else -0.3, whole=lens == "barrel")
    empty = image == 0
    assert empty.mean() > 0.01
    scaled = scaler(mode, black_hot=black_hot)(image).astype(int)  # type: ignore[arg-type]
    sign = -1 if black_hot else 1
    assert sign * (scaled[128, 160] - scaled[60, 160]) > 200
    assert scaled[empty].max() < 10 if not black_hot else scaled[empty].max() == 0


def test_an_image_of_zeros_and_one_value_keeps_its_contrast() -> None:
    image = a_person(0, 1000).astype(np.uint16)
    assert set(np.unique(scaler()(image))) == {0, 255}


def test_a_few_zeros_of_a_measurement_at_the_edge_are_measured() -> None:
    """Zero degrees at an edge are no empty border: they stay warmer than frost."""
    degrees = np.linspace(-5, 5, 120 * 160, dtype=np.float32).reshape(120, 160).round(1)
    degrees[:, 0] = -5
    degrees[0, :20] = 0
    scaled = scaler()(degrees)
    assert scaled[0, 5] > 100


GREY = np.tile(np.arange(0, 256, dtype=np.uint8), (64, 1))


@pytest.mark.parametrize("palette", [cv2.COLORMAP_JET, cv2.COLORMAP_HOT, cv2.COLORMAP_INFERNO, cv2.COLORMAP_RAINBOW])
def test_a_palette_is_noticed(palette: int) -> None:
    assert is_coloured(np.asarray(cv2.applyColorMap(GREY, palette)))


def test_grey_sent_as_colour_is_grey_even_with_a_coloured_mark_on_it() -> None:
    noise = np.random.default_rng(0).integers(-8, 9, (64, 256, 3))
    grey = np.clip(np.dstack([GREY] * 3) + noise, 0, 255).astype(np.uint8)
    grey[2:10, 2:40] = (255, 0, 0)
    assert not is_coloured(grey)


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
    values = np.array([[-3.4e38, 3.4e38], [1.0, 3.4e38]], np.float32).repeat(4, axis=0).repeat(4, axis=1)
    used = scaler(mode, smoothing=0.0)
    with np.errstate(all="raise", under="ignore"):
        scaled = used(values)
    assert used.range is not None
    assert np.isfinite(used.range).all()
    assert scaled[0, 0] < scaled[-1, 0] < scaled[-1, -1]


def test_a_signalling_nan_is_no_measurement_and_raises_no_warning() -> None:
    values = np.full((4, 5), 300.0, np.float32)
    values[0, 0] = np.array(0x7F800001, np.uint32).view(np.float32)
    values[2, 2] = 310.0
    with np.errstate(invalid="raise"):
        assert ThermalScaler(ThermalScaling())(values)[0, 0] == 0
