"""Lenses against OpenCV's own functions, and what lies beyond the field that a lens's model was fitted to."""

import copy
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from epofusion_core.registration.calibration import CameraModel, Extrinsics, read_extrinsics
from epofusion_core.registration.lens import project, unproject
from epofusion_core.registration.warp import extrinsics_warp

SIZE = (120, 160)
ZERO = np.zeros(3)


def camera(focal_px: float, distortion: list[float], *, is_fisheye: bool = False) -> CameraModel:
    matrix = np.array([[focal_px, 0, 79.5], [0, 1.02 * focal_px, 59.5], [0, 0, 1]])
    return CameraModel(SIZE, matrix, np.array(distortion, np.float64), is_fisheye)


def pixels_of(size: tuple[int, int] = SIZE) -> np.ndarray:
    rows, columns = np.indices(size, dtype=np.float64)
    return np.column_stack([columns.ravel(), rows.ravel()])


@st.composite
def lenses(draw: st.DrawFn) -> CameraModel:
    """Lenses of every model, as bent as wide ones are."""
    focal_px = draw(st.floats(60, 400))
    if draw(st.booleans()):
        return camera(focal_px, draw(st.lists(st.floats(-0.05, 0.05), min_size=4, max_size=4)), is_fisheye=True)
    radial, small = st.floats(-0.4, 0.3), st.floats(-0.005, 0.005)
    k1, k2 = draw(radial), draw(st.floats(-0.1, 0.1))
    tangential = [draw(small), draw(small)]
    further = draw(st.sampled_from([0, 1, 4, 8, 10]))
    return camera(focal_px, [k1, k2, *tangential, *draw(st.lists(small, min_size=further, max_size=further))])


@settings(max_examples=150, deadline=None)
@given(lens=lenses(), seed=st.integers(0, 1000))
def test_rays_fall_on_the_pixels_that_opencv_gives(lens: CameraModel, seed: int) -> None:
    rays = np.random.default_rng(seed).uniform(-1, 1, (200, 2))
    points = np.column_stack([rays, np.ones(len(rays))])[:, None]
    function = cv2.fisheye.projectPoints if lens.is_fisheye else cv2.projectPoints
    expected = function(points, ZERO, ZERO, lens.matrix, lens.distortion)[0].reshape(-1, 2)
    found = project(lens, rays)
    known = np.isfinite(found[:, 0])
    np.testing.assert_allclose(found[known], expected[known], atol=1e-6)


@settings(max_examples=100, deadline=None)
@given(lens=lenses())
def test_a_pixel_leads_to_the_ray_that_falls_on_it_or_to_none(lens: CameraModel) -> None:
    pixels = pixels_of()
    rays = unproject(lens, pixels)
    found = np.isfinite(rays[:, 0])
    assert found.any()
    assert np.linalg.norm(project(lens, rays[found]) - pixels[found], axis=1).max() <= 0.05


@pytest.mark.parametrize("degrees", [70, 90, 110, 130])
def test_the_lens_of_a_wide_camera_is_undone_up_to_the_border(degrees: int) -> None:
    """A lens of equidistant projection, fitted by plumb_bob over the whole image, as a calibration would."""
    focal_px = 80 / np.radians(degrees / 2)
    angles = np.linspace(1e-3, min(100 / focal_px, 1.3), 400)
    radius = np.tan(angles)
    powers = np.stack([radius**3, radius**5, radius**7], axis=1)
    k1, k2, k3 = np.linalg.lstsq(powers / angles[:, None], (angles - radius) / angles, rcond=None)[0]
    lens = camera(focal_px, [k1, k2, 0.0, 0.0, k3])
    pixels = pixels_of()
    rays = unproject(lens, pixels)
    found = np.isfinite(rays[:, 0])
    assert found.mean() > 0.98
    assert np.linalg.norm(project(lens, rays[found]) - pixels[found], axis=1).max() < 0.01


def test_what_lies_beyond_the_field_of_the_lens_is_not_covered() -> None:
    """A narrow thermal camera whose lens model turns back, beside a wide RGB camera that sees far around it."""
    folding = camera(400.0, [-2.0, 0.0, 0.0, 0.0])
    rgb = camera(60.0, [0.0] * 4)
    straight = camera(400.0, [0.0] * 4)
    overlap = [
        extrinsics_warp(Extrinsics(thermal, rgb, np.eye(4)), 20.0, SIZE, SIZE).overlap
        for thermal in (folding, straight)
    ]
    assert overlap[0] == pytest.approx(overlap[1], rel=0.25), "the lens bends the border, and shows nothing twice"
    farthest = np.sqrt(1 / 6)  # where r - 2 r^3 turns back
    (straight_on, beyond) = project(folding, np.array([[0.9 * farthest, 0], [1.1 * farthest, 0]]))
    assert np.isfinite(straight_on).all()
    assert np.isnan(beyond).all()


def test_pixels_that_a_model_never_reaches_have_no_ray() -> None:
    lens = camera(60.0, [-0.5, 0.0, 0.0, 0.0])  # r - r^3 / 2 reaches 0.54, 33 pixels from the middle
    found = np.isfinite(unproject(lens, pixels_of())[:, 0]).reshape(SIZE)
    rows, columns = np.indices(SIZE)
    distance = np.hypot((columns - 79.5) / 60, (rows - 59.5) / 61.2)
    assert found[distance < 0.54].all()
    assert not found[distance > 0.55].any()


def test_a_fisheye_lens_is_undone(tmp_path: Path) -> None:
    described: dict[str, Any] = {
        "image_height": 120,
        "image_width": 160,
        "camera_matrix": {"rows": 3, "cols": 3, "data": [70.0, 0, 79.5, 0, 70.0, 59.5, 0, 0, 1]},
        "distortion_model": "equidistant",
        "distortion_coefficients": {"rows": 1, "cols": 4, "data": [-0.01, 0.02, -0.01, 0.002]},
    }
    rgb = copy.deepcopy(described) | {"distortion_model": "plumb_bob"}
    rgb["distortion_coefficients"]["data"] = [0.0] * 5
    values = {"thermal": described, "rgb": rgb, "T_rgb_thermal": np.eye(4).tolist()}
    (tmp_path / "rig.yaml").write_text(yaml.safe_dump(values))
    extrinsics = read_extrinsics(tmp_path / "rig.yaml")
    thermal = np.zeros(SIZE, np.uint8)
    ray = np.array([[[0.6, 0.4, 1.0]]])
    seen, _ = cv2.fisheye.projectPoints(ray, ZERO, ZERO, extrinsics.thermal.matrix, extrinsics.thermal.distortion)
    x, y = (round(value) for value in seen[0, 0])
    thermal[y - 2 : y + 3, x - 2 : x + 3] = 255
    moments = cv2.moments(extrinsics_warp(extrinsics, 20.0, SIZE, SIZE)(thermal))
    centre = moments["m10"] / moments["m00"], moments["m01"] / moments["m00"]
    assert centre == pytest.approx((79.5 + 0.6 * 70, 59.5 + 0.4 * 70), abs=1.5)
