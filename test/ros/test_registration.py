"""Bringing the thermal image to the RGB image's size, or saying clearly that it does not fit."""

import numpy as np
import pytest

from epofusion_ros.registration import RegistrationError, build_registration

GRADIENT = np.tile(np.arange(64, dtype=np.uint8) * 4, (48, 1))


def test_images_of_one_size_are_left_as_they_are() -> None:
    for mode in ("none", "resize"):
        assert build_registration(mode)(GRADIENT, (48, 64)) is GRADIENT


def test_other_sizes_are_refused_with_both_sizes_and_the_remedy() -> None:
    with pytest.raises(RegistrationError, match=r"thermal is 64x48, RGB 640x480 pixels; .* registration.mode: resize"):
        build_registration("none")(GRADIENT, (480, 640))


@pytest.mark.parametrize("size", [(480, 640), (24, 32), (480, 32), (50, 61)])
def test_resizing_keeps_the_scene_in_place(size: tuple[int, int]) -> None:
    resized = build_registration("resize")(GRADIENT, size)
    assert resized.shape == size
    assert resized.dtype == np.uint8
    expected = np.interp((np.arange(size[1]) + 0.5) * 64 / size[1] - 0.5, np.arange(64), np.arange(64) * 4.0)
    assert np.abs(resized.astype(float) - expected).max() <= 3
