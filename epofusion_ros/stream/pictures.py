"""The pictures that are made of a fused pair: the fused image, both masks, and the overlay of them."""

from collections.abc import Callable
from typing import TYPE_CHECKING

import cv2
import numpy as np
from numpy.typing import NDArray

from epofusion_core.exposure import GLARE_THRESHOLD
from epofusion_core.model.config import MASK_THRESHOLD
from epofusion_core.report.overlay import draw_overlay
from epofusion_ros.messages.topics import FUSED_IMAGE, GUIDANCE_MASK, OVEREXPOSURE_MASK, OVERLAY

if TYPE_CHECKING:
    from epofusion_core.fuser import FusionResult


def to_mono8(share: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Return a map of [0, 1] as 0..255, (H, W) uint8."""
    return np.asarray(cv2.convertScaleAbs(share, alpha=255.0), dtype=np.uint8)


def overlay(result: "FusionResult") -> NDArray[np.uint8]:
    """Return the fused image, the glare outlined in amber and objects in it tinted red, (H, W, 3) uint8."""
    return draw_overlay(result.fused_rgb, result.guidance >= MASK_THRESHOLD, result.overexposure >= GLARE_THRESHOLD)


PICTURES: dict[str, Callable[["FusionResult"], NDArray[np.uint8]]] = {
    FUSED_IMAGE: lambda result: result.fused_rgb,
    OVEREXPOSURE_MASK: lambda result: to_mono8(result.overexposure),
    GUIDANCE_MASK: lambda result: to_mono8(result.guidance),
    OVERLAY: overlay,
}
"""Pictures that the node publishes, by topic."""
