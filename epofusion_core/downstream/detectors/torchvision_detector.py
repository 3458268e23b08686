"""Detectors of torchvision, from weights that the user has, or trained here."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch
import torchvision
from torch import nn

from epofusion_core.downstream.detections import Detections, gathered
from epofusion_core.downstream.detectors.coco import COCO_91
from epofusion_core.imaging import RgbImage

_COCO_CLASSES = 91


class TorchvisionDetector:
    """A detection model of torchvision."""

    def __init__(self, model: nn.Module, labels: Mapping[int, str]) -> None:
        """Take a model that is loaded, and the names of its classes by number."""
        self._model, self._labels = model.eval(), labels

    @property
    def classes(self) -> tuple[str, ...]:
        """Those that have a name."""
        return tuple(dict.fromkeys(self._labels.values()))

    @torch.inference_mode()
    def __call__(self, image: RgbImage) -> Detections:
        """Return what it finds in an (H, W, 3) uint8 RGB image."""
        found = self._model([image_tensor(image).to(next(self._model.parameters()).device)])[0]
        boxes, scores, numbers = (found[key].cpu().numpy() for key in ("boxes", "scores", "labels"))
        return gathered(
            [
                (label, boxes[numbers == number], scores[numbers == number])
                for number, label in self._labels.items()
                if np.any(numbers == number)
            ]
        )


def load_torchvision(model: str, weights: Path) -> TorchvisionDetector:
    """Load a detector that torchvision names, of COCO's 91 classes, with weights from a file.

    Raises:
        ValueError: there is no such model or file, or the weights are another model's.
    """
    if model not in torchvision.models.list_models(module=torchvision.models.detection):
        names = ", ".join(torchvision.models.list_models(module=torchvision.models.detection))
        raise ValueError(f"torchvision has no detector {model!r}; expected one of {names}")
    if not weights.is_file():
        raise ValueError(f"weights {weights} are missing; expected a state dict of torchvision's {model}")
    network = torchvision.models.get_model(model, weights=None, weights_backbone=None, num_classes=_COCO_CLASSES)
    try:
        network.load_state_dict(torch.load(weights, map_location="cpu", weights_only=True))
    except (RuntimeError, OSError, ValueError) as error:
        raise ValueError(f"weights {weights} are not those of {model}: {str(error).splitlines()[0]}") from error
    return TorchvisionDetector(network, COCO_91)


def image_tensor(image: RgbImage) -> torch.Tensor:
    """Return an (H, W, 3) uint8 RGB image as (3, H, W) float32 in [0, 1]."""
    return torch.from_numpy(np.ascontiguousarray(image.transpose(2, 0, 1))).float() / 255.0
