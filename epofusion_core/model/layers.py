"""Small building blocks that several parts of the network share."""

import torch
from torch import Tensor, nn


class _DilatedConv2d(nn.Conv2d):
    """Dilated convolution that stays in float32 under autocast on a CPU.

    The gradient that oneDNN computes of it in bfloat16 is NaN in the channels beyond a multiple of 16.
    """

    def forward(self, input: Tensor) -> Tensor:
        """Convolve (B, C, H, W)."""
        if input.is_cpu and torch.is_autocast_enabled("cpu"):
            with torch.autocast("cpu", enabled=False):
                return super().forward(input.float())
        return super().forward(input)


class ConvNormReLU(nn.Sequential):
    """Convolution with 'same' padding, BatchNorm, ReLU: the unit that Eq. 5 is written in."""

    def __init__(
        self,
        inputs: int,
        outputs: int,
        kernel: int = 3,
        *,
        dilation: int = 1,
        groups: int = 1,
        stride: int = 1,
    ) -> None:
        padding = dilation * (kernel // 2)
        convolution = nn.Conv2d if dilation == 1 else _DilatedConv2d
        super().__init__(
            convolution(inputs, outputs, kernel, stride, padding, dilation, groups, bias=False),
            nn.BatchNorm2d(outputs),
            nn.ReLU(inplace=True),
        )


class ChannelLayerNorm(nn.LayerNorm):
    """LayerNorm over the channels of an image-like tensor (B, C, H, W)."""

    def forward(self, image: Tensor) -> Tensor:
        """Normalise each pixel over its channels; (B, C, H, W) to (B, C, H, W)."""
        return super().forward(image.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)


def unshuffled_sources(luma: Tensor, infrared: Tensor, stride: int) -> Tensor:
    """Centre (B, 1, H, W) sources in [0, 1] on 0 and unshuffle their pixels.

    Each source is unshuffled by itself: engines then do it once for all layers that need it.

    Returns:
        (B, 2 * stride^2, H / stride, W / stride) in [-1, 1], the pixels of luma first.
    """
    pixels = [nn.functional.pixel_unshuffle(image, stride) for image in (luma, infrared)]
    return torch.cat(pixels, dim=1) * 2.0 - 1.0


def upsample(image: Tensor, size: tuple[int, int]) -> Tensor:
    """Bilinear interpolation of (B, C, h, w) to (B, C, *size), pixel centres aligned (Eq. 7)."""
    return nn.functional.interpolate(image, size=size, mode="bilinear", align_corners=False)


def spatial_size(image: Tensor) -> tuple[int, int]:
    """Return (height, width) of a (B, C, H, W) tensor."""
    return image.shape[-2], image.shape[-1]


def modulate(image: Tensor, scale_shift: Tensor) -> Tensor:
    """Apply a time-dependent scale and shift: (B, C, H, W) by (B, 2C)."""
    scale, shift = scale_shift[:, :, None, None].chunk(2, dim=1)
    return torch.addcmul(shift, image, scale + 1.0)


def blend(first: Tensor, second: Tensor, share: Tensor) -> Tensor:
    """Return `first` where `share` is 0, `second` where it is 1, a mix in between; of shapes that broadcast.

    `torch.lerp` is exported as a comparison and two branches, which cost inference engines several times as much.
    """
    return first + share * (second - first)


def window_maximum(image: Tensor, reach: int) -> Tensor:
    """Return the maximum of (B, C, H, W) over a square window that reaches so many pixels from its centre.

    Its result has square borders. Average it where they would be seen.
    """
    for window, padding in _rows_then_columns(reach):
        image = nn.functional.max_pool2d(image, window, stride=1, padding=padding)
    return image


def window_average(image: Tensor, reach: int) -> Tensor:
    """Return the mean of (B, C, H, W) over such a window; at the border, over the part inside the image."""
    for window, padding in _rows_then_columns(reach):
        image = nn.functional.avg_pool2d(image, window, stride=1, padding=padding, count_include_pad=False)
    return image


def _rows_then_columns(reach: int) -> tuple[tuple[tuple[int, int], tuple[int, int]], ...]:
    """Return windows and paddings of one direction each, which cost less than one window of both."""
    size = 2 * reach + 1
    return ((size, 1), (reach, 0)), ((1, size), (0, reach))
