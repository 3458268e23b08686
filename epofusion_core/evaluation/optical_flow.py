"""Dense optical flow between the frames of a video (DIS of OpenCV), and warping by it."""

import cv2
import numpy as np
from numpy.typing import NDArray

from epofusion_core.evaluation.analysed import Grey

Flow = NDArray[np.float32]
"""(H, W, 2): where each pixel of one frame lies in another, as columns and rows to add, pixels."""

_CONSISTENT_PX = 1.0


class FlowEstimator:
    """Computes flow; holds OpenCV's buffers."""

    def __init__(self) -> None:
        """Take the preset that keeps up with video."""
        self._dis = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_FAST)

    def __call__(self, frame: Grey, other: Grey) -> Flow:
        """Return where the pixels of `frame` lie in `other`, both (H, W) uint8."""
        flow = np.zeros((*frame.shape, 2), np.float32)
        self._dis.calc(np.ascontiguousarray(frame), np.ascontiguousarray(other), flow)
        return flow


def warp(image: NDArray[np.float32], flow: Flow) -> NDArray[np.float32]:
    """Return `image` as seen from the frame that `flow` starts from; NaN where it lies outside.

    Args:
        image: (H, W) or (H, W, 2), of the other frame.
        flow: from the frame that is wanted to that of `image`.
    """
    height, width = flow.shape[:2]
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    x, y = x + flow[..., 0], y + flow[..., 1]
    warped = np.array(cv2.remap(image, x, y, cv2.INTER_LINEAR), dtype=np.float32)
    warped[(x < 0) | (x > width - 1) | (y < 0) | (y > height - 1)] = np.nan
    return warped


def seen_in_both(there: Flow, back: Flow) -> NDArray[np.bool_]:
    """Return which pixels are not occluded, (H, W): those that the two flows lead back to within a pixel."""
    gap = there + warp(back, there)
    return np.asarray(np.hypot(gap[..., 0], gap[..., 1]) < _CONSISTENT_PX)
