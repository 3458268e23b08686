"""Flicker: how much a fused video changes from frame to frame beyond what its sources do."""

from collections.abc import Iterable, Iterator

import cv2
import numpy as np
from numpy.typing import NDArray

from epofusion_core.evaluation.exposure_metrics import mean_where_applicable
from epofusion_core.evaluation.metrics import Grey, check_images


def flicker(frames: Iterable[tuple[Grey, Grey, Grey]]) -> float:
    """Return flicker in grey levels, lower is better: below 0, the fused video is steadier than its sources.

    For each two consecutive frames, every image of the earlier frame is warped onto the later one, and the change is
    the mean absolute difference. Flicker is the mean over time of the fused image's change minus the mean change of
    the two sources. The motion is dense DIS optical flow on the visible luma, so that all methods share it; pixels
    that come from outside the image do not count.

    Args:
        frames: visible luma, infrared and fused image of each frame, (H, W) uint8 of one size.

    Returns:
        NaN for fewer than two frames.

    Raises:
        ValueError: the images of a frame differ in size or type.
    """
    optical_flow = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_FAST)
    previous: tuple[Grey, Grey, Grey] | None = None
    changes: list[float] = []
    for current in frames:
        check_images(visible=current[0], infrared=current[1], fused=current[2])
        if previous is not None:
            motion = np.zeros((*current[0].shape, 2), np.float32)
            optical_flow.calc(np.ascontiguousarray(current[0]), np.ascontiguousarray(previous[0]), motion)
            visible, infrared, fused = _changes(previous, current, motion)
            changes.append(fused - (visible + infrared) / 2)
        previous = current
    return mean_where_applicable(changes)


def _changes(previous: tuple[Grey, ...], current: tuple[Grey, ...], motion: NDArray[np.float32]) -> Iterator[float]:
    """Yield each image's mean |current - warped previous|; `motion`, (H, W, 2) in pixels, leads back in time."""
    height, width = motion.shape[:2]
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    source_x, source_y = x + motion[..., 0], y + motion[..., 1]
    inside = (source_x >= 0) & (source_x <= width - 1) & (source_y >= 0) & (source_y <= height - 1)
    for before, after in zip(previous, current, strict=True):
        warped = cv2.remap(before.astype(np.float32), source_x, source_y, cv2.INTER_LINEAR)
        yield float(np.abs(after - warped)[inside].mean()) if inside.any() else float("nan")
