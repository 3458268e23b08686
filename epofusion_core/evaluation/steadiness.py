"""How steady a fused video is: BiSWE and MS2R as VF-Bench defines them, flicker, and blots.

BiSWE and MS2R: Zhao et al., "A Unified Solution to Video Fusion", NeurIPS 2025. Theirs take the flow of SEA-RAFT, ours
that of OpenCV's DIS: figures compare with each other, not with published ones. Flicker and blots are ours.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise

import cv2
import numpy as np
from numpy.typing import NDArray

from epofusion_core.evaluation.analysed import Grey, check_images
from epofusion_core.evaluation.exposure_metrics import mean_where_applicable
from epofusion_core.evaluation.optical_flow import Flow, FlowEstimator, seen_in_both, warp

_BLUR_SIGMA_PX = 3.0
_SOURCES_DIFFER = 16.0
"""Grey levels between the blurred sources from which it can be told which of them the fused image shows."""

_CHANGE_OF_SOURCE = 0.3
"""Of the way from one source to the other."""

_THIN = np.ones((5, 5), np.uint8)
"""What is narrower is an edge that the flow has missed, and no patch."""

_BLOT_SHARE = 0.005


@dataclass(frozen=True)
class Steadiness:
    """Measures of a fused video, lower is steadier; NaN where it has too few frames (two for flicker, else three).

    Attributes:
        biswe: bidirectional self-warping error: mean |frame - warped neighbour| of the fused video by its own flow,
            outside what is occluded in a source, the sum of both directions; grey levels.
        ms2r: motion smoothness with two references: mean |change of the fused video's flow - change of a source's flow|
            from step to step, mean over both sources; pixels.
        flicker: mean change of the fused video from frame to frame beyond the mean of its sources, all warped by the
            flow of the visible video; grey levels.
        blots: how many frames have a patch, of over 0.5 % of the image, that shows the other source than in the frames
            before and after.
    """

    biswe: float
    ms2r: float
    flicker: float
    blots: float


@dataclass(frozen=True)
class VideoFrame:
    """One moment; all images (H, W) uint8 of one size.

    Attributes:
        visible: luma of the visible image.
        infrared: its infrared image.
        fused: the fused image.
    """

    visible: Grey
    infrared: Grey
    fused: Grey

    @property
    def images(self) -> tuple[Grey, Grey, Grey]:
        """Visible, infrared, fused."""
        return self.visible, self.infrared, self.fused


@dataclass(frozen=True)
class _Step:
    """From one frame to the next: flow of visible, infrared and fused video, forth and back in time."""

    before: VideoFrame
    after: VideoFrame
    forth: tuple[Flow, ...]
    back: tuple[Flow, ...]


def steadiness(frames: Iterable[VideoFrame]) -> Steadiness:
    """Measure a fused video.

    Raises:
        ValueError: the images of a frame differ in size or type.
    """
    flow = FlowEstimator()
    flicker: list[float] = []
    biswe: list[float] = []
    ms2r: list[float] = []
    blots: list[bool] = []
    earlier: _Step | None = None
    for before, after in pairwise(_checked(frame) for frame in frames):
        pairs = list(zip(before.images, after.images, strict=True))
        step = _Step(before, after, tuple(flow(a, b) for a, b in pairs), tuple(flow(b, a) for a, b in pairs))
        flicker.append(_flicker(step))
        if earlier is not None:
            biswe.append(_self_warping_error(earlier, step))
            ms2r.append(_motion_difference(earlier, step))
            blots.append(_largest_changed_patch(earlier, step) > _BLOT_SHARE)
        earlier = step
    return Steadiness(
        biswe=mean_where_applicable(biswe),
        ms2r=mean_where_applicable(ms2r),
        flicker=mean_where_applicable(flicker),
        blots=float(sum(blots)) if blots else math.nan,
    )


def _checked(frame: VideoFrame) -> VideoFrame:
    check_images(visible=frame.visible, infrared=frame.infrared, fused=frame.fused)
    return frame


def _flicker(step: _Step) -> float:
    to_before = step.back[0]
    visible, infrared, fused = (
        _mean(np.abs(after - warp(before.astype(np.float32), to_before)))
        for before, after in zip(step.before.images, step.after.images, strict=True)
    )
    return float(fused - (visible + infrared) / 2)


def _self_warping_error(earlier: _Step, later: _Step) -> float:
    """Return BiSWE of the frame between two steps."""
    frame = later.before.fused
    error = 0.0
    for other, there, back in (
        (earlier.before.fused, earlier.back, earlier.forth),
        (later.after.fused, later.forth, later.back),
    ):
        seen = seen_in_both(there[0], back[0]) & seen_in_both(there[1], back[1])
        error += _mean(np.abs(frame - warp(other.astype(np.float32), there[2]))[seen])
    return error


def _motion_difference(earlier: _Step, later: _Step) -> float:
    """Return MS2R of two steps."""
    visible, infrared, fused = (after - before for before, after in zip(earlier.forth, later.forth, strict=True))
    return float(np.abs(fused - visible).mean() + np.abs(fused - infrared).mean()) / 2


def _largest_changed_patch(earlier: _Step, later: _Step) -> float:
    """Return the share of the image that the largest patch covers which changes source in one frame alone."""
    now = share_of_infrared(later.before)
    since = now - warp(share_of_infrared(earlier.before), earlier.back[0])
    until = now - warp(share_of_infrared(later.after), later.forth[0])
    with np.errstate(invalid="ignore"):  # NaN, where the sources are alike, is no change
        changed = (since * until > 0) & (np.minimum(np.abs(since), np.abs(until)) >= _CHANGE_OF_SOURCE)
    patches = cv2.morphologyEx(changed.astype(np.uint8), cv2.MORPH_OPEN, _THIN)
    count, _, stats, _ = cv2.connectedComponentsWithStats(patches)
    largest = max((int(stats[index, cv2.CC_STAT_AREA]) for index in range(1, count)), default=0)
    return largest / int(changed.size)


def share_of_infrared(frame: VideoFrame) -> NDArray[np.float32]:
    """Return where the fused image lies between visible (0) and infrared (1), (H, W); NaN where they are alike."""
    visible, infrared, fused = (
        cv2.GaussianBlur(image.astype(np.float32), (0, 0), _BLUR_SIGMA_PX) for image in frame.images
    )
    between = infrared - visible
    share = np.full(between.shape, np.nan, np.float32)
    np.divide(fused - visible, between, out=share, where=np.abs(between) >= _SOURCES_DIFFER)
    return np.clip(share, 0, 1)


def _mean(values: NDArray[np.float32]) -> float:
    """Return the mean of what is not NaN; NaN if there is nothing."""
    known = values[~np.isnan(values)]
    return float(known.mean(dtype=np.float64)) if known.size else math.nan
