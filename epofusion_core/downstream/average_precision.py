"""AP50: average precision of a detector at an overlap (intersection over union) of one half."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from epofusion_core.downstream.detections import Boxes

IOU = 0.5


@dataclass(frozen=True)
class Frame:
    """What was found and what is there in one picture.

    Attributes:
        boxes: (N, 4), found.
        scores: (N,), of each.
        uncounted: (N,) bool, found where it does not count when there is nothing, outside the part that is measured.
        truth: (M, 4), what is there.
        ignored: (M,) bool, objects that need not be found, and may be.
    """

    boxes: Boxes
    scores: NDArray[np.float64]
    uncounted: NDArray[np.bool_]
    truth: Boxes
    ignored: NDArray[np.bool_]


@dataclass(frozen=True)
class Precision:
    """AP50 over pictures.

    Attributes:
        value: in [0, 1]; NaN where there is no object to find.
        objects: to find.
    """

    value: float
    objects: int


def average_precision(frames: Sequence[Frame]) -> Precision:
    """Return the area under precision over recall, precision being the best at that recall or a higher one.

    In each picture detections take, the surest first, the object that they overlap most and that no other has taken.
    """
    scores, hits = [np.zeros(0)], [np.zeros(0, bool)]
    objects = 0
    for frame in frames:
        counted, hit = _counted(frame)
        scores.append(frame.scores[counted])
        hits.append(hit[counted])
        objects += int(np.count_nonzero(~frame.ignored))
    if objects == 0:
        return Precision(math.nan, 0)
    order = np.argsort(-np.concatenate(scores), kind="stable")
    found = np.cumsum(np.concatenate(hits)[order])
    if found.size == 0:
        return Precision(0.0, objects)
    precision = np.maximum.accumulate((found / np.arange(1, found.size + 1))[::-1])[::-1]
    recall_gained = np.diff(found / objects, prepend=0.0)
    return Precision(float(np.sum(recall_gained * precision)), objects)


def scores_of_objects(frame: Frame) -> NDArray[np.float64]:
    """Return how sure the detector is of each object, (M,): the score of what has taken it, 0 where nothing has."""
    taken = _taken(frame)
    scores = np.zeros(len(frame.truth))
    for found, there in taken.items():
        scores[there] = frame.scores[found]
    return scores


def overlaps(boxes: Boxes, others: Boxes) -> NDArray[np.float64]:
    """Return the intersection over union of each with each, (N, M)."""
    near, far = np.maximum(boxes[:, None, :2], others[None, :, :2]), np.minimum(boxes[:, None, 2:], others[None, :, 2:])
    shared = np.clip(far - near, 0, None).prod(axis=-1)
    areas = [np.clip(each[:, 2:] - each[:, :2], 0, None).prod(axis=-1) for each in (boxes, others)]
    union = areas[0][:, None] + areas[1][None] - shared
    return np.asarray(np.divide(shared, union, out=np.zeros_like(shared), where=union > 0), dtype=np.float64)


def _taken(frame: Frame) -> dict[int, int]:
    """Return which object that counts each detection takes, by numbers."""
    overlap = np.where(frame.ignored, 0.0, overlaps(frame.boxes, frame.truth))
    taken: dict[int, int] = {}
    for found in np.argsort(-frame.scores, kind="stable") if len(frame.truth) else ():
        free = np.where(np.isin(np.arange(len(frame.truth)), list(taken.values())), 0.0, overlap[found])
        if free.max() >= IOU:
            taken[int(found)] = int(free.argmax())
    return taken


def _counted(frame: Frame) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Return which detections count, (N,), and which of them are right, (N,)."""
    hit = np.zeros(len(frame.boxes), bool)
    hit[list(_taken(frame))] = True
    beside_ignored = overlaps(frame.boxes, frame.truth[frame.ignored]).max(axis=1, initial=0.0) >= IOU
    return hit | ~(frame.uncounted | beside_ignored), hit
