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
    ],
)
def test_rgb_comes_out_as_it_was_sent(encoding: str, sent: np.ndarray, expected: np.ndarray, padding: int) -> None:
    assert np.array_equal(to_rgb(message(sent, encoding, padding=padding)), expected)


@pytest.mark.parametrize("pattern", ["rggb", "bggr", "gbrg", "grbg"])
def test_bayer_patterns_give_the_right_colours(pattern: str) -> None:
    """A red surface must come out red whatever the order of the pattern."""
    colour = {"r": 200, "g": 60, "b": 20}
    tile = np.array([colour[c] for c in pattern], np.uint8).reshape(2, 2)
    rgb = to_rgb(message(np.tile(tile, (8, 8)), f"bayer_{pattern}8"))
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
    encoding=st.sampled_from(["rgb8", "mono16", "32FC1", "bayer_rggb8", "uyvy", "8UC4", "rgb16", "", "yuv420"]),
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


def test_a_cv_bridge_of_no_ros_distribution_is_left_alone(
    installed_cv_bridge: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AMENT_PREFIX_PATH", "/opt/ros/none")
    with pytest.raises(ConversionError, match=r"is unknown, without cv_bridge; expected one of .*bayer_rggb8"):
        to_rgb(message(SCENE, "nv21"))


def test_a_cv_bridge_of_the_distribution_that_fails_is_one_clear_sentence(
    installed_cv_bridge: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AMENT_PREFIX_PATH", str(installed_cv_bridge))
    with pytest.raises(ConversionError, match=r"cv_bridge cannot convert encoding 'nv21' \(compiled against"):
        to_rgb(message(SCENE, "nv21"))


def test_the_distribution_s_cv_bridge_converts_what_is_unknown_here() -> None:
    has_distribution_cv_bridge.cache_clear()
    if not has_distribution_cv_bridge():
        pytest.skip("no ROS 2 distribution with cv_bridge is sourced")
    assert to_rgb(message(np.dstack([SCENE, GREY]).astype(np.uint16) * 257, "rgba16")).shape == SCENE.shape
