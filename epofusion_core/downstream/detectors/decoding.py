"""From a network's output to boxes and scores, for the kinds of output that `description` has."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from epofusion_core.downstream.detections import Boxes, Detections, gathered
from epofusion_core.downstream.detectors.description import (
    DetectorDescription,
    DistributionOutput,
    NetworkInput,
    SsdOutput,
    YoloOutput,
)
from epofusion_core.imaging import RgbImage

Array = NDArray[np.float32]

_CANDIDATES = 1000
"""Boxes of a class that non-maximum suppression looks at, the surest."""


@dataclass(frozen=True)
class Placement:
    """Where the image lies in the network's input: input = image * scale + offset, both (x, y), pixels."""

    scale: tuple[float, float]
    offset: tuple[float, float]

    def to_image(self, boxes: NDArray[np.floating], height: int, width: int) -> Boxes:
        """Return boxes of the input in pixels of the image, cut off at its border."""
        scale, offset = np.array(self.scale * 2), np.array(self.offset * 2)
        return np.asarray(np.clip((boxes - offset) / scale, 0, [width, height, width, height]), dtype=np.float64)


def network_input(image: RgbImage, wanted: NetworkInput) -> tuple[NDArray[np.generic], Placement]:
    """Return the input of a network, with a batch of one, and where the image lies in it."""
    (height, width), (rows, columns) = image.shape[:2], wanted.size
    if wanted.resize == "stretch":
        placed = cv2.resize(image, (columns, rows), interpolation=cv2.INTER_LINEAR)
        placement = Placement((columns / width, rows / height), (0.0, 0.0))
    else:
        scale = min(rows / height, columns / width)
        small = cv2.resize(image, (round(width * scale), round(height * scale)), interpolation=cv2.INTER_LINEAR)
        spare = rows - small.shape[0], columns - small.shape[1]
        top, left = (spare[0] // 2, spare[1] // 2) if wanted.resize == "letterbox" else (0, 0)
        placed = np.full((rows, columns, 3), wanted.padding, np.uint8)
        placed[top : top + small.shape[0], left : left + small.shape[1]] = small
        placement = Placement((small.shape[1] / width, small.shape[0] / height), (float(left), float(top)))
    if wanted.colour == "bgr":
        placed = placed[..., ::-1]
    scaled = (placed.astype(np.float32) - np.array(wanted.mean, np.float32)) / np.array(wanted.std, np.float32)
    batch = (placed if wanted.dtype == "uint8" else scaled)[None]
    return np.ascontiguousarray(batch.transpose(0, 3, 1, 2) if wanted.layout == "nchw" else batch), placement


def decode(
    outputs: Mapping[str, Array], description: DetectorDescription, placement: Placement, height: int, width: int
) -> Detections:
    """Return what a network has found.

    Args:
        outputs: by name, in the network's order.
        description: what they mean.
        placement: of the image in the input.
        height, width: of the image.

    Raises:
        ValueError: the outputs are not as described.
    """
    if isinstance(description.output, SsdOutput):
        return _selected(outputs, description, description.output, placement, height, width)
    if isinstance(description.output, YoloOutput):
        boxes, scores = _yolo(list(outputs.values()), description.output, description.input.size)
    else:
        boxes, scores = _distribution(list(outputs.values()), description.output, description.input.size)
    highest = max(index for numbers in description.classes.values() for index in numbers)
    if highest >= scores.shape[1]:
        raise ValueError(f"the network has {scores.shape[1]} classes; expected one of number {highest}, as described")
    found = []
    for label, numbers in description.classes.items():
        score = scores[:, list(numbers)].max(axis=1)
        kept = suppress(boxes, score, description.nms_iou, description.min_score)
        found.append((label, placement.to_image(boxes[kept], height, width), score[kept]))
    return gathered(found)


def suppress(boxes: NDArray[np.floating], scores: NDArray[np.floating], iou: float, min_score: float) -> list[int]:
    """Return which boxes stay, the surest first, when of two that overlap by more than `iou` the less sure goes."""
    chosen = np.flatnonzero(scores > min_score)
    chosen = chosen[np.argsort(-scores[chosen], kind="stable")][:_CANDIDATES]
    if not chosen.size:
        return []
    corners = boxes[chosen]
    rectangles = np.hstack([corners[:, :2], corners[:, 2:] - corners[:, :2]]).astype(float).tolist()
    kept = cv2.dnn.NMSBoxes(rectangles, scores[chosen].astype(float).tolist(), 0.0, iou)
    return [int(chosen[index]) for index in np.asarray(kept, int).ravel()]


def _yolo(outputs: Sequence[Array], output: YoloOutput, size: tuple[int, int]) -> tuple[Array, Array]:
    """Return (N, 4) boxes in input pixels and (N, C) scores."""
    if len(outputs) != 1 or outputs[0].ndim != 3:
        shapes = ", ".join(str(each.shape) for each in outputs)
        raise ValueError(f"the network's output is {shapes}; expected one of (1, N, 4 + classes), or transposed")
    table = outputs[0][0]
    if not output.strides and table.shape[0] < table.shape[1]:
        table = table.T
    centres, sizes = table[:, :2], table[:, 2:4]
    if output.strides:
        cells, strides = _grid(output.strides, size)
        if len(cells) != len(table):
            raise ValueError(f"the network gives {len(table)} boxes; expected {len(cells)} for strides and input size")
        centres, sizes = (centres + cells) * strides, np.exp(sizes) * strides
    scores = table[:, 4:5] * table[:, 5:] if output.objectness else table[:, 4:]
    return np.hstack([centres - sizes / 2, centres + sizes / 2]), scores


def _distribution(outputs: Sequence[Array], output: DistributionOutput, size: tuple[int, int]) -> tuple[Array, Array]:
    count = len(output.strides)
    if len(outputs) != 2 * count:
        raise ValueError(f"the network has {len(outputs)} outputs; expected scores and distances of {count} strides")
    boxes, scores = [], []
    for stride, score, distances in zip(output.strides, outputs[:count], outputs[count:], strict=True):
        cells, _ = _grid((stride,), size)
        weights = np.exp(distances.reshape(len(cells), 4, -1))
        share = weights / weights.sum(axis=-1, keepdims=True)
        edges = share @ np.arange(weights.shape[-1], dtype=np.float32) * stride
        points = (cells + output.centre) * stride + output.offset_px
        boxes.append(np.hstack([points - edges[:, :2], points + edges[:, 2:]]))
        scores.append(score.reshape(len(cells), -1))
    return np.concatenate(boxes), np.concatenate(scores)


def _grid(strides: Sequence[int], size: tuple[int, int]) -> tuple[Array, Array]:
    """Return column and row of each cell, (N, 2), and its stride, (N, 1)."""
    cells, of_stride = [], []
    for stride in strides:
        rows, columns = np.mgrid[: size[0] // stride, : size[1] // stride].astype(np.float32)
        cells.append(np.stack([columns, rows], axis=-1).reshape(-1, 2))
        of_stride.append(np.full((len(cells[-1]), 1), stride, np.float32))
    return np.concatenate(cells), np.concatenate(of_stride)


def _selected(
    outputs: Mapping[str, Array],
    description: DetectorDescription,
    output: SsdOutput,
    placement: Placement,
    height: int,
    width: int,
) -> Detections:
    names = output.boxes, output.scores, output.labels
    if missing := [name for name in names if name not in outputs]:
        raise ValueError(f"the network has no output {missing[0]}; it has {', '.join(outputs)}")
    boxes, scores, numbers = (outputs[name].reshape(-1, *outputs[name].shape[2:]) for name in names)
    if output.order == "yxyx":
        boxes = boxes[:, [1, 0, 3, 2]]
    if output.normalised:
        boxes = boxes * np.array([description.input.size[1], description.input.size[0]] * 2, np.float32)
    found = []
    for label, of_class in description.classes.items():
        kept = np.isin(numbers.round().astype(int), of_class) & (scores > description.min_score)
        found.append((label, placement.to_image(boxes[kept], height, width), scores[kept]))
    return gathered(found)
