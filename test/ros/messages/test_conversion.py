"""Conversion of real sensor_msgs images: every encoding of cameras, any padding, and no message that does harm."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sensor_msgs.msg import Image
from std_msgs.msg import Header

from epofusion_ros.messages.conversion import (
    ConversionError,
    has_distribution_cv_bridge,
    pixels,
    to_message,
    to_rgb,
    to_thermal,
)
from epofusion_ros.messages.encodings import COLOUR_ROWS, LAYOUTS, TO_RGB

SCENE = np.random.default_rng(0).integers(0, 256, (6, 8, 3), dtype=np.uint8)
GREY = SCENE[..., 0].copy()


def message(array: np.ndarray, encoding: str, *, padding: int = 0, big_endian: bool = False) -> Image:
    array = np.ascontiguousarray(array)
    if big_endian:
        array = array.byteswap()
    rows = array.reshape(array.shape[0], -1).view(np.uint8)
    rows = np.pad(rows, ((0, 0), (0, padding)), constant_values=77)
    image = Image(height=array.shape[0], width=array.shape[1], encoding=encoding, step=rows.shape[1])
    image.is_bigendian = int(big_endian)
    image.data.frombytes(np.ascontiguousarray(rows).data.cast("B"))
    return image


@pytest.mark.parametrize("padding", [0, 5])
@pytest.mark.parametrize(
    ("encoding", "sent", "expected"),
    [
        ("rgb8", SCENE, SCENE),
        ("bgr8", SCENE[..., ::-1], SCENE),
        ("8UC3", SCENE[..., ::-1], SCENE),
        ("rgba8", np.dstack([SCENE, GREY]), SCENE),
        ("bgra8", np.dstack([SCENE[..., ::-1], GREY]), SCENE),
        ("mono8", GREY, np.dstack([GREY] * 3)),
        ("mono16", GREY.astype(np.uint16) * 256 + 3, np.dstack([GREY] * 3)),
        ("16UC1", GREY.astype(np.uint16) * 256 + 3, np.dstack([GREY] * 3)),
        ("rgb16", SCENE.astype(np.uint16) * 256 + 9, SCENE),
        ("bgr16", SCENE[..., ::-1].astype(np.uint16) * 256 + 9, SCENE),
        ("rgba16", np.dstack([SCENE, GREY]).astype(np.uint16) * 256 + 9, SCENE),
        ("bgra16", np.dstack([SCENE[..., ::-1], GREY]).astype(np.uint16) * 256 + 9, SCENE),
        ("16SC1", GREY.astype(np.int16) * 128 + 3, np.dstack([GREY] * 3)),
        ("16SC1", -1 - GREY.astype(np.int16), np.zeros_like(SCENE)),
    ],
)
def test_rgb_comes_out_as_it_was_sent(encoding: str, sent: np.ndarray, expected: np.ndarray, padding: int) -> None:
    assert np.array_equal(to_rgb(message(sent, encoding, padding=padding)), expected)


@pytest.mark.parametrize("bits", [8, 16])
@pytest.mark.parametrize("pattern", ["rggb", "bggr", "gbrg", "grbg"])
def test_bayer_patterns_give_the_right_colours(pattern: str, bits: int) -> None:
    """A red surface must come out red whatever the order of the pattern."""
    colour = {"r": 200, "g": 60, "b": 20}
    tile = np.array([colour[c] for c in pattern], f"u{bits // 8}").reshape(2, 2) << (bits - 8)
    rgb = to_rgb(message(np.tile(tile, (8, 8)), f"bayer_{pattern}{bits}"))
    assert np.array_equal(rgb[4:-4, 4:-4].reshape(-1, 3).mean(axis=0), [200, 60, 20])


@pytest.mark.parametrize(
    ("encoding", "order"), [("uyvy", "uyvy"), ("yuv422", "uyvy"), ("yuyv", "yuyv"), ("yuv422_yuy2", "yuyv")]
)
def test_yuv_422_gives_the_right_colours(encoding: str, order: str) -> None:
    y, u, v = 110, 90, 200
    value = {"y": y, "u": u, "v": v}
    row = np.tile([value[c] for c in order], 4).astype(np.uint8)
    rgb = to_rgb(message(np.tile(row, (6, 1)).reshape(6, 8, 2), encoding)).reshape(-1, 3)
    red, green, blue = rgb.mean(axis=0)
    assert red > green > blue
    assert rgb.std(axis=0).max() < 2


def planes(encoding: str, luma: np.ndarray, u: int, v: int, *, step: int | None = None) -> Image:
    """Return an image whose colours, two values each, lie below its luma; `step` is what its driver says."""
    height, width = luma.shape
    pairs = height * width if encoding == "nv24" else height * width // 4
    colours = np.tile(np.array([v, u] if encoding == "nv21" else [u, v], np.uint8), pairs)
    image = Image(height=height, width=width, encoding=encoding, step=step or width)
    image.data.frombytes(np.concatenate([luma.ravel(), colours]).tobytes())
    return image


@pytest.mark.parametrize("step", [8, 16])
@pytest.mark.parametrize("encoding", ["nv12", "nv21", "nv24"])
def test_colours_below_the_luma_are_read_in_their_order(encoding: str, step: int) -> None:
    red, green, blue = to_rgb(planes(encoding, np.full((6, 8), 110, np.uint8), 90, 200, step=step)).reshape(-1, 3).T
    assert red.min() > green.max() > blue.max()
    assert np.array_equal(to_thermal(planes(encoding, GREY, 90, 200, step=step)), GREY)


@pytest.mark.parametrize("encoding", ["uyvy", "yuv422", "yuyv", "yuv422_yuy2"])
def test_a_thermal_camera_that_sends_yuv_gives_its_luma(encoding: str) -> None:
    both = [np.full_like(GREY, 128), GREY] if encoding in ("uyvy", "yuv422") else [GREY, np.full_like(GREY, 128)]
    assert np.array_equal(to_thermal(message(np.dstack(both), encoding, padding=4)), GREY)


@pytest.mark.parametrize(
    ("encoding", "kind"), [("16SC1", np.int16), ("32SC1", np.int32), ("64FC1", np.float64), ("32FC1", np.float32)]
)
def test_signed_and_floating_thermal_values_keep_their_sign(encoding: str, kind: type[np.number]) -> None:
    degrees = (GREY.astype(kind) - 100).astype(kind)
    thermal = to_thermal(message(degrees, encoding))
    assert thermal.dtype == np.float32
    assert np.array_equal(thermal, degrees)


def test_thermal_takes_whatever_rgb_takes() -> None:
    for encoding in TO_RGB:
        dtype, channels = LAYOUTS[encoding]
        rows = 6 + int(6 * COLOUR_ROWS.get(encoding, 0))
        sent = message(np.zeros((rows, 8, channels), dtype), encoding)
        sent.height = 6
        assert to_thermal(sent).shape == (6, 8)
        assert to_rgb(sent).shape == (6, 8, 3)


@pytest.mark.parametrize("big_endian", [False, True])
@pytest.mark.parametrize(("encoding", "kind"), [("mono16", "u2"), ("16UC1", "u2"), ("32FC1", "f4")])
def test_thermal_values_are_kept_in_either_byte_order(encoding: str, kind: str, big_endian: bool) -> None:
    values = (GREY.astype(kind) * 256 + 1) if kind == "u2" else GREY.astype(kind) / 3
    thermal = to_thermal(message(values, encoding, padding=4, big_endian=big_endian))
    assert thermal.dtype == np.dtype(kind)
    assert np.array_equal(thermal, values)


def test_a_thermal_camera_that_sends_colour_gives_its_luma() -> None:
    grey = to_thermal(message(np.dstack([GREY] * 3), "bgr8"))
    assert np.array_equal(grey, GREY)


def test_reading_rgb8_copies_nothing() -> None:
    sent = message(SCENE, "rgb8")
    view = to_rgb(sent)
    sent.data[0] = int(SCENE[0, 0, 0]) ^ 255
    assert view[0, 0, 0] == sent.data[0]


def test_a_written_message_reads_back_under_its_header() -> None:
    header = Header(frame_id="camera")
    for image, encoding in ((SCENE, "rgb8"), (GREY, "mono8"), (SCENE[:, ::2], "rgb8")):
        written = to_message(image, header)
        assert (written.encoding, written.header.frame_id) == (encoding, "camera")
        assert np.array_equal(pixels(written), image)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"encoding": "jpeg2000"}, "encoding 'jpeg2000' is unknown"),
        ({"step": 3}, "step is 3 bytes; expected at least 24"),
        ({"height": 60}, "data has 144 bytes; expected 1440"),
        ({"height": 0}, "image is 8x0 pixels"),
        ({"encoding": "nv12", "height": 5}, "nv12 image is 8x5 pixels; expected even sizes"),
        ({"width": 4_000_000_000}, "image is 4000000000x6 pixels"),
        ({"width": 16_000, "height": 16_000}, "image is 16000x16000 pixels; expected at most 33554432 in all"),
    ],
)
def test_a_malformed_message_is_one_clear_sentence(changes: dict[str, object], sentence: str) -> None:
    bad = message(SCENE, "rgb8")
    for name, value in changes.items():
        setattr(bad, name, value)
    with pytest.raises(ConversionError, match=sentence):
        to_rgb(bad)


@settings(max_examples=300, deadline=None)
@given(
    height=st.integers(0, 2**32 - 1) | st.integers(0, 9),
    width=st.integers(0, 2**32 - 1) | st.integers(0, 9),
    step=st.integers(0, 2**32 - 1) | st.integers(0, 40),
    encoding=st.sampled_from([*LAYOUTS, "", "yuv420"]),
    big_endian=st.integers(0, 255),
    data=st.binary(max_size=300),
)
def test_no_message_escapes_as_anything_but_a_conversion_error(
    height: int, width: int, step: int, encoding: str, big_endian: int, data: bytes
) -> None:
    image = Image(height=height, width=width, step=step, encoding=encoding, is_bigendian=big_endian)
    image.data.frombytes(data)
    for convert in (to_rgb, to_thermal):
        try:
            assert convert(image).shape[:2] == (height, width)
        except ConversionError:
            continue


@pytest.fixture
def installed_cv_bridge(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A package named cv_bridge below a prefix of its own, as a distribution or a package index installs one."""
    package = tmp_path / "prefix" / "lib" / "cv_bridge"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("raise ImportError('compiled against another numpy')")
    monkeypatch.syspath_prepend(str(package.parent))
    has_distribution_cv_bridge.cache_clear()
    yield tmp_path / "prefix"
    has_distribution_cv_bridge.cache_clear()


def test_each_input_s_error_lists_its_own_encodings(installed_cv_bridge: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A cv_bridge that belongs to no ROS distribution is left alone."""
    monkeypatch.setenv("AMENT_PREFIX_PATH", "/opt/ros/none")
    with pytest.raises(ConversionError, match=r"is unknown, without cv_bridge; expected one of .*bayer_rggb8") as rgb:
        to_rgb(message(SCENE, "32FC1"))
    assert "64FC1" not in str(rgb.value)
    with pytest.raises(ConversionError, match=r"'yuv444' is unknown, .* expected one of .*64FC1.*bayer_rggb8.*yuyv"):
        to_thermal(message(SCENE, "yuv444"))


def test_a_cv_bridge_of_the_distribution_that_fails_is_one_clear_sentence(
    installed_cv_bridge: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AMENT_PREFIX_PATH", str(installed_cv_bridge))
    with pytest.raises(ConversionError, match=r"cv_bridge cannot convert encoding 'yuv444' \(compiled against"):
        to_rgb(message(SCENE, "yuv444"))
