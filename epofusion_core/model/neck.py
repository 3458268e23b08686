"""Neck: the encoder's four levels become the one fusion feature F of Eq. 3, at the finest level's size."""

from collections.abc import Sequence
from typing import Literal

import torch
from torch import Tensor, nn

from epofusion_core.model.layers import ConvNormReLU, spatial_size, upsample


class ConcatNeck(nn.Module):
    """Feature pyramid with 3x3 outputs; all levels upsampled, concatenated and mixed by 1x1."""

    def __init__(self, level_widths: Sequence[int], width: int) -> None:
        super().__init__()
        self.laterals = nn.ModuleList(nn.Conv2d(inputs, width, 1) for inputs in level_widths)
        self.outputs = nn.ModuleList(
            nn.Sequential(nn.Conv2d(width, width, 3, padding=1, bias=False), nn.GroupNorm(32, width))
            for _ in level_widths
        )
        self.mix = nn.Sequential(nn.Conv2d(width * len(level_widths), width, 1, bias=False), nn.GroupNorm(32, width))

    def forward(self, levels: Sequence[Tensor]) -> Tensor:
        """Return F, (B, width, h, w) with h, w of the finest level."""
        pyramid = _top_down(self.laterals, levels)
        size = spatial_size(pyramid[0])
        outputs = [upsample(output(level), size) for output, level in zip(self.outputs, pyramid, strict=True)]
        mixed: Tensor = self.mix(torch.cat(outputs, dim=1))
        return mixed


class SumNeck(nn.Module):
    """Top-down sum of 1x1 laterals, then one 3x3 convolution at the finest level."""

    def __init__(self, level_widths: Sequence[int], width: int) -> None:
        super().__init__()
        self.laterals = nn.ModuleList(nn.Conv2d(inputs, width, 1) for inputs in level_widths)
        self.output = ConvNormReLU(width, width)

    def forward(self, levels: Sequence[Tensor]) -> Tensor:
        """Return F, (B, width, h, w) with h, w of the finest level."""
        feature: Tensor = self.output(_top_down(self.laterals, levels)[0])
        return feature


def _top_down(laterals: nn.ModuleList, levels: Sequence[Tensor]) -> list[Tensor]:
    pyramid = [lateral(level) for lateral, level in zip(laterals, levels, strict=True)]
    for index in range(len(pyramid) - 1, 0, -1):
        pyramid[index - 1] = pyramid[index - 1] + upsample(pyramid[index], spatial_size(pyramid[index - 1]))
    return pyramid


def build_neck(kind: Literal["concat", "sum"], level_widths: Sequence[int], width: int) -> nn.Module:
    """Return the neck of a kind, from levels of these widths to F of a width."""
    return {"concat": ConcatNeck, "sum": SumNeck}[kind](level_widths, width)
