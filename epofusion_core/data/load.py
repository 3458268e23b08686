"""Pairs in memory: both images in one size, with their objects. Needs no PyTorch."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from epofusion_core.data.annotations import Annotations, Objects, Scope
from epofusion_core.data.clips import Clip, read_clip
from epofusion_core.data.pairs import FilePair
from epofusion_core.data.saliency import salient_infrared
from epofusion_core.imaging import GreyImage, RgbImage, read_grey, read_rgb

_LONGEST_PX = 800


@dataclass(frozen=True)
class LoadedPair:
    """A pair in memory; all arrays share height and width.

    Attributes:
        name: of the pair.
        visible: (H, W, 3) uint8 RGB.
        infrared: (H, W) uint8.
        objects: (H, W) uint8, 1 where salient infrared objects are.
        scope: which objects are known.
    """

    name: str
    visible: RgbImage
    infrared: GreyImage
    objects: NDArray[np.uint8]
    scope: Scope

    @property
    def annotated(self) -> bool:
        """Whether its objects are more than a rule's."""
        return self.scope is not Scope.RULE

    @property
    def allow_added_glare(self) -> bool:
        """Whether it may be overexposed further: not where only the objects inside its glare are known."""
        return self.scope is not Scope.GLARE


def load_pair(pair: FilePair, annotations: Annotations, scope: Scope, longest_px: int = _LONGEST_PX) -> LoadedPair:
    """Read a pair and its objects.

    Args:
        pair: paths.
        annotations: that the objects are found by.
        scope: one of `annotations.scopes_of(pair)`.
        longest_px: larger images are scaled down to this.

    Raises:
        ValueError: an image or its boxes cannot be read, or the sizes differ; the sentence names the pair.
    """
    visible, infrared = read_rgb(pair.visible), read_grey(pair.infrared)
    return _loaded(pair.name, visible, infrared, annotations.objects_of(pair, infrared, scope), longest_px)


def load_clip(
    clip: Clip, step: int, longest_px: int = _LONGEST_PX, problems: list[str] | None = None
) -> list[LoadedPair]:
    """Read every step-th frame of a pair of videos; objects are, by rule, what is salient in the infrared.

    `problems` gets what `read_clip` could not pair.

    Raises:
        ValueError: a video cannot be decoded, or the sizes differ; the sentence names it.
    """
    return [
        _loaded(
            f"{clip.name}/{number * step}",
            visible,
            infrared,
            Objects(salient_infrared(infrared), Scope.RULE),
            longest_px,
        )
        for number, (visible, infrared) in enumerate(read_clip(clip, step=step, problems=problems))
    ]


def _loaded(name: str, visible: RgbImage, infrared: GreyImage, objects: Objects, longest_px: int) -> LoadedPair:
    """Check the sizes and scale down what is larger than asked for."""
    if visible.shape[:2] != infrared.shape:
        raise ValueError(
            f"pair {name}: visible is {visible.shape[1]}x{visible.shape[0]}, infrared "
            f"{infrared.shape[1]}x{infrared.shape[0]} pixels; expected equal sizes"
        )
    mask = objects.mask.astype(np.uint8)
    scale = longest_px / max(infrared.shape)
    if scale < 1:
        size = (round(infrared.shape[1] * scale), round(infrared.shape[0] * scale))
        visible = np.asarray(cv2.resize(visible, size, interpolation=cv2.INTER_AREA), dtype=np.uint8)
        infrared = np.asarray(cv2.resize(infrared, size, interpolation=cv2.INTER_AREA), dtype=np.uint8)
        mask = np.asarray(cv2.resize(mask, size, interpolation=cv2.INTER_NEAREST), dtype=np.uint8)
    return LoadedPair(name, visible, infrared, mask, objects.scope)
