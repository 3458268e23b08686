"""Refinement (denoising) network N of Eq. 3: F_hat = N(concat(F, Z_t), t)."""

import torch
from torch import Tensor, nn

from epofusion_core.model.config import ModelConfig
from epofusion_core.model.deformable_attention import DeformableLayer
from epofusion_core.model.embedding import TimeEmbedding
from epofusion_core.model.linear_attention import LinearLayer


class Refinement(nn.Module):
    """1x1 mix of the fusion feature and the noised latent, then layers that know the time."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        latent_channels = config.latent_channels if config.diffusion else 0
        self.mix = nn.Conv2d(config.width + latent_channels, config.width, 1)
        self.time = TimeEmbedding(config.time_width)
        self.layers = nn.ModuleList(
            DeformableLayer(config.width, config.time_width)
            if config.refinement == "deformable"
            else LinearLayer(config.width, config.time_width, config.refinement_pool)
            for _ in range(config.refinement_layers)
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
