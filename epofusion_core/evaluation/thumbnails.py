"""Small pictures of sources and results for the contact sheet of a report."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from epofusion_core.evaluation.baselines import RULES
from epofusion_core.evaluation.methods import Fused, Sources
from epofusion_core.exposure import GLARE_THRESHOLD, overexposure_map
from epofusion_core.model.config import MASK_THRESHOLD
from epofusion_core.report.overlay import draw_overlay
from epofusion_core.report.page import jpeg_of

_WIDTH_PX = 560
_JPEG_QUALITY = 80


@dataclass(frozen=True)
class Tile:
    """A captioned picture.

    Attributes:
        caption: what it shows.
        jpeg: the encoded picture.
    """

    caption: str
    jpeg: bytes


def tiles_of(sources: Sources, results: Mapping[str, Fused], true_mask: NDArray[np.bool_] | None) -> list[Tile]:
    """Return the sources, each method's picture, the rules' last, and the masks that there are.

    A method that predicts a mask has its overlay and its mask behind its picture; the true mask is the last of all.
    """
    glare = overexposure_map(sources.luma) >= GLARE_THRESHOLD
    pictures = {"visible": sources.visible, "infrared": sources.infrared}
    for method in sorted(results, key=RULES.__contains__):
        fused = results[method]
        pictures[method] = fused.rgb
        if fused.mask is not None:
            pictures[f"{method}: overlay"] = draw_overlay(fused.rgb, fused.mask >= MASK_THRESHOLD, glare)
            pictures[f"{method}: mask"] = np.rint(fused.mask * 255).astype(np.uint8)
    if true_mask is not None:
        pictures["true mask"] = true_mask.astype(np.uint8) * 255
    return [Tile(caption, jpeg_of(image, _WIDTH_PX, _JPEG_QUALITY)) for caption, image in pictures.items()]
