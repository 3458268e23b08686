"""The assembled network: wires encoder, neck, guidance, refinement and MSCF as in the paper's Fig. 2."""

from typing import NamedTuple

import torch
from torch import Tensor, nn

from epofusion_core.model.config import ModelConfig
from epofusion_core.model.embedding import build_embedding
from epofusion_core.model.encoder import Encoder
from epofusion_core.model.guidance import GuidanceHead
from epofusion_core.model.layers import spatial_size, upsample
from epofusion_core.model.mscf import MultiScaleContextFusion
from epofusion_core.model.neck import build_neck
from epofusion_core.model.noise import fixed_noise
from epofusion_core.model.refinement import Refinement
from epofusion_core.model.sampler import sample


class Conditioning(NamedTuple):
    """What all sampling steps of one image share; sizes are padded ones.

    Attributes:
        luma: Y, (B, 1, H, W) in [0, 1].
        infrared: R, (B, 1, H, W) in [0, 1].
        feature: F of Eq. 3, (B, width, h, w).
        detail: F_h of Eq. 6; None in the ablation without MSCF.
        guidance: logits of background and object, (B, 2, h, w); None in the ablation without guidance.
    """

    luma: Tensor
    infrared: Tensor
    feature: Tensor
    detail: Tensor | None
    guidance: Tensor | None


class EPOFusion(nn.Module):
    """Exposure-aware progressive fusion of a luma and an infrared image."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.config = config
        self.encoder = Encoder(config)
        self.neck = build_neck(config, self.encoder.widths)
        self.guidance = GuidanceHead(config) if config.guidance else None
        self.embedding = build_embedding(config) if config.diffusion else None
        latent_only = config.diffusion and not config.reencode
        self.latent_head = nn.Conv2d(config.width, config.latent_channels, 1) if latent_only else None
        self.refinement = Refinement(config)
        self.mscf = MultiScaleContextFusion(config)

    def forward(
        self, luma: Tensor, infrared: Tensor, noise: Tensor | None = None, steps: int | None = None
    ) -> tuple[Tensor, Tensor]:
        """Fuse.

        Args:
            luma: Y, (B, 1, H, W) in [0, 1], any height and width.
            infrared: R, (B, 1, H, W) in [0, 1].
            noise: Z_T of `config.latent_shape`; the fixed map of that size by default, so that equal input gives equal
                output.
            steps: DDIM steps K; the configuration's by default.

        Returns:
            I_f, (B, 1, H, W) in [0, 1], and the probability of mask M, (B, 1, H, W) in [0, 1] (zeros without guidance).
        """
        height, width = luma.shape[-2:]
        if noise is None:
            noise = torch.from_numpy(fixed_noise(self.config.latent_shape(height, width))).to(luma)
        luma, infrared = (pad_to_multiple(image, self.config.input_multiple) for image in (luma, infrared))
        fused, probability = self.fuse_padded(luma, infrared, noise, steps or self.config.steps)
        mask = upsample(probability, spatial_size(fused))
        return fused[..., :height, :width], mask[..., :height, :width]

    def fuse_padded(self, luma: Tensor, infrared: Tensor, noise: Tensor, steps: int) -> tuple[Tensor, Tensor]:
        """Fuse images whose sizes are multiples of `input_multiple`: the graph that is exported.

        Returns:
            I_f, (B, 1, H, W) in [0, 1], and the probability of mask M of each latent pixel, (B, 1, h, w) in [0, 1].
        """
        condition = self.condition(luma, infrared)
        if self.config.diffusion:
            fused = sample(self, condition, noise, steps)
        else:
            fused = self.render(condition, self.refine(condition, None, luma.new_zeros(luma.shape[0])))
        return fused, self.mask_probability(condition)

    def condition(self, luma: Tensor, infrared: Tensor) -> Conditioning:
        """Run what does not depend on time: encoder, neck, guidance head and the high-fidelity branch."""
        feature = self.feature(luma, infrared)
        return Conditioning(luma, infrared, feature, self.mscf.detail(luma, infrared), self.guide(feature))

    def feature(self, luma: Tensor, infrared: Tensor) -> Tensor:
        """Return F of Eq. 3, (B, width, h, w)."""
        feature: Tensor = self.neck(self.encoder(luma, infrared))
        return feature

    def guide(self, feature: Tensor) -> Tensor | None:
        """Return the logits of background and object, (B, 2, h, w), from F; None in the ablation without guidance."""
        return None if self.guidance is None else self.guidance(feature)

    def refine(self, condition: Conditioning, latent: Tensor | None, time: Tensor) -> Tensor:
        """Return F_hat of Eq. 3 from the latent Z_t at `time`, (B,) in [0, 1]."""
        refined: Tensor = self.refinement(condition.feature, latent, time)
        return refined

    def render(self, condition: Conditioning, refined: Tensor) -> Tensor:
        """Return I_f of Eq. 3 from F_hat; out of training, with its relief shaped (`source_mix.py`)."""
        shapes_relief = self.config.shapes_relief and not self.training
        probability = self.mask_probability(condition) if shapes_relief else None
        fused: Tensor = self.mscf(refined, condition.detail, condition.luma, condition.infrared, probability)
        return fused

    def embed(self, image: Tensor) -> Tensor:
        """Return D(image) of Eq. 3: (B, 1, H, W) in [0, 1] to a latent."""
        if self.embedding is None:
            raise ValueError("a model without the diffusion loop has no embedding; expected diffusion: true")
        latent: Tensor = self.embedding(image)
        return latent

    def mask_probability(self, condition: Conditioning) -> Tensor:
        """Return the probability of M of each latent pixel, (B, 1, h, w) in [0, 1]."""
        logits = condition.guidance
        if logits is None:
            return torch.zeros_like(condition.feature[:, :1])
        return torch.sigmoid(logits[:, 1:] - logits[:, :1])


def pad_to_multiple(image: Tensor, multiple: int) -> Tensor:
    """Extend (B, C, H, W) at the bottom and right, by repeating its edge, to multiples in both directions."""
    height, width = image.shape[-2:]
    padding = (0, -width % multiple, 0, -height % multiple)
    return nn.functional.pad(image, padding, mode="replicate") if any(padding) else image
