"""Validation during training: the figures that tell recipes apart, and a sheet of pictures to look at."""

from pathlib import Path

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from epofusion_core.data.pairs import find_pairs
from epofusion_core.evaluation.exposure_metrics import mean_where_applicable
from epofusion_core.evaluation.measures import measures
from epofusion_core.imaging import GreyImage, RgbImage, luma, read_grey, read_rgb, with_luma, write_png
from epofusion_core.training.config import DataConfig

_SHEET_ROWS = 8
_TILE_PX = (320, 240)


@torch.inference_mode()
def validate(model: nn.Module, data: DataConfig, sheet: Path) -> dict[str, float]:
    """Fuse evenly spaced validation pairs and return the mean of each figure, by name.

    Args:
        model: maps luma and infrared, (1, 1, H, W) in [0, 1], to fused luma and mask probability.
        data: where the validation pairs are.
        sheet: picture to write: visible, infrared, fused, mask, a row a pair.
    """
    if data.val_list is None:
        return {}
    pairs = find_pairs(data.root, data.root / data.val_list)
    chosen = [pairs[i] for i in np.unique(np.linspace(0, len(pairs) - 1, data.val_pairs).astype(int))]
    was_training = model.training
    model.eval()
    figures: list[dict[str, float]] = []
    rows: list[RgbImage] = []
    for pair in chosen:
        visible, infrared = read_rgb(pair.visible), read_grey(pair.infrared)
        grey = luma(visible)
        fused, mask = (np.asarray(image[0, 0].float().cpu()) for image in model(*_tensors(model, grey, infrared)))
        fused_grey = np.rint(fused * 255).astype(np.uint8)
        figures.append(measures(grey, infrared, fused_grey))
        if len(rows) < _SHEET_ROWS:
            rows.append(_row(visible, infrared, fused, mask))
    write_png(sheet, np.vstack(rows))
    model.train(was_training)
    return {name: mean_where_applicable(figure[name] for figure in figures) for name in figures[0]}


def _tensors(model: nn.Module, *images: GreyImage) -> list[torch.Tensor]:
    device = next(model.parameters()).device
    return [torch.from_numpy(image).to(device).float()[None, None] / 255.0 for image in images]


def _row(visible: RgbImage, infrared: GreyImage, fused: NDArray[np.float32], mask: NDArray[np.float32]) -> RgbImage:
    greys = [infrared, np.rint(mask * 255).astype(np.uint8)]
    tiles = [visible, np.dstack([greys[0]] * 3), with_luma(visible, fused), np.dstack([greys[1]] * 3)]
    return np.hstack([np.asarray(cv2.resize(tile, _TILE_PX, interpolation=cv2.INTER_AREA)) for tile in tiles])
