"""What is in a picture: the objects that detectors are to find, and which part of the picture each lies in."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

import numpy as np
from numpy.typing import NDArray

from epofusion_core.data.annotations import Annotations, Box, Correction, read_boxes
from epofusion_core.data.pairs import FilePair
from epofusion_core.downstream.detections import Boxes
from epofusion_core.exposure import SATURATED_LUMA

CLASSES = ("person", "bicycle", "car")
"""Names of the classes of a dataset's boxes by their numbers, as MSRS has them."""

ANY_CLASS = "object"
"""Name of what is found where only boxes are known, not classes."""

_BLOWN_OUT_SHARE = 0.2


class Part(str, Enum):
    """A part of a picture."""

    ALL = "all"
    GLARE = "in the glare"
    ELSEWHERE = "elsewhere"


@dataclass(frozen=True)
class Truth:
    """The objects of a pair.

    Attributes:
        boxes: (N, 4) float64, pixels.
        labels: N names; None where the class is unknown.
        has_classes: whether classes are known at all; an object without one then counts neither way.
        parts: that all objects are known of.
    """

    boxes: Boxes
    labels: tuple[str | None, ...]
    has_classes: bool
    parts: tuple[Part, ...] = tuple(Part)


def truth_of(
    pair: FilePair, annotations: Annotations, height: int, width: int, classes: Sequence[str] = CLASSES
) -> Truth | None:
    """Return the objects of a pair; None where nobody has marked any.

    The first of these that there is: the pair's own boxes, corrected, which have classes; its boxes as marked; those
    marked in its glare, which are all that is known of it.

    Args:
        pair: paths.
        annotations: what was marked.
        height, width: of its images.
        classes: names of the classes of its own boxes, by number.

    Raises:
        ValueError: boxes cannot be read, a class has no name, or a correction is wrong; the sentence names the pair.
    """
    if pair.boxes is not None:
        try:
            return _own(pair, annotations.box_corrections.get(pair.name, ()), height, width, classes)
        except ValueError as error:
            raise ValueError(f"pair {pair.name}: {error}") from error
    if pair.name in annotations.object_boxes:
        return _marked(annotations.object_boxes[pair.name], tuple(Part))
    if pair.name in annotations.glare_boxes:
        return _marked(annotations.glare_boxes[pair.name], (Part.GLARE,))
    return None


def in_glare(boxes: Boxes, luma: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Return which boxes, (N,), are blown out by a fifth of their area or more in the visible image.

    Args:
        boxes: (N, 4), pixels.
        luma: (H, W) uint8 of the visible image that was fused.
    """
    saturated = np.zeros((luma.shape[0] + 1, luma.shape[1] + 1), np.int64)
    saturated[1:, 1:] = (luma >= SATURATED_LUMA).cumsum(axis=0).cumsum(axis=1)
    limits = np.array([luma.shape[1], luma.shape[0]] * 2)
    left, top, right, bottom = np.clip(np.rint(boxes), 0, limits).astype(int).reshape(-1, 4).T
    area = np.maximum((right - left) * (bottom - top), 1)
    inside = saturated[bottom, right] - saturated[top, right] - saturated[bottom, left] + saturated[top, left]
    return np.asarray((inside >= _BLOWN_OUT_SHARE * area) & (right > left) & (bottom > top), dtype=bool)


def _own(pair: FilePair, corrections: Sequence[Correction], height: int, width: int, classes: Sequence[str]) -> Truth:
    assert pair.boxes is not None
    labels = [_name(line.split()[0], classes) for line in pair.boxes.read_text().splitlines() if line.strip()]
    boxes = read_boxes(pair.boxes, height, width)
    if len(boxes) != len(labels):
        raise ValueError(f"{pair.boxes}: has boxes without area; expected none, since corrections count them")
    objects: dict[int, tuple[Box, str | None]] = dict(enumerate(zip(boxes, labels, strict=True)))
    added: list[Box] = []
    for correction in corrections:
        if correction.number is None:
            added += [correction.box] if correction.box else []
        elif correction.number not in objects:
            raise ValueError(f"box {correction.number} is to be corrected; expected one of {len(boxes)}")
        elif correction.box is None:
            del objects[correction.number]
        else:
            objects[correction.number] = (correction.box, objects[correction.number][1])
    known = [*objects.values(), *((box, None) for box in added)]
    return Truth(_edges([box for box, _ in known]), tuple(label for _, label in known), has_classes=True)


def _name(number: str, classes: Sequence[str]) -> str:
    if not number.isdigit() or int(number) >= len(classes):
        raise ValueError(f"class {number} has no name; expected 0 to {len(classes) - 1}: {', '.join(classes)}")
    return classes[int(number)]


def _marked(boxes: Sequence[Box], parts: tuple[Part, ...]) -> Truth:
    return Truth(_edges(boxes), (None,) * len(boxes), has_classes=False, parts=parts)


def _edges(boxes: Sequence[Box]) -> Boxes:
    return np.array([(box.left, box.top, box.right, box.bottom) for box in boxes], np.float64).reshape(-1, 4)
