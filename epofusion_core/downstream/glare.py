"""Test images: as they are, with light spots over objects as in the paper (VI-A), or overexposed from one side."""

import zlib
from enum import Enum

import numpy as np

from epofusion_core.data.glare import add_glare, random_spot
from epofusion_core.downstream.truth import Truth
from epofusion_core.imaging import RgbImage
from epofusion_core.training.augment import AugmentConfig, Crop, random_exposure

_SHARE_OF_OBJECTS = 0.5


class Glare(str, Enum):
    """What is added to the visible images of a test."""

    NONE = "none"
    SPOTS = "spots"
    OVEREXPOSURE = "overexposure"


def add_test_glare(visible: RgbImage, truth: Truth, glare: Glare, name: str, seed: int) -> RgbImage:
    """Return the visible image of a test; a pure function of its arguments.

    Args:
        visible: (H, W, 3) uint8.
        truth: the objects; spots lie over half of those whose class is known, drawn by a coin for each.
        glare: what to add.
        name: of the pair.
        seed: of what is random.
    """
    rng = np.random.default_rng((seed, zlib.crc32(name.encode())))
    if glare is Glare.SPOTS:
        return _with_spots(visible, truth, rng)
    if glare is Glare.OVEREXPOSURE:
        blank = np.zeros(visible.shape[:2], np.uint8)
        return random_exposure(Crop(visible, blank, blank), AugmentConfig(exposure=1.0), rng).visible
    return visible


def _with_spots(visible: RgbImage, truth: Truth, rng: np.random.Generator) -> RgbImage:
    known = [
        box for box, label in zip(truth.boxes, truth.labels, strict=True) if label is not None or not truth.has_classes
    ]
    spots = []
    for left, top, right, bottom in known:
        chosen = rng.random() < _SHARE_OF_OBJECTS
        spot = random_spot(rng, (left + right) / 2, (top + bottom) / 2, float(np.sqrt((right - left) * (bottom - top))))
        spots += [spot] if chosen else []
    return add_glare(visible, spots)
