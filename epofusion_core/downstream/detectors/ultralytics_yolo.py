"""YOLO of the ultralytics package, the paper's detector (VI-A), where the user has it: AGPL, so nothing needs it."""

from pathlib import Path

import numpy as np

from epofusion_core.downstream.detections import Detections, gathered
from epofusion_core.downstream.detectors.coco import OF_COCO_NAME
from epofusion_core.imaging import RgbImage

_MIN_SCORE = 0.005


class UltralyticsDetector:
    """A model of ultralytics, from a file that the user has."""

    def __init__(self, weights: Path) -> None:
        """Load it.

        Raises:
            ValueError: ultralytics is not installed, or there is no such file.
        """
        try:
            from ultralytics import YOLO
        except ImportError as error:
            raise ValueError(
                f"judge {weights} needs the ultralytics package, which is not installed: pip install ultralytics (AGPL)"
            ) from error
        if not weights.is_file():
            raise ValueError(f"weights {weights} are missing; expected a file of ultralytics, such as yolo11n.pt")
        self._model = YOLO(weights)
        names = dict(self._model.names)
        self._labels = {number: OF_COCO_NAME.get(name, name) for number, name in names.items()}

    @property
    def classes(self) -> tuple[str, ...]:
        """Those that it was trained for, people and cars by our names."""
        return tuple(dict.fromkeys(self._labels.values()))

    def __call__(self, image: RgbImage) -> Detections:
        """Return what it finds in an (H, W, 3) uint8 RGB image."""
        bgr = np.ascontiguousarray(image[..., ::-1])
        found = self._model.predict(bgr, conf=_MIN_SCORE, verbose=False)[0].boxes
        boxes, scores = found.xyxy.cpu().numpy(), found.conf.cpu().numpy()
        labels = [self._labels[int(number)] for number in found.cls.cpu().numpy()]
        found_each = zip(labels, boxes, scores, strict=True)
        return gathered([(label, box[None], score[None]) for label, box, score in found_each])
