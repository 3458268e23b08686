"""The training set: pairs held in memory, and samples that are pure functions of their number.

Sample n draws everything from a generator seeded by (seed, n). Training therefore resumes bit for bit at any sample,
and several processes that take different numbers never repeat each other.
"""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypedDict

import cv2
import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

from epofusion_core.data.annotations import MarkedBoxes, Markings
from epofusion_core.data.clips import Clip, read_clip
from epofusion_core.data.outline import Outliner, inside_boxes, outline_or_box
from epofusion_core.data.pairs import Pair
from epofusion_core.data.saliency import salient_infrared
from epofusion_core.exposure import overexposed_region
from epofusion_core.imaging import luma, read_grey, read_rgb
from epofusion_core.training.augment import AugmentConfig, Crop, jitter, random_crop, random_exposure, random_glare


class Sample(TypedDict):
    """One training sample, or a batch of them with a leading dimension.

    luma, infrared: (1, H, W) float32 in [0, 1]; mask: M, and overexposed: the region that it lies in, (1, H, W)
    float32, 0 or 1; annotated: (1, 1, 1) float32, 1 where the mask comes of annotated objects and may teach the
    guidance head, 0 where it comes of a rule.
    """

    luma: Tensor
    infrared: Tensor
    mask: Tensor
    overexposed: Tensor
    annotated: Tensor


@dataclass(frozen=True)
class LoadedPair:
    """A pair in memory.

    Attributes:
        name: of the pair.
        images: a crop of its full size.
        annotated: whether its objects are more than a rule's.
        takes_glare: whether it may be overexposed further; not where objects are marked inside the glare that it has,
            and nowhere else.
    """

    name: str
    images: Crop
    annotated: bool
    takes_glare: bool = True


def load_pair(
    pair: Pair,
    longest_px: int = 800,
    objects_folder: Path | None = None,
    markings: Markings | None = None,
    glare_boxes: MarkedBoxes | None = None,
    outliner: Outliner | None = None,
) -> LoadedPair:
    """Read a pair and find its salient infrared objects.

    The objects are those of the pair's mask where it has one; else the outlines of annotated objects found before
    (`<objects_folder>/<name>.png`); else what was marked in it, its own boxes where they were corrected, or what was
    marked in its glare; else, by rule, what is salient in the infrared.

    Args:
        pair: paths.
        longest_px: larger images are scaled down to this.
        objects_folder: outlines of annotated objects, written by `epofusion ivoe outline`.
        markings: all objects of pairs.
        glare_boxes: boxes of the objects inside the glare that a pair has, and of no others.
        outliner: finds the objects in boxes; a box counts as a whole without one, and where it finds none.

    Raises:
        ValueError: an image or its boxes cannot be read, or the sizes differ; the sentence names the pair.
    """
    visible, infrared = read_rgb(pair.visible), read_grey(pair.infrared)
    outlines = objects_folder / f"{pair.name}.png" if objects_folder else None
    known = pair.mask or (outlines if outlines is not None and outlines.is_file() else None)
    try:
        all_boxes = markings.boxes_of(pair, *infrared.shape) if markings else None
    except ValueError as error:
        raise ValueError(f"pair {pair.name}: {error}") from error
    in_glare = glare_boxes.get(pair.name) if glare_boxes else None
    boxes = in_glare if all_boxes is None else all_boxes
    if known is not None:
        objects = read_grey(known) > 0
    elif boxes is not None:
        objects = outline_or_box(outliner, infrared, boxes) if outliner else inside_boxes(boxes, *infrared.shape)
    else:
        objects = salient_infrared(infrared)
    annotated = known is not None or boxes is not None
    loaded = _loaded(pair.name, Crop(visible, infrared, objects.astype(np.uint8)), annotated, longest_px)
    return replace(loaded, takes_glare=known is not None or all_boxes is not None or in_glare is None)


def load_clip(clip: Clip, step: int, longest_px: int = 800) -> list[LoadedPair]:
    """Read every step-th frame of a pair of videos; objects are, by rule, what is salient in the infrared.

    Raises:
        ValueError: a video cannot be decoded, or the sizes differ; the sentence names it.
    """
    return [
        _loaded(
            f"{clip.name}/{number * step}",
            Crop(visible, infrared, salient_infrared(infrared).astype(np.uint8)),
            False,
            longest_px,
        )
        for number, (visible, infrared) in enumerate(read_clip(clip, step=step))
    ]


def _loaded(name: str, images: Crop, annotated: bool, longest_px: int) -> LoadedPair:
    """Check the sizes and scale down what is larger than asked for."""
    visible, infrared, objects = images.visible, images.infrared, images.objects
    if visible.shape[:2] != infrared.shape:
        raise ValueError(
            f"pair {name}: visible is {visible.shape[1]}x{visible.shape[0]}, infrared "
            f"{infrared.shape[1]}x{infrared.shape[0]} pixels; expected equal sizes"
        )
    scale = longest_px / max(infrared.shape)
    if scale < 1:
        size = (round(infrared.shape[1] * scale), round(infrared.shape[0] * scale))
        visible = np.asarray(cv2.resize(visible, size, interpolation=cv2.INTER_AREA), dtype=np.uint8)
        infrared = np.asarray(cv2.resize(infrared, size, interpolation=cv2.INTER_AREA), dtype=np.uint8)
        objects = np.asarray(cv2.resize(objects, size, interpolation=cv2.INTER_NEAREST), dtype=np.uint8)
    return LoadedPair(name, Crop(visible, infrared, objects), annotated)


def to_sample(crop: Crop, *, annotated: bool) -> Sample:
    """Return tensors; M is where salient objects lie inside the overexposed region (paper III-D)."""
    grey = luma(crop.visible)
    overexposed = overexposed_region(grey)

    def tensor(array: np.ndarray) -> Tensor:
        return torch.from_numpy(np.ascontiguousarray(array, dtype=np.float32))[None]

    return Sample(
        luma=tensor(grey) / 255.0,
        infrared=tensor(crop.infrared) / 255.0,
        mask=tensor(overexposed & (crop.objects > 0)),
        overexposed=tensor(overexposed),
        annotated=torch.full((1, 1, 1), float(annotated)),
    )


class TrainingPairs(Dataset[Sample]):
    """An endless supply of augmented crops."""

    def __init__(
        self, pairs: list[LoadedPair], config: AugmentConfig, seed: int, samples: int, first_sample: int = 0
    ) -> None:
        """Hold `pairs`; item i is sample number first_sample + i, up to `samples` in all.

        Raises:
            ValueError: there is no pair.
        """
        if not pairs:
            raise ValueError("the training set is empty; expected at least one pair")
        self._pairs, self._config, self._seed = pairs, config, seed
        self._samples, self._first_sample = samples, first_sample

    def __len__(self) -> int:
        return self._samples - self._first_sample

    def __getitem__(self, index: int) -> Sample:
        rng = np.random.default_rng((self._seed, self._first_sample + index))
        source = self._pairs[int(rng.integers(len(self._pairs)))]
        crop = jitter(random_crop(source.images, self._config, rng), self._config, rng)
        if source.takes_glare:
            crop = random_glare(random_exposure(crop, self._config, rng), self._config, rng)
        return to_sample(crop, annotated=source.annotated)
