"""Bringing the thermal image onto the RGB image, or saying clearly that it does not fit."""

from pathlib import Path

import cv2
import numpy as np
import pytest
from cost import times_as_long
from numpy.typing import NDArray

from epofusion_core.fuser import FusionResult
from epofusion_core.registration.apply import RegistrationError, blend_uncovered, build_registration
from epofusion_core.registration.calibration import Homography, write_homography

GRADIENT = np.tile(np.arange(64, dtype=np.uint8) * 4, (48, 1))


def rgb_of(height: int, width: int) -> NDArray[np.uint8]:
    return np.full((height, width, 3), 90, np.uint8)


def test_images_of_one_size_are_left_as_they_are() -> None:
    for mode in ("none", "resize"):
        registered = build_registration(mode, "", 20.0)(GRADIENT, rgb_of(48, 64))
        assert registered.thermal is GRADIENT
        assert registered.overlap == 1.0


def test_other_sizes_are_refused_with_both_sizes_and_the_remedy() -> None:
    with pytest.raises(RegistrationError, match=r"thermal is 64x48, RGB 640x480 pixels; .* registration.mode: resize"):
        build_registration("none", "", 20.0)(GRADIENT, rgb_of(480, 640))


@pytest.mark.parametrize("size", [(480, 640), (24, 32), (480, 32), (50, 61)])
def test_resizing_keeps_the_scene_in_place(size: tuple[int, int]) -> None:
    resized = build_registration("resize", "", 20.0)(GRADIENT, rgb_of(*size)).thermal
    assert resized.shape == size
    assert resized.dtype == np.uint8
    expected = np.interp((np.arange(size[1]) + 0.5) * 64 / size[1] - 0.5, np.arange(64), np.arange(64) * 4.0)
    assert np.abs(resized.astype(float) - expected).max() <= 3


def test_where_thermal_does_not_reach_the_picture_is_the_visible_one_without_a_seam(tmp_path: Path) -> None:
    size = (120, 160)
    moved = Homography(np.array([[1, 0, 60], [0, 1, 0], [0, 0, 1.0]]), size, size)
    write_homography(tmp_path / "moved.yaml", moved, 0.0)
    registered = build_registration("homography", str(tmp_path / "moved.yaml"), 20.0)(
        np.full(size, 200, np.uint8), rgb_of(*size)
    )
    assert registered.overlap == pytest.approx(100 / 160)
    assert registered.thermal[:, :60].tolist() == np.full((120, 60), 90).tolist()
    assert (registered.thermal[:, 90:] == 200).all()
    fused = FusionResult(
        fused_rgb=np.full((*size, 3), 250, np.uint8),
        fused_luma=np.full(size, 250 / 255, np.float32),
        guidance=np.ones(size, np.float32),
        overexposure=np.zeros(size, np.float32),
    )
    blended = blend_uncovered(fused, rgb_of(*size), registered.coverage)
    assert (blended.fused_rgb[:, :60] == 90).all()
    assert (blended.fused_rgb[:, 90:] == 250).all()
    assert blended.guidance[:, :60].max() == 0
    steps = np.abs(np.diff(blended.fused_rgb[60, :, 0].astype(int)))
    assert steps.max() <= 10, "a seam of 160 grey levels is spread over the band"


def test_registering_a_frame_takes_little_more_than_a_plain_warp(tmp_path: Path) -> None:
    size = (480, 640)
    matrix = np.array([[1.1, 0.05, -20], [-0.05, 1.1, 10], [0, 0, 1]])
    write_homography(tmp_path / "rig.yaml", Homography(matrix, size, size), 0.0)
    register = build_registration("homography", str(tmp_path / "rig.yaml"), 20.0)
    rng = np.random.default_rng(0)
    thermal, rgb = rng.integers(0, 256, size, dtype=np.uint8), rng.integers(0, 256, (*size, 3), dtype=np.uint8)
    coverage = register(thermal, rgb).coverage
    assert register(thermal, rgb).coverage is coverage, "lookups are made once for a pair of sizes"
    assert times_as_long(lambda: register(thermal, rgb), lambda: cv2.warpPerspective(thermal, matrix, (640, 480))) < 4


def test_images_cropped_since_the_calibration_are_counted_as_of_a_wrong_size(tmp_path: Path) -> None:
    write_homography(tmp_path / "rig.yaml", Homography(np.eye(3), (120, 160), (120, 160)), 0.0)
    register = build_registration("homography", str(tmp_path / "rig.yaml"), 20.0)
    with pytest.raises(RegistrationError, match="RGB is 160x90, calibrated at 160x120 pixels"):
        register(np.zeros((120, 160), np.uint8), rgb_of(90, 160))
    assert register(np.zeros((120, 160), np.uint8), rgb_of(120, 160)).overlap == 1.0


@pytest.mark.parametrize("mode", ["homography", "extrinsics"])
def test_a_mode_that_needs_a_file_says_so(mode: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=f"{mode} needs registration.file"):
        build_registration(mode, "", 20.0)
    with pytest.raises(ValueError, match=r"nowhere.yaml: cannot be read \(No such file or directory\)"):
        build_registration(mode, str(tmp_path / "nowhere.yaml"), 20.0)
