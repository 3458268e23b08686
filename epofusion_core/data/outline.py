"""Outlines of salient infrared objects within boxes: the SAM-assisted step of the paper's IVOE pipeline (III-D).

Two ways, one protocol, `annotations.Outliner`: GrabCut of OpenCV, which needs no download, and SAM from a local
checkpoint.
"""

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from epofusion_core.data.annotations import Box, Mask
from epofusion_core.imaging import GreyImage

_SMALLEST_CONTRAST = 8.0
"""Grey levels by which an object must be warmer than its surroundings to be salient."""

_SMALLEST_SHARE = 0.08
"""Share of its box that must be that warm."""

_LIKELY_OBJECT = 0.8
"""Within this share of the ellipse inscribed in its box, an object is likely, however warm."""

_POSITION_WEIGHT = 0.3
"""Weight of the position in the box against the grey level."""


class GrabCutOutliner:
    """GrabCut on the infrared image, started from what differs from the box's surroundings.

    Pixels warmer than the surroundings certainly belong to the object, and the middle of the box probably does. The
    position in the box counts beside the grey level, so that a car is outlined whole and not by its warm wheels alone.
    An object without a warmer pixel is not salient in the infrared, and its mask is empty.
    """

    def __init__(self, iterations: int = 4, margin: float = 0.35) -> None:
        """Set the number of GrabCut iterations and the surroundings seen, as a share of the box's size."""
        self._iterations, self._margin = iterations, margin

    def __call__(self, infrared: GreyImage, boxes: Sequence[Box]) -> list[Mask]:
        """Return one (H, W) bool mask a box, inside the box."""
        return [self._outline(infrared, box.clipped(*infrared.shape)) for box in boxes]

    def _outline(self, infrared: GreyImage, box: Box) -> Mask:
        height, width = infrared.shape
        reach_x, reach_y = (max(4, round(size * self._margin)) for size in (box.width, box.height))
        top, bottom = max(0, box.top - reach_y), min(height, box.bottom + reach_y)
        left, right = max(0, box.left - reach_x), min(width, box.right + reach_x)
        window = np.asarray(cv2.medianBlur(infrared[top:bottom, left:right].copy(), 3), dtype=np.uint8)
        within = np.zeros(window.shape, bool)
        within[box.top - top : box.bottom - top, box.left - left : box.right - left] = True
        mask = np.zeros((height, width), bool)
        if not within.any():
            return mask
        seed = _differs_from_surroundings(window, within)
        if seed.sum() >= _SMALLEST_SHARE * within.sum():
            mask[top:bottom, left:right] = self._cut(window, within, seed)
        return mask

    def _cut(self, window: GreyImage, within: Mask, seed: Mask) -> Mask:
        from_centre = _distance_from_centre(within)
        labels = np.where(within, cv2.GC_PR_BGD, cv2.GC_BGD).astype(np.uint8)
        labels[within & (from_centre < _LIKELY_OBJECT)] = cv2.GC_PR_FGD
        labels[seed] = cv2.GC_FGD
        if not (labels == cv2.GC_BGD).any():
            return seed
        stretched = np.asarray(cv2.normalize(window, np.empty_like(window), 0, 255, cv2.NORM_MINMAX), dtype=np.uint8)
        position = np.asarray(_POSITION_WEIGHT * np.clip(from_centre / 1.5, 0, 1) * 255, dtype=np.uint8)
        models = np.zeros((2, 1, 65))
        # GrabCut seeds its clusters from OpenCV's global generator: fixed, so that equal input gives equal masks.
        cv2.setRNGSeed(0)
        image = np.dstack([stretched, stretched, position])
        cv2.grabCut(image, labels, (0, 0, 1, 1), models[0], models[1], self._iterations, cv2.GC_INIT_WITH_MASK)
        found = (labels == cv2.GC_FGD) | (labels == cv2.GC_PR_FGD)
        size = max(3, round(min(window.shape) * 0.06) | 1)
        kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (size, size))
        return np.asarray(cv2.morphologyEx(found.astype(np.uint8), cv2.MORPH_CLOSE, kernel), dtype=bool) & within


def _distance_from_centre(within: Mask) -> NDArray[np.float32]:
    """Return the distance from the centre of the box, (H, W), that is 1 on the ellipse inscribed in it."""
    scaled = []
    for axis in (0, 1):
        inside = np.flatnonzero(within.any(axis=1 - axis))
        centre, radius = (inside[0] + inside[-1]) / 2, len(inside) / 2
        scaled.append((np.arange(within.shape[axis], dtype=np.float32) - centre) / radius)
    return np.asarray(np.hypot(scaled[0][:, None], scaled[1][None, :]), dtype=np.float32)


def _differs_from_surroundings(window: GreyImage, within: Mask) -> Mask:
    """Return the pixels within the box that are warmer than its surroundings by more than they vary themselves."""
    around = window[~within] if (~within).any() else window
    usual = float(np.median(around))
    spread = 1.5 * float(np.median(np.abs(around - usual)))
    return np.asarray(within & (window > usual + max(_SMALLEST_CONTRAST, 2.0 * spread)), dtype=bool)


class SamOutliner:
    """Segment Anything by the transformers library, from a checkpoint folder that the user has."""

    def __init__(self, checkpoint: Path, device: str = "cpu") -> None:
        """Load `SamModel` and `SamProcessor` from a local folder; nothing is downloaded.

        Raises:
            ValueError: transformers is not installed, or the folder holds no SAM checkpoint.
        """
        try:
            from transformers import SamModel, SamProcessor  # type: ignore[import-not-found,unused-ignore]
        except ImportError as error:
            raise ValueError("outline 'sam' needs the transformers library: pip install transformers") from error
        if not checkpoint.is_dir():
            raise ValueError(f"SAM checkpoint {checkpoint} is no folder; expected one saved by transformers")
        try:
            self._model = SamModel.from_pretrained(checkpoint, local_files_only=True).to(device).eval()
            self._processor = SamProcessor.from_pretrained(checkpoint, local_files_only=True)
        except (OSError, ValueError) as error:
            raise ValueError(f"SAM checkpoint {checkpoint} cannot be loaded: {error}") from error

    def __call__(self, infrared: GreyImage, boxes: Sequence[Box]) -> list[Mask]:
        """Return the most confident of SAM's masks for each box, cut to the box."""
        if not boxes:
            return []
        import torch

        boxes = [box.clipped(*infrared.shape) for box in boxes]
        corners = [[[box.left, box.top, box.right, box.bottom] for box in boxes]]
        inputs = self._processor(np.dstack([infrared] * 3), input_boxes=corners, return_tensors="pt").to(
            self._model.device
        )
        with torch.inference_mode():
            outputs = self._model(**inputs)
        candidates = self._processor.image_processor.post_process_masks(
            outputs.pred_masks.cpu(), inputs["original_sizes"].cpu(), inputs["reshaped_input_sizes"].cpu()
        )[0]
        best = outputs.iou_scores[0].argmax(dim=-1)
        masks = []
        for index, box in enumerate(boxes):
            mask = np.zeros(infrared.shape, bool)
            window = (slice(box.top, box.bottom), slice(box.left, box.right))
            mask[window] = candidates[index, int(best[index])].numpy()[window]
            masks.append(mask)
        return masks
