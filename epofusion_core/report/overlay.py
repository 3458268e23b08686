"""The overlay: what is blown out and what was found in it, drawn on a picture."""

import cv2
import numpy as np
from numpy.typing import NDArray

GLARE_COLOUR, OBJECT_COLOUR = (255, 176, 0), (255, 32, 96)
"""RGB of the outline of what is blown out, and of the tint of objects in it."""

_TINT = 0.45


def draw_overlay(rgb: NDArray[np.uint8], objects: NDArray[np.bool_], glare: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """Return an (H, W, 3) uint8 picture with glare outlined in amber and objects tinted red; both masks are (H, W)."""
    image = rgb.copy()
    tinted = (1 - _TINT) * image[objects] + _TINT * np.asarray(OBJECT_COLOUR, np.float32)
    image[objects] = np.rint(tinted).astype(np.uint8)
    outlines, _ = cv2.findContours(glare.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    return np.asarray(cv2.drawContours(image, outlines, -1, GLARE_COLOUR, 1), dtype=np.uint8)
