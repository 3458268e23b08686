"""The overexposure map: how far the light of a bright pixel reaches, and that nothing of it is cut off."""

import cv2
import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from epofusion_core.exposure import overexposure_map


@settings(max_examples=200, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), lights=st.integers(0, 4))
def test_the_map_is_the_dilated_and_blurred_ramp_of_the_whole_image(seed: int, lights: int) -> None:
    rng = np.random.default_rng(seed)
    height, width = (int(side) for side in rng.integers(1, 120, 2))
    luma = rng.integers(0, 225, (height, width)).astype(np.uint8)
    for _ in range(lights):
        top, left = rng.integers(height), rng.integers(width)
        luma[top : top + rng.integers(1, 12), left : left + rng.integers(1, 12)] = rng.integers(225, 256)
    ramp = np.rint(np.clip((luma.astype(float) - 225) / 20, 0, 1) * 255).astype(np.uint8)
    expected = cv2.GaussianBlur(cv2.dilate(ramp, np.ones((3, 3), np.uint8)), (0, 0), 3.0) / np.float32(255)
    np.testing.assert_allclose(overexposure_map(luma), expected, atol=1e-6)
