"""Small pictures of sources and results for the contact sheet of a report."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from epofusion_core.evaluation.methods import Fused, Sources
from epofusion_core.report.page import jpeg_of

_WIDTH_PX = 400
_JPEG_QUALITY = 85


@dataclass(frozen=True)
class Tile:
    """A captioned picture.

    Attributes:
        caption: what it shows.
        jpeg: the encoded picture.
    """

    caption: str
    jpeg: bytes


def tiles_of(sources: Sources, results: Mapping[str, Fused]) -> list[Tile]:
    """Return visible, infrared, each method's picture, and the predicted mask of each method that has one."""
    tiles = [_tile("visible", sources.visible), _tile("infrared", sources.infrared)]
    tiles += [_tile(method, fused.rgb) for method, fused in results.items()]
    tiles += [
        _tile(f"{method}: mask", np.rint(fused.mask * 255).astype(np.uint8))
        for method, fused in results.items()
        if fused.mask is not None
    ]
    return tiles


def _tile(caption: str, image: NDArray[np.uint8]) -> Tile:
    return Tile(caption, jpeg_of(image, _WIDTH_PX, _JPEG_QUALITY))
