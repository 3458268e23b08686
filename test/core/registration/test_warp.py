"""Geometry of the warps, against what a pinhole camera must see, and calibration files with something wrong."""

import copy
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import yaml
from cost import times_as_long
from hypothesis import given, settings
from hypothesis import strategies as st

from epofusion_core.registration.calibration import (
    CalibrationError,
    Homography,
    read_extrinsics,
    read_homography,
    write_homography,
)
from epofusion_core.registration.warp import extrinsics_warp, homography_warp
from epofusion_core.simulation import Drive

SIZE = (120, 160)
FOCAL_PX = 200.0
CAMERA: dict[str, Any] = {
    "image_height": 120,
    "image_width": 160,
    "camera_matrix": {"rows": 3, "cols": 3, "data": [FOCAL_PX, 0, 79.5, 0, FOCAL_PX, 59.5, 0, 0, 1]},
    "distortion_model": "plumb_bob",
    "distortion_coefficients": {"rows": 1, "cols": 5, "data": [0.0] * 5},
}
IDENTITY = np.eye(4).ravel().tolist()
EXTRINSICS: dict[str, Any] = {"thermal": CAMERA, "rgb": copy.deepcopy(CAMERA), "T_rgb_thermal": IDENTITY}


def spots(places: list[tuple[int, int]], size: tuple[int, int] = SIZE) -> np.ndarray:
    """Return an image with a bright square around each (x, y)."""
    image = np.zeros(size, np.uint8)
    for x, y in places:
        image[y - 2 : y + 3, x - 2 : x + 3] = 255
    return image


def centre(image: np.ndarray) -> tuple[float, float]:
    moments = cv2.moments(image)
    return moments["m10"] / moments["m00"], moments["m01"] / moments["m00"]


@settings(max_examples=50, deadline=None)
@given(st.floats(-20, 20), st.floats(-20, 20), st.floats(0.8, 1.25), st.floats(-5, 5))
def test_a_homography_takes_each_thermal_pixel_where_it_says(
    dx: float, dy: float, scale: float, degrees: float
) -> None:
    matrix = np.vstack([cv2.getRotationMatrix2D((80, 60), degrees, scale), [0, 0, 1]])
    matrix[:2, 2] += (dx, dy)
    warp = homography_warp(Homography(matrix, SIZE, SIZE), SIZE, SIZE)
    for x, y in ((60, 50), (100, 70)):
        expected = matrix @ (x, y, 1)
        assert centre(warp(spots([(x, y)]))) == pytest.approx(expected[:2], abs=0.2)


@settings(max_examples=50, deadline=None)
@given(st.sampled_from([-1, 1]), st.floats(-15, 15), st.floats(-3e-4, 3e-4), st.floats(-3e-4, 3e-4))
def test_a_homography_means_the_same_at_any_scale_and_sign(sign: int, power: float, px: float, py: float) -> None:
    matrix = np.array([[1.1, 0.05, -20], [-0.05, 0.9, 10], [px, py, 1]])
    with tempfile.TemporaryDirectory() as folder:
        warps = []
        for scale in (1.0, sign * 10.0**power):
            write_homography(Path(folder) / "h.yaml", Homography(scale * matrix, SIZE, SIZE), 0.0)
            warps.append(homography_warp(read_homography(Path(folder) / "h.yaml"), SIZE, SIZE))
    assert warps[0].overlap > 0.5
    assert np.abs(warps[0].coverage - warps[1].coverage).max() < 0.05
    noise = np.asarray(cv2.GaussianBlur(np.random.default_rng(0).integers(0, 256, SIZE, np.uint8), (0, 0), 3), np.uint8)
    assert np.abs(warps[0](noise).astype(int) - warps[1](noise)).max() <= 2


