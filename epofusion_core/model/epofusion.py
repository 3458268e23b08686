"""The assembled network: wires encoder, neck, guidance, refinement and MSCF as in the paper's Fig. 2."""

from typing import NamedTuple

import torch
from torch import Tensor, nn

from epofusion_core.model.config import ModelConfig
from epofusion_core.model.embedding import build_embedding
from epofusion_core.model.encoder import Encoder
from epofusion_core.model.guidance import GuidanceHead
from epofusion_core.model.layers import upsample
from epofusion_core.model.mscf import MultiScaleContextFusion
from epofusion_core.model.neck import build_neck
from epofusion_core.model.refinement import Refinement
from epofusion_core.model.sampler import fixed_noise, sample


class Conditioning(NamedTuple):
    """What all sampling steps of one image share; sizes are padded ones.

    Attributes:
        luma: Y, (B, 1, H, W) in [0, 1].
        infrared: R, (B, 1, H, W) in [0, 1].
        feature: F of Eq. 3, (B, width, h, w).
        detail: F_h of Eq. 6; None in the ablation without MSCF.
    """

    luma: Tensor
    infrared: Tensor
    feature: Tensor
    detail: Tensor | None


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
            noise: Z_T of `latent_shape`; the fixed map of that size by default, so that equal input gives equal output.
            steps: DDIM steps K; the configuration's by default.

        Returns:
            I_f, (B, 1, H, W) in [0, 1], and the probability of mask M, (B, 1, H, W) in [0, 1] (zeros without guidance).
        """
        height, width = luma.shape[-2:]
        condition = self.condition(*(pad_to_multiple(x, self.config.input_multiple) for x in (luma, infrared)))
        if not self.config.diffusion:
            fused = self.render(condition, self.refine(condition, None, luma.new_zeros(luma.shape[0])))
        else:
            if noise is None:
                noise = fixed_noise(self.latent_shape(height, width)).to(luma)
            fused = sample(self, condition, noise, steps or self.config.steps)
        return fused[..., :height, :width], self.mask_probability(condition)[..., :height, :width]

    def condition(self, luma: Tensor, infrared: Tensor) -> Conditioning:
        """Run what does not depend on time: encoder, neck and the high-fidelity branch."""
        feature = self.neck(self.encoder(luma, infrared))
        return Conditioning(luma, infrared, feature, self.mscf.detail(luma, infrared))

    def refine(self, condition: Conditioning, latent: Tensor | None, time: Tensor) -> Tensor:
        """Return F_hat of Eq. 3 from the latent Z_t at `time`, (B,) in [0, 1]."""
        refined: Tensor = self.refinement(condition.feature, latent, time)
        return refined

    def render(self, condition: Conditioning, refined: Tensor) -> Tensor:
        """Return I_f of Eq. 3 from F_hat."""
        fused: Tensor = self.mscf(refined, condition.detail, condition.luma, condition.infrared)
        return fused

    def embed(self, image: Tensor) -> Tensor:
        """Return D(image) of Eq. 3: (B, 1, H, W) in [0, 1] to a latent."""
        if self.embedding is None:
            raise ValueError("a model without the diffusion loop has no embedding; expected diffusion: true")
        latent: Tensor = self.embedding(image)
        return latent

    def mask_probability(self, condition: Conditioning) -> Tensor:
        """Return the probability of M at full size, (B, 1, H, W) in [0, 1]."""
        if self.guidance is None:
            return torch.zeros_like(condition.luma)
        logits = self.guidance(condition.feature)
        object_logit = logits[:, 1:] - logits[:, :1]
        size = (condition.luma.shape[-2], condition.luma.shape[-1])
        return torch.sigmoid(upsample(object_logit, size))

    def latent_shape(self, height: int, width: int, batch: int = 1) -> tuple[int, int, int, int]:
        """Return the shape of Z for images of height x width pixels."""
        multiple, stride = self.config.input_multiple, self.config.latent_stride
        rows, columns = (-(-size // multiple) * multiple // stride for size in (height, width))
        return batch, self.config.latent_channels, rows, columns


def pad_to_multiple(image: Tensor, multiple: int) -> Tensor:
    """Extend (B, C, H, W) at the bottom and right, by repeating its edge, to multiples in both directions."""
    height, width = image.shape[-2:]
    padding = (0, -width % multiple, 0, -height % multiple)
    return nn.functional.pad(image, padding, mode="replicate") if any(padding) else image
