"""What every detector gives, whatever its make."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from epofusion_core.imaging import RgbImage

Boxes = NDArray[np.float64]
"""(N, 4): left, top, right, bottom, pixels of the image."""

PERSON = "person"
CAR = "car"


@dataclass(frozen=True)
class Detections:
    """Objects that a detector found in an image.

    Attributes:
        boxes: (N, 4) float64.
        scores: (N,) float64, how sure it is; only their order matters.
        labels: N names of classes.
    """

    boxes: Boxes
    scores: NDArray[np.float64]
    labels: tuple[str, ...]

    def of(self, label: str | None) -> "Detections":
        """Return those of one class; of all without one."""
        if label is None:
            return self
        chosen = [index for index, each in enumerate(self.labels) if each == label]
        return Detections(self.boxes[chosen], self.scores[chosen], (label,) * len(chosen))

    def surest(self, count: int) -> "Detections":
        """Return the `count` surest."""
        chosen = np.argsort(-self.scores, kind="stable")[:count]
        return Detections(self.boxes[chosen], self.scores[chosen], tuple(self.labels[index] for index in chosen))


def gathered(found: Sequence[tuple[str, Boxes, NDArray[np.floating]]]) -> Detections:
    """Return the detections of several classes, each a name, boxes and scores."""
    labels = tuple(label for label, boxes, _ in found for _ in boxes)
    boxes = [np.asarray(boxes, np.float64).reshape(-1, 4) for _, boxes, _ in found]
    scores = [np.asarray(scores, np.float64).reshape(-1) for _, _, scores in found]
    return Detections(np.concatenate([np.zeros((0, 4)), *boxes]), np.concatenate([np.zeros(0), *scores]), labels)


class Detector(Protocol):
    """Finds objects in an image."""

    @property
    def classes(self) -> tuple[str, ...]:
        """The names of the classes that it knows."""
        ...

    def __call__(self, image: RgbImage) -> Detections:
        """Return what it finds in an (H, W, 3) uint8 RGB image."""
        ...