def test_a_homography_holds_for_images_of_other_sizes() -> None:
    small = Homography(np.array([[1, 0, 5.0], [0, 1, 3.0], [0, 0, 1]]), SIZE, SIZE)
    warp = homography_warp(small, (240, 320), (480, 640))
    x, y = centre(warp(spots([(100, 80)], (240, 320))))
    # Pixel centres: 100 of 320 is 49.75 of 160, moved by 5, and four times finer.
    assert (x, y) == pytest.approx(((49.75 + 5 + 0.5) * 4 - 0.5, (39.75 + 3 + 0.5) * 4 - 0.5), abs=0.3)


def test_images_of_another_aspect_ratio_are_refused(tmp_path: Path) -> None:
    square = Homography(np.eye(3), SIZE, SIZE)
    with pytest.raises(CalibrationError, match=r"RGB is 160x90, calibrated at 160x120 pixels; expected the same"):
        homography_warp(square, SIZE, (90, 160))
    homography_warp(square, SIZE, (61, 80))  # half of an odd number of rows
    (tmp_path / "rig.yaml").write_text(yaml.safe_dump(EXTRINSICS | {"T_rgb_thermal": np.eye(4).ravel().tolist()}))
    with pytest.raises(CalibrationError, match="thermal is 160x100, calibrated at 160x120"):
        extrinsics_warp(read_extrinsics(tmp_path / "rig.yaml"), 10.0, (100, 160), SIZE)


@pytest.mark.parametrize("distance_m", [2.0, 10.0, 50.0])
def test_cameras_beside_each_other_are_off_by_focal_length_times_baseline_over_distance(
    tmp_path: Path, distance_m: float
) -> None:
    transform = np.eye(4)
    transform[0, 3] = 0.1  # the thermal camera stands 10 cm to the right of the RGB camera
    (tmp_path / "rig.yaml").write_text(yaml.safe_dump(EXTRINSICS | {"T_rgb_thermal": transform.ravel().tolist()}))
    warp = extrinsics_warp(read_extrinsics(tmp_path / "rig.yaml"), distance_m, SIZE, SIZE)
    x, y = centre(warp(spots([(80, 60)])))
    assert (x, y) == pytest.approx((80 + FOCAL_PX * 0.1 / distance_m, 60), abs=0.1)


def test_lens_distortion_is_undone(tmp_path: Path) -> None:
    bent = copy.deepcopy(EXTRINSICS)
    bent["thermal"]["distortion_coefficients"]["data"] = [-0.3, 0.1, 0.0, 0.0, 0.0]
    (tmp_path / "rig.yaml").write_text(yaml.safe_dump(bent))
    extrinsics = read_extrinsics(tmp_path / "rig.yaml")
    straight = np.array([[[120.0, 90.0]]])
    ray = np.append((straight[0, 0] - (79.5, 59.5)) / FOCAL_PX, 1.0)
    seen, _ = cv2.projectPoints(
        ray[None, None], np.zeros(3), np.zeros(3), extrinsics.thermal.matrix, extrinsics.thermal.distortion
    )
    x, y = (round(value) for value in seen[0, 0])
    assert (x, y) != (120, 90)
    assert centre(extrinsics_warp(extrinsics, 20.0, SIZE, SIZE)(spots([(x, y)]))) == pytest.approx((120, 90), abs=1.0)


def test_a_warp_of_a_frame_costs_little_and_covers_what_it_should() -> None:
    size = (480, 640)
    warp = homography_warp(Homography(np.diag([1.0, 1.0, 1.0]), size, size), size, size)
    assert warp.overlap == 1.0
    assert warp.coverage.min() == 1.0
    thermal = Drive(0).frame(0).thermal
    assert np.array_equal(warp(thermal), thermal)
    assert times_as_long(lambda: warp(thermal), lambda: cv2.warpPerspective(thermal, np.eye(3), (640, 480))) < 4


def test_what_is_written_can_be_read(tmp_path: Path) -> None:
    homography = Homography(np.array([[1.1, 0.02, 5], [-0.01, 0.98, -7], [1e-5, 0, 1]]), (240, 320), (480, 640))
    write_homography(tmp_path / "h.yaml", homography, 0.4)
    read = read_homography(tmp_path / "h.yaml")
    assert np.array_equal(read.matrix, homography.matrix)
    assert (read.thermal_size, read.rgb_size) == (homography.thermal_size, homography.rgb_size)


