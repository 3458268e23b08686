"""Multi-scale context fusion (paper III-C2): contextual branch, high-fidelity branch, and the decoder of Eq. 7."""

from itertools import pairwise

import torch
from torch import Tensor, nn

from epofusion_core.model.layers import ConvNormReLU, unshuffled_sources, upsample


class ContextualFusionBranch(nn.Module):
    """CFB (Eq. 5): a dilated branch and a convolution + grouped convolution branch, joined by 1x1."""

    def __init__(self, inputs: int, width: int) -> None:
        super().__init__()
        # The 1x1 comes first: a grouped convolution of many channels is slow in every engine.
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
    """MSCF: from the refined feature and the sources to the maps that the output is made of (Eq. 5-7)."""

    def __init__(
        self,
        width: int,
        context_width: int,
        fidelity_widths: tuple[int, int],
        tail_widths: tuple[int, ...],
        *,
        stride: int,
        maps: int,
        ablated: bool = False,
    ) -> None:
        """Build both branches and the tail.

        Args:
            width: channels of F_hat.
            context_width: channels of F_c.
            fidelity_widths: channels of the two convolutions of the high-fidelity branch; the second are those of F_h.
            tail_widths: channels of the refinement block of Eq. 7.
            stride: the high-fidelity branch and the tail work on pixels unshuffled by this factor.
            maps: how many maps of full size are decoded.
            ablated: "w/o MSCF": a 1x1 convolution instead of both branches.
        """
        super().__init__()
        self.stride = stride
        self.context: nn.Module
        self.fidelity: HighFidelityBranch | None
        if ablated:
            self.context = ConvNormReLU(width, context_width, 1)
            self.fidelity = None
            inputs = context_width
        else:
            self.context = ContextualFusionBranch(width, context_width)
            self.fidelity = HighFidelityBranch(fidelity_widths, stride)
            inputs = context_width + fidelity_widths[1]
        widths = (inputs, *tail_widths)
        self.tail = nn.Sequential(
            *(ConvNormReLU(before, after) for before, after in pairwise(widths)),
            nn.Conv2d(widths[-1], maps * stride**2, 3, padding=1),
        )

    def detail(self, luma: Tensor, infrared: Tensor) -> Tensor | None:
        """Return F_h of Eq. 6, which all sampling steps share; None in the ablation without MSCF."""
        return None if self.fidelity is None else self.fidelity(luma, infrared)

    def forward(self, refined: Tensor, detail: Tensor | None, size: tuple[int, int]) -> Tensor:
        """Decode (Eq. 7 before its last function).

        Args:
            refined: F_hat, (B, width, h, w).
            detail: F_h, from `detail`.
            size: of the images, pixels.

        Returns:
            (B, maps * stride^2, h, w) float32 with h, w = size / stride, the pixels of a block as channels.
        """
        context = upsample(self.context(refined), (size[0] // self.stride, size[1] // self.stride))
        decoded: Tensor = self.tail(context if detail is None else torch.cat((context, detail), dim=1))
        # The image itself is float32 in every precision: bfloat16 has steps of a grey level.
        return decoded.float()
