"""The pictures that are made of a fused pair: the fused image, both masks, and the overlay of them."""

from collections.abc import Callable
from typing import TYPE_CHECKING

import cv2
import numpy as np
from numpy.typing import NDArray

from epofusion_core.model.config import MASK_THRESHOLD
from epofusion_ros.messages.topics import FUSED_IMAGE, GUIDANCE_MASK, OVEREXPOSURE_MASK, OVERLAY

if TYPE_CHECKING:
    from epofusion_core.fuser import FusionResult

_GLARE_COLOUR = (255, 176, 0)
_OBJECT_COLOUR = (255, 32, 96)
_TINT = 0.45


def to_mono8(share: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Return a map of [0, 1] as 0..255, (H, W) uint8."""
    return np.asarray(cv2.convertScaleAbs(share, alpha=255.0), dtype=np.uint8)


def overlay(result: "FusionResult") -> NDArray[np.uint8]:
    """Return the fused image, the glare outlined in amber and objects in it tinted red, (H, W, 3) uint8."""
    image = result.fused_rgb.copy()
    objects = result.guidance >= MASK_THRESHOLD
    tinted = (1 - _TINT) * image[objects] + _TINT * np.asarray(_OBJECT_COLOUR, np.float32)
    image[objects] = np.rint(tinted).astype(np.uint8)
    glare = (result.overexposure >= 0.5).astype(np.uint8)
    outlines, _ = cv2.findContours(glare, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    return np.asarray(cv2.drawContours(image, outlines, -1, _GLARE_COLOUR, 1), dtype=np.uint8)


PICTURES: dict[str, Callable[["FusionResult"], NDArray[np.uint8]]] = {
    FUSED_IMAGE: lambda result: result.fused_rgb,
    OVEREXPOSURE_MASK: lambda result: to_mono8(result.overexposure),
    GUIDANCE_MASK: lambda result: to_mono8(result.guidance),
    OVERLAY: overlay,
}
"""Pictures that the node publishes, by topic."""