def _without(name: str) -> Callable[[dict[str, Any]], None]:
    return lambda values: values.pop(name)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (_without("thermal"), "thermal is missing; expected a camera"),
        (_without("T_rgb_thermal"), "T_rgb_thermal is missing or wrong; expected 16 numbers"),
        (lambda v: v.update(T_rgb_thermal=[2.0 if i == 0 else x for i, x in enumerate(IDENTITY)]), "no rotation"),
        (lambda v: v.update(T_rgb_thermal=[float("nan")] * 16), "no finite number"),
        (
            lambda v: v["rgb"].update(distortion_model="ftheta"),
            "distortion_model of rgb is 'ftheta'.* one of plumb_bob",
        ),
        (
            lambda v: v["rgb"].update(distortion_model="fisheye"),
            "5 distortion coefficients of fisheye; expected 0 or 4",
        ),
        (lambda v: v["rgb"].pop("camera_matrix"), "rgb lacks camera_matrix"),
        (lambda v: v["rgb"]["distortion_coefficients"].update(data=[0.0] * 3), "rgb has 3 distortion coefficients"),
        (lambda v: v["rgb"]["camera_matrix"].update(data=[0.0] * 9), "camera_matrix of rgb .* focal lengths of 1 to"),
        (lambda v: v.update(rgb="nowhere.yaml"), "nowhere.yaml: cannot be read"),
        (lambda v: v.update(cam0=5), "expected thermal: and rgb: to name one of them"),
        (lambda v: v["rgb"].update(image_width=0), "size of rgb is 0x120; expected 1 to 16384 pixels"),
    ],
)
def test_a_wrong_calibration_file_is_one_clear_sentence(
    change: Callable[[dict[str, Any]], object], sentence: str, tmp_path: Path
) -> None:
    values = copy.deepcopy(EXTRINSICS)
    change(values)
    (tmp_path / "rig.yaml").write_text(yaml.safe_dump(values))
    with pytest.raises(CalibrationError, match=sentence):
        read_extrinsics(tmp_path / "rig.yaml")


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"homography: [1, 2, 3]", "homography is missing or wrong; expected 9 numbers"),
        (b"homography: [0, 0, 0, 0, 0, 0, 0, 0, 0]", "homography cannot be inverted"),
        (b"homography: [1, 2, 3, 2, 4, 6, 0, 0, 1]", "homography cannot be inverted"),
        (b"homography: [1, 2, .Nan, 2, 4, 6, 0, 0, 1]", "homography is missing or wrong"),
        (b"[" * 5000, "is no YAML"),
        (b"- 1", "holds no names with values"),
        (b"a: [", "is no YAML"),
        (b"\xff\xfe\x00", "is no YAML"),
    ],
)
def test_a_file_without_a_homography_is_one_clear_sentence(content: bytes, sentence: str, tmp_path: Path) -> None:
    (tmp_path / "h.yaml").write_bytes(content)
    with pytest.raises(CalibrationError, match=sentence):
        read_homography(tmp_path / "h.yaml")


def test_the_documented_files_are_read(tmp_path: Path) -> None:
    document = (Path(__file__).resolve().parents[3] / "docs" / "calibration.md").read_text()
    blocks = [block.split("```")[0] for block in document.split("```yaml\n")[1:]]
    (homography,) = (block for block in blocks if "homography: [" in block)
    (extrinsics,) = (block for block in blocks if "T_rgb_thermal" in block)
    (tmp_path / "h.yaml").write_text(homography)
    (tmp_path / "e.yaml").write_text(extrinsics)
    assert read_homography(tmp_path / "h.yaml").thermal_size == (240, 320)
    assert read_extrinsics(tmp_path / "e.yaml").transform[0, 3] == 0.12
