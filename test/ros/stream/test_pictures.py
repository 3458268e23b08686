"""The pictures that are made of a result."""

import numpy as np

from epofusion_core.fuser import FusionResult
from epofusion_ros.stream.pictures import overlay, to_mono8


def test_a_mask_fills_the_range_of_bytes() -> None:
    assert to_mono8(np.array([[0.0, 0.5, 1.0]], np.float32)).tolist() == [[0, 128, 255]]


def test_the_overlay_outlines_glare_tints_objects_and_leaves_the_rest_and_the_result_alone() -> None:
    fused = np.full((40, 60, 3), 100, np.uint8)
    guidance, overexposure = np.zeros((2, 40, 60), np.float32)
    overexposure[10:30, 10:50] = 1.0
    guidance[18:22, 25:35] = 0.9
    picture = overlay(FusionResult(fused, fused[..., 0] / np.float32(255), guidance, overexposure)).astype(int)
    red, green, blue = picture[20, 30]
    assert red > 100 > green, "an object inside the glare is tinted red"
    red, green, blue = picture[10, 20]
    assert red > green > blue, "the rim of the glare is amber"
    assert (picture[15, 15] == 100).all(), "within the glare, the fused image is to be seen"
    assert (picture[:8] == 100).all()
    assert (fused == 100).all()
