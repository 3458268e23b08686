"""Refinement (denoising) network N of Eq. 3: F_hat = N(concat(F, Z_t), t)."""

from typing import Literal

import torch
from torch import Tensor, nn

from epofusion_core.model.deformable_attention import DeformableLayer
from epofusion_core.model.embedding import TimeEmbedding
from epofusion_core.model.linear_attention import LinearLayer


class Refinement(nn.Module):
    """1x1 mix of the fusion feature and the noised latent, then layers that know the time."""

    def __init__(
        self,
        kind: Literal["deformable", "linear"],
        *,
        width: int,
        latent_channels: int,
        time_width: int,
        layers: int,
        pool: int,
    ) -> None:
        """Build N of a kind of layer.

        Args:
            kind: of attention.
            width: channels of F and F_hat.
            latent_channels: of Z_t; 0 without the diffusion loop.
            time_width: channels of the time embedding.
            layers: how many.
            pool: linear layers work on features averaged over this many latent pixels.
        """
        super().__init__()
        self.mix = nn.Conv2d(width + latent_channels, width, 1)
        self.time = TimeEmbedding(time_width)
        self.layers = nn.ModuleList(
            DeformableLayer(width, time_width) if kind == "deformable" else LinearLayer(width, time_width, pool)
            for _ in range(layers)
        )

    def forward(self, feature: Tensor, latent: Tensor | None, time: Tensor) -> Tensor:
        """Refine.

        Args:
            feature: F, (B, width, h, w).
            latent: Z_t, (B, latent_channels, h, w); None without the diffusion loop.
            time: (B,) in [0, 1], 1 being pure noise.

        Returns:
            F_hat, (B, width, h, w).
        """
        refined = self.mix(feature if latent is None else torch.cat((feature, latent.to(feature.dtype)), dim=1))
        embedded = self.time(time)
        for layer in self.layers:
            refined = layer(refined, embedded)
        return torch.as_tensor(refined)
