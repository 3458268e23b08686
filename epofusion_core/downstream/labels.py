"""Segmentation labels: which class each pixel has, and the objects that follow from them."""

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from epofusion_core.downstream.truth import Truth

Labels = NDArray[np.uint8]
"""(H, W) numbers of classes; 255 counts neither way."""

UNKNOWN = 255

MSRS_CLASSES = (
    "background",
    "car",
    "person",
    "bike",
    "curve",
    "car stop",
    "guardrail",
    "colour cone",
    "bump",
)
"""By number, as the labels of MSRS have them (Table VI)."""

_KEY_CLASSES = frozenset({"person", "car", "bike", "bicycle", "bus", "truck", "motor", "motorcycle"})
"""Foreground that light spots lie over (paper III-D)."""

_MIN_SIDE_PX = 6


def read_labels(path: Path, classes: int) -> Labels:
    """Read labels.

    Raises:
        ValueError: the file is no image of one channel, or has a number that is no class.
    """
    image = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
    if image is None or image.ndim != 2 or image.dtype != np.uint8:
        raise ValueError(f"{path}: is no image of one channel of 8 bits; expected the number of each pixel's class")
    wrong = image[(image >= classes) & (image != UNKNOWN)]
    if wrong.size:
        raise ValueError(f"{path}: has class {int(wrong.max())}; expected 0 to {classes - 1}, or {UNKNOWN} for unknown")
    return np.asarray(image, dtype=np.uint8)


def objects_of_labels(labels: Labels, classes: Sequence[str]) -> Truth:
    """Return the people and vehicles of labels: each connected region is one, by its box."""
    boxes: list[tuple[int, int, int, int]] = []
    names: list[str | None] = []
    for number, name in enumerate(classes):
        if name in _KEY_CLASSES:
            _, _, stats, _ = cv2.connectedComponentsWithStats((labels == number).astype(np.uint8))
            for left, top, width, height in (tuple(map(int, row[:4])) for row in stats[1:]):
                if min(width, height) >= _MIN_SIDE_PX:
                    boxes.append((left, top, left + width, top + height))
                    names.append(name)
    return Truth(np.array(boxes, np.float64).reshape(-1, 4), tuple(names), has_classes=True)
