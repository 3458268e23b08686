"""The paper's Table VI: SegFormer trained equally long on each method's images, judged by intersection over union."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from epofusion_core.downstream.labels import UNKNOWN, Labels, read_labels
from epofusion_core.downstream.schedule import TrainingSchedule
from epofusion_core.imaging import read_rgb

_MEAN = torch.tensor([0.485, 0.456, 0.406]).view(3, 1, 1)
_STD = torch.tensor([0.229, 0.224, 0.225]).view(3, 1, 1)
_SIDE_MULTIPLE = 32


@dataclass(frozen=True)
class LabelledImage:
    """An image of a method, and which class each of its pixels has.

    Attributes:
        image: path.
        labels: path of an image of one channel, 8 bits: numbers of classes.
    """

    image: Path
    labels: Path


def labelled_images(images: Path, labels: Path) -> list[LabelledImage]:
    """Return the images below a folder that have labels of the same name below another, sorted.

    Raises:
        ValueError: there is none.
    """
    found = [
        LabelledImage(image, file)
        for image in sorted(images.rglob("*.png"))
        if (file := labels / image.relative_to(images)).is_file()
    ]
    if not found:
        raise ValueError(f"{labels} has no labels for the images in {images}; expected NAME.png as the pairs are named")
    return found


def train_segformer(
    samples: Sequence[LabelledImage], classes: int, schedule: TrainingSchedule, crop_px: int, start: Path | None = None
) -> nn.Module:
    """Train SegFormer (Xie et al. 2021) of the size b0.

    Args:
        samples: to train on.
        classes: how many there are.
        schedule: how long.
        crop_px: side of the square crops.
        start: folder of weights that `transformers` saved, such as an encoder pretrained on ImageNet; first weights
            are random without it.

    Raises:
        ValueError: transformers is not installed, the folder holds no weights, or labels cannot be read.
    """
    torch.manual_seed(schedule.seed)
    network = _segformer(classes, start).to(schedule.device).train()
    optimiser = torch.optim.AdamW(network.parameters(), lr=schedule.learning_rate)
    falling = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, schedule.iterations)
    for images, labels in _batches(samples, classes, schedule, crop_px):
        logits = network(pixel_values=images.to(schedule.device)).logits
        large = nn.functional.interpolate(logits, size=labels.shape[1:], mode="bilinear", align_corners=False)
        loss = nn.functional.cross_entropy(large, labels.to(schedule.device), ignore_index=UNKNOWN)
        optimiser.zero_grad()
        torch.autograd.backward(loss)
        optimiser.step()
        falling.step()
    return network.eval()


@dataclass(frozen=True)
class Agreement:
    """Intersection over union on test images.

    Attributes:
        iou: of each class; NaN for one that neither the labels nor the network has.
    """

    iou: tuple[float, ...]

    @property
    def mean(self) -> float:
        """Over the classes that occur."""
        known = [value for value in self.iou if not math.isnan(value)]
        return math.fsum(known) / len(known) if known else math.nan


@torch.inference_mode()
def agreement(network: nn.Module, samples: Sequence[LabelledImage], classes: int) -> Agreement:
    """Segment test images and compare, all pixels together.

    Raises:
        ValueError: labels cannot be read, or have another size than their image.
    """
    counts = np.zeros((classes, classes), np.int64)
    for sample in samples:
        image, labels = _read(sample, classes)
        counts += confusion(_segment(network, image), labels, classes)
    right = counts.diagonal()
    union = counts.sum(axis=0) + counts.sum(axis=1) - right
    return Agreement(tuple(float(r / u) if u else math.nan for r, u in zip(right, union, strict=True)))


def confusion(predicted: Labels, true: Labels, classes: int) -> NDArray[np.int64]:
    """Return how many pixels of each true class (rows) are predicted as each class (columns), (C, C)."""
    known = true != UNKNOWN
    pairs = true[known].astype(np.int64) * classes + predicted[known]
    return np.bincount(pairs, minlength=classes * classes).reshape(classes, classes)


def _segment(network: nn.Module, image: NDArray[np.uint8]) -> Labels:
    height, width = image.shape[:2]
    rows, columns = (max(_SIDE_MULTIPLE, round(side / _SIDE_MULTIPLE) * _SIDE_MULTIPLE) for side in (height, width))
    fitting = np.asarray(cv2.resize(image, (columns, rows), interpolation=cv2.INTER_LINEAR), np.uint8)
    logits = network(pixel_values=_tensor(fitting)[None].to(next(network.parameters()).device)).logits
    large = nn.functional.interpolate(logits, size=(height, width), mode="bilinear", align_corners=False)
    return np.asarray(large[0].argmax(dim=0).cpu().numpy(), dtype=np.uint8)


def _segformer(classes: int, start: Path | None) -> nn.Module:
    try:
        from transformers import SegformerConfig, SegformerForSemanticSegmentation
    except ImportError as error:
        raise ValueError("SegFormer needs the transformers library, which is not installed") from error
    if start is None:
        network: nn.Module = SegformerForSemanticSegmentation(SegformerConfig(num_labels=classes))
        return network
    try:
        return SegformerForSemanticSegmentation.from_pretrained(  # type: ignore[no-any-return]
            start, num_labels=classes, ignore_mismatched_sizes=True, local_files_only=True
        )
    except (OSError, ValueError) as error:
        raise ValueError(f"weights {start} cannot be loaded: {error}") from error


def _batches(
    samples: Sequence[LabelledImage], classes: int, schedule: TrainingSchedule, crop_px: int
) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
    """Yield images (B, 3, crop, crop) and labels (B, crop, crop) for each iteration, in an order of the seed."""
    rng = np.random.default_rng(schedule.seed)
    for chosen in schedule.batches(len(samples), rng):
        crops = [_crop(*_read(samples[index], classes), crop_px, rng) for index in chosen]
        images, labels = zip(*crops, strict=True)
        yield torch.stack([_tensor(image) for image in images]), torch.from_numpy(np.stack(labels)).long()


def _crop(
    image: NDArray[np.uint8], labels: Labels, crop_px: int, rng: np.random.Generator
) -> tuple[NDArray[np.uint8], Labels]:
    """Return a square, mirrored by a coin; what lies outside the image is black and unknown."""
    missing = [max(0, crop_px - side) for side in labels.shape]
    image = np.pad(image, ((0, missing[0]), (0, missing[1]), (0, 0)))
    labels = np.pad(labels, ((0, missing[0]), (0, missing[1])), constant_values=UNKNOWN)
    top, left = (int(rng.integers(0, side - crop_px + 1)) for side in labels.shape)
    window = slice(top, top + crop_px), slice(left, left + crop_px)
    step = -1 if rng.random() < 0.5 else 1
    return np.ascontiguousarray(image[window][:, ::step]), np.ascontiguousarray(labels[window][:, ::step])


def _read(sample: LabelledImage, classes: int) -> tuple[NDArray[np.uint8], Labels]:
    image, labels = read_rgb(sample.image), read_labels(sample.labels, classes)
    if image.shape[:2] != labels.shape:
        raise ValueError(
            f"{sample.labels}: is {labels.shape}, its image {image.shape[:2]} pixels; expected equal sizes"
        )
    return image, labels


def _tensor(image: NDArray[np.uint8]) -> torch.Tensor:
    scaled = torch.from_numpy(np.ascontiguousarray(image.transpose(2, 0, 1))).float() / 255.0
    return (scaled - _MEAN) / _STD
