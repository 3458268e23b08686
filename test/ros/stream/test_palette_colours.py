"""A thermal camera that sends palette colours is noticed: once in the log, and in diagnostics while it lasts."""

import cv2
import numpy as np
from harness import fill
from sensor_msgs.msg import Image

from epofusion_core.fuser import FusionResult
from epofusion_core.imaging import luma
from epofusion_core.thermal import COLOURED
from epofusion_ros.node.diagnostics import verdict
from epofusion_ros.parameters.node_parameters import NodeParameters
from epofusion_ros.stream.pipeline import FusionPipeline

GREY = np.tile(np.arange(0, 256, 4, dtype=np.uint8), (48, 1))
RGB = fill(Image(), np.dstack([GREY] * 3), "rgb8")


def average(rgb: np.ndarray, thermal: np.ndarray) -> FusionResult:
    mean = (luma(rgb).astype(np.float32) + thermal) / np.float32(510)
    return FusionResult(fused_rgb=rgb, fused_luma=mean, guidance=mean, overexposure=mean)


def test_palette_colours_are_said_once_until_grey_comes() -> None:
    said: list[str] = []
    pipeline = FusionPipeline(average, NodeParameters(), said.append)  # type: ignore[arg-type]
    jet = fill(Image(), np.asarray(cv2.applyColorMap(GREY, cv2.COLORMAP_JET)), "bgr8")
    same_grey = [fill(Image(), GREY, "mono8"), fill(Image(), np.dstack([GREY] * 3), "rgb8")]
    told = []
    for thermal in (*same_grey, jet, jet, same_grey[1], jet):
        pipeline(RGB, thermal)
        told.append(pipeline.coloured)
    assert told == [False, False, True, True, False, True]
    assert said == [COLOURED, COLOURED]
    pipeline.pass_thermal(jet)
    assert pipeline.coloured


def test_diagnostics_warn_of_palette_colours_while_they_last() -> None:
    before = {"received_rgb": 1.0, "received_thermal": 1.0, "pairs": 1.0}
    now = dict.fromkeys(before, 2.0)
    assert verdict(now, before, active=True) == (0, "fusing")
    assert verdict(now | {"thermal_coloured": 1.0}, before, active=True) == (1, COLOURED)
