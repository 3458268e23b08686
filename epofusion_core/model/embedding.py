"""Embeddings of the diffusion process: the down-embedding D of Eq. 3 and the time embedding."""

from typing import Literal

import torch
from torch import Tensor, nn

from epofusion_core.model.layers import ChannelLayerNorm
from epofusion_core.model.schedule import log_snr


class ConvolutionEmbedding(nn.Module):
    """Learned D: two strided convolutions (stride 4), normalised so that it cannot collapse to a constant."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(1, 64, 3, stride=2, padding=1),
            nn.ReLU(inplace=True),
            nn.Conv2d(64, width, 3, stride=2, padding=1),
            ChannelLayerNorm(width, elementwise_affine=False),
        )

    def forward(self, image: Tensor) -> Tensor:
        """Embed (B, 1, H, W) in [0, 1] as (B, width, H/4, W/4), of the layers' type."""
        latent: Tensor = self.layers(image.to(next(self.layers.parameters()).dtype))
        return latent


class SpaceToDepthEmbedding(nn.Module):
    """Fixed D: each latent pixel holds its block of image pixels, scaled to [-1, 1]; orthonormal and invertible."""

    def __init__(self, stride: int) -> None:
        super().__init__()
        self.stride = stride

    def forward(self, image: Tensor) -> Tensor:
        """Embed (B, 1, H, W) in [0, 1] as (B, stride^2, H/stride, W/stride)."""
        return nn.functional.pixel_unshuffle(image * 2.0 - 1.0, self.stride)


def build_embedding(kind: Literal["convolution", "space_to_depth"], channels: int, stride: int) -> nn.Module:
    """Return the down-embedding of a kind: to latents of some channels, at a stride; D is learned at stride 4 alone."""
    return ConvolutionEmbedding(channels) if kind == "convolution" else SpaceToDepthEmbedding(stride)


class TimeEmbedding(nn.Module):
    """log-SNR and 8 sine and 8 cosine features of learned frequencies, through a two-layer perceptron."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.frequencies = nn.Parameter(torch.randn(8))
        self.layers = nn.Sequential(nn.Linear(17, width), nn.GELU(), nn.Linear(width, width))

    def forward(self, time: Tensor) -> Tensor:
        """Embed times, (B,) float32 in [0, 1], as (B, width) of the layers' type."""
        # Float32 in every precision: the log-SNR of pure noise overflows half precision.
        level = log_snr(time)[:, None]
        angle = level * self.frequencies.float() * (2 * torch.pi)
        features = torch.cat((level, angle.sin(), angle.cos()), dim=1).to(self.frequencies.dtype)
        embedded: Tensor = self.layers(features)
        return embedded
