"""The assembled network: wires encoder, neck, guidance, refinement and MSCF as in the paper's Fig. 2, and samples.

Training takes one step of Eq. 3 at a random time; fusing takes the K steps of Eq. 4, each of which is Eq. 3 again.
"""

from typing import NamedTuple

import torch
from torch import Tensor, nn

from epofusion_core.model.config import ModelConfig
from epofusion_core.model.embedding import build_embedding
from epofusion_core.model.encoder import Encoder
from epofusion_core.model.glare_relief import GlareRelief
from epofusion_core.model.guidance import GuidanceHead
from epofusion_core.model.layers import spatial_size, upsample
from epofusion_core.model.mscf import MultiScaleContextFusion
from epofusion_core.model.neck import build_neck
from epofusion_core.model.noise import fixed_noise
from epofusion_core.model.refinement import Refinement
from epofusion_core.model.schedule import Step, sampling_steps
from epofusion_core.model.source_mix import SourceMix, glare_ramp


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
        self.encoder = Encoder(config.encoder, folding_norms=config.folding_norms, input_stride=config.input_stride)
        self.neck = build_neck(config.neck, self.encoder.widths, config.width)
        self.guidance = (
            GuidanceHead(config.width, config.guidance_width, config.guidance_dilations) if config.guidance else None
        )
        self.embedding = (
            build_embedding(config.embedding, config.latent_channels, config.latent_stride)
            if config.diffusion
            else None
        )
        latent_only = config.diffusion and not config.reencode
        self.latent_head = nn.Conv2d(config.width, config.latent_channels, 1) if latent_only else None
        self.refinement = Refinement(
            config.refinement,
            width=config.width,
            latent_channels=config.latent_channels if config.diffusion else 0,
            time_width=config.time_width,
            layers=config.refinement_layers,
            pool=config.refinement_pool,
        )
        self.mscf = MultiScaleContextFusion(
            config.width,
            config.context_width,
            config.fidelity_widths,
            config.tail_widths,
            stride=config.fidelity_stride,
            maps=1 if config.output == "sigmoid" else 2,
            ablated=not config.mscf,
        )
        stride = config.fidelity_stride
        self.source_mix = SourceMix(stride, config.selection_gain, config.selection_radius_px)
        self.glare_relief = GlareRelief(stride)

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
            fused = self._sample(condition, noise, steps)
        else:
            fused = self.render(condition, self.refine(condition, None, torch.zeros(luma.shape[0], device=luma.device)))
        return fused, self.mask_probability(condition)

    def _sample(self, condition: Conditioning, noise: Tensor, steps: int) -> Tensor:
        """Run Eq. 4, K DDIM steps from a noise map Z_T, (1 or B, latent_channels, h, w), to I_f, (B, 1, H, W)."""
        latent = noise.expand(condition.luma.shape[0], -1, -1, -1)
        *earlier, last = sampling_steps(steps)
        for step in earlier:
            refined = self.refine(condition, latent, _times(step, latent))
            predicted = self.latent_head(refined) if self.latent_head else self.embed(self.render(condition, refined))
            latent = next_latent(latent, predicted, step)
        return self.render(condition, self.refine(condition, latent, _times(last, latent)))

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
        """Return I_f of Eq. 3 from F_hat, (B, 1, H, W) in [0, 1]."""
        decoded = self.mscf(refined, condition.detail, spatial_size(condition.luma))
        if self.config.output == "sigmoid":
            return nn.functional.pixel_shuffle(torch.sigmoid(decoded), self.mscf.stride)
        luma, infrared = (
            nn.functional.pixel_unshuffle(image, self.mscf.stride) for image in (condition.luma, condition.infrared)
        )
        glare = glare_ramp(luma)
        fused = self.source_mix(decoded, luma, infrared, glare)
        if self.config.glare_relief:
            fused = self.glare_relief(fused, luma, infrared, self.mask_probability(condition))
        return nn.functional.pixel_shuffle(fused, self.mscf.stride)

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


def next_latent(latent: Tensor, predicted: Tensor, step: Step) -> Tensor:
    """Estimate the noise in Z_t from the predicted Z_0 and move to the next time (Eq. 4); all (B, C, h, w)."""
    noise = (latent - step.signal * predicted) / step.noise
    return step.next_signal * predicted + step.next_noise * noise


def _times(step: Step, latent: Tensor) -> Tensor:
    return torch.full((latent.shape[0],), step.time, dtype=torch.float32, device=latent.device)


def pad_to_multiple(image: Tensor, multiple: int) -> Tensor:
    """Extend (B, C, H, W) at the bottom and right, by repeating its edge, to multiples in both directions."""
    height, width = image.shape[-2:]
    padding = (0, -width % multiple, 0, -height % multiple)
    return nn.functional.pad(image, padding, mode="replicate") if any(padding) else image
