"""Multi-scale context fusion (paper III-C2): contextual branch, high-fidelity branch and the output of Eq. 7."""

from itertools import pairwise

import torch
from torch import Tensor, nn

from epofusion_core.model.config import ModelConfig
from epofusion_core.model.layers import (
    ConvNormReLU,
    blend,
    unshuffled_sources,
    upsample,
    window_average,
    window_maximum,
)
from epofusion_core.model.source_mix import glare_ramp, shape_relief

_DETAIL_RANGE = 0.25
"""Largest difference that the "sources" output adds to a mix of the sources inside the glare, of full scale 1."""

_BESIDE_GLARE_PX = 2
"""The network is as free beside the glare as inside it: the blurred border of a light would stay as a bright rim."""


class ContextualFusionBranch(nn.Module):
    """CFB (Eq. 5): a dilated branch and a convolution + grouped convolution branch, joined by 1x1."""

    def __init__(self, inputs: int, width: int) -> None:
        super().__init__()
        # The 1x1 comes before the 3x3: a grouped convolution from many channels is slower than it looks.
        self.reduce = nn.Sequential(ConvNormReLU(inputs, width, 1), ConvNormReLU(width, width))
        self.dilated = ConvNormReLU(width, width, dilation=2)
        self.grouped = nn.Sequential(ConvNormReLU(width, width), ConvNormReLU(width, width, groups=2))
        self.join = ConvNormReLU(2 * width, width, 1)

    def forward(self, refined: Tensor) -> Tensor:
        """Map F_hat (B, C, h, w) to F_c (B, width, h, w)."""
        reduced = self.reduce(refined)
        joined: Tensor = self.join(torch.cat((self.dilated(reduced), self.grouped(reduced)), dim=1))
        return joined


class HighFidelityBranch(nn.Module):
    """HFB (Eq. 6): two convolutions over concat(Y, R) at full resolution, or on pixels unshuffled by a stride."""

    def __init__(self, widths: tuple[int, int], stride: int) -> None:
        super().__init__()
        self.stride = stride
        self.layers = nn.Sequential(ConvNormReLU(2 * stride**2, widths[0]), ConvNormReLU(*widths))

    def forward(self, luma: Tensor, infrared: Tensor) -> Tensor:
        """Map (B, 1, H, W) sources in [0, 1] to F_h (B, widths[1], H/stride, W/stride)."""
        detail: Tensor = self.layers(unshuffled_sources(luma, infrared, self.stride))
        return detail


class MultiScaleContextFusion(nn.Module):
    """MSCF: from the refined feature and the sources to the fused luma (Eq. 5-7)."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.stride = config.fidelity_stride
        self.config = config
        self.context: nn.Module
        self.fidelity: HighFidelityBranch | None
        if config.mscf:
            self.context = ContextualFusionBranch(config.width, config.context_width)
            self.fidelity = HighFidelityBranch(config.fidelity_widths, self.stride)
            inputs = config.context_width + config.fidelity_widths[1]
        else:
            self.context = ConvNormReLU(config.width, config.context_width, 1)
            self.fidelity = None
            inputs = config.context_width
        maps = 1 if config.output == "sigmoid" else 2
        widths = (inputs, *config.tail_widths)
        self.tail = nn.Sequential(
            *(ConvNormReLU(before, after) for before, after in pairwise(widths)),
            nn.Conv2d(widths[-1], maps * self.stride**2, 3, padding=1),
        )

    def detail(self, luma: Tensor, infrared: Tensor) -> Tensor | None:
        """Return F_h of Eq. 6, which all sampling steps share; None in the ablation without MSCF."""
        return None if self.fidelity is None else self.fidelity(luma, infrared)

    def forward(
        self,
        refined: Tensor,
        detail: Tensor | None,
        luma: Tensor,
        infrared: Tensor,
        probability: Tensor | None = None,
    ) -> Tensor:
        """Decode the fused luma I_f.

        Args:
            refined: F_hat, (B, width, h, w).
            detail: F_h, from `detail`.
            luma: Y, (B, 1, H, W) in [0, 1].
            infrared: R, (B, 1, H, W) in [0, 1].
            probability: of mask M, (B, 1, h, w) in [0, 1], to shape the relief by; None leaves the relief as it is.

        Returns:
            I_f, (B, 1, H, W) in [0, 1].
        """
        size = (luma.shape[-2] // self.stride, luma.shape[-1] // self.stride)
        context = upsample(self.context(refined), size)
        decoded = self.tail(context if detail is None else torch.cat((context, detail), dim=1))
        if self.config.output == "sigmoid":
            image = torch.sigmoid(decoded)
        else:
            image = self._mix(decoded, luma, infrared, probability)
        return nn.functional.pixel_shuffle(image, self.stride)

    def _mix(self, decoded: Tensor, luma: Tensor, infrared: Tensor, probability: Tensor | None) -> Tensor:
        """Return the "sources" output, on unshuffled pixels: engines are slow to split maps of full size."""
        luma, infrared = (nn.functional.pixel_unshuffle(image, self.stride) for image in (luma, infrared))
        weight, residual = decoded[:, : self.stride**2], decoded[:, self.stride**2 :]
        glare = glare_ramp(luma)
        beside = window_maximum(glare.amax(1, keepdim=True), _BESIDE_GLARE_PX // self.stride)
        weight = blend(self.config.sharpness * self._by_region(weight), weight, beside)
        mix = blend(infrared, luma, torch.sigmoid(weight))
        fused = (mix + beside * (_DETAIL_RANGE * torch.tanh(residual))).clamp(0.0, 1.0)
        return fused if probability is None else shape_relief(fused, luma, infrared, glare, probability, self.config)

    def _by_region(self, weight: Tensor) -> Tensor:
        """Average the logit of the choice, so that each source keeps its structure whole, and not pixel by pixel."""
        reach = self.config.choice_reach_px // self.stride
        return window_average(weight.mean(1, keepdim=True), reach) if reach else weight
