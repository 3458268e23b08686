"""Objectives of the stages of training: each turns a batch into its loss. The loop (trainer.py) knows none of them.

With mixed precision the network alone runs in half precision. Targets and losses are computed in float32.
"""

import copy
from dataclasses import replace

import torch
from torch import Tensor, nn

from epofusion_core.model.epofusion import Conditioning, EPOFusion
from epofusion_core.model.schedule import signal_and_noise
from epofusion_core.training.config import TrainConfig
from epofusion_core.training.dataset import Sample
from epofusion_core.training.losses import (
    LossConfig,
    diffusion_loss,
    feature_loss,
    fusion_loss,
    fusion_terms,
    guidance_loss,
    pseudo_target,
    total_loss,
)

_LARGEST_TIME = 0.999


def build_objective(model: EPOFusion, config: TrainConfig) -> nn.Module:
    """Return the objective that `config.stage` names; it holds the network as `model`.

    Called with a batch and a generator of noise, it returns float32 scalars: the total under "loss", and each term.

    Raises:
        ValueError: the network lacks what is to be trained.
    """
    return MaskObjective(model, config) if config.stage == "masks" else FusionObjective(model, config)


class FusionObjective(nn.Module):
    """Trains the whole network: Eq. 3, then the losses of Eq. 8-15."""

    def __init__(self, model: EPOFusion, config: TrainConfig) -> None:
        super().__init__()
        self.model = model
        self.config = config
        self.loss = replace(config.loss, adaptive=config.loss.adaptive and config.adaptive_loss)

    def forward(self, batch: Sample, generator: torch.Generator) -> dict[str, Tensor]:
        """Return the total under "loss" and each term by name, float32 scalars."""
        luma, infrared, mask = batch["luma"], batch["infrared"], batch["mask"]
        with _single_precision(luma):
            target = pseudo_target(luma, infrared, mask, self.loss.pseudo_target)
        condition = self.model.condition(luma, infrared)
        if self.model.config.diffusion:
            fused, diffusion = self._denoise(condition, target, generator)
        else:
            untimed = luma.new_zeros(luma.shape[0])
            fused = self.model.render(condition, self.model.refine(condition, None, untimed))
            diffusion = luma.new_zeros(())
        with _single_precision(luma):
            guidance = _guidance_loss(condition.guidance, batch, self.loss)
            terms = fusion_terms(fused, luma, infrared, mask, target, self.loss)
            loss = total_loss(fusion_loss(terms, self.loss), guidance, diffusion, self.loss)
        return {"loss": loss, "diffusion": diffusion, "guidance": guidance, **terms._asdict()}

    def _denoise(self, condition: Conditioning, target: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """Return I_f of Eq. 3 at random times, (B, 1, H, W) in [0, 1], and L_diff of Eq. 15."""
        batch, _, height, width = target.shape
        time = self._times(batch, generator).to(target.device)
        signal, noise_level = signal_and_noise(time)
        noise = torch.randn(self.model.config.latent_shape(height, width, batch), generator=generator).to(target)
        with torch.no_grad():
            clean = target
            if self.config.latent == "prediction":
                clean = self.model.render(condition, self.model.refine(condition, noise, torch.ones_like(time)))
        latent = _per_sample(signal) * self.model.embed(clean) + _per_sample(noise_level) * noise
        refined = self.model.refine(condition, latent, time)
        fused = self.model.render(condition, refined)
        # D is trained by Eq. 3 alone. Eq. 15 compares in its space, and training must not move that space.
        with torch.no_grad():
            embedded_target = self.model.embed(target)
        predicted = self.model.latent_head(refined) if self.model.latent_head else self._fixed_embedding(fused)
        with _single_precision(target):
            diffusion = diffusion_loss(
                embedded_target.float(), predicted.float(), signal, noise_level, self.loss.diffusion_clamp
            )
        return fused, diffusion

    def _times(self, batch: int, generator: torch.Generator) -> Tensor:
        """Draw t for each sample: 1 with probability `noise_only`, else uniform."""
        uniform = torch.rand(batch, generator=generator) * _LARGEST_TIME
        pure_noise = torch.rand(batch, generator=generator) < self.config.noise_only
        return torch.where(pure_noise, torch.ones(()), uniform)

    def _fixed_embedding(self, image: Tensor) -> Tensor:
        """Embed with the present D as a constant."""
        assert self.model.embedding is not None
        constants = {name: parameter.detach() for name, parameter in self.model.embedding.named_parameters()}
        embedded: Tensor = torch.func.functional_call(self.model.embedding, constants, (image,))
        return embedded


class MaskObjective(nn.Module):
    """Trains encoder, neck and guidance head for better masks, while the feature F is held to what it was.

    The rest of the network is frozen, so that the fused image stays that of the network at the start.
    """

    def __init__(self, model: EPOFusion, config: TrainConfig) -> None:
        """Freeze all but the mask branch of `model`, which is changed, and keep a copy of it as reference.

        Raises:
            ValueError: the network has no guidance head.
        """
        super().__init__()
        self.model = model
        self.reference = copy.deepcopy(model).eval().requires_grad_(False)
        self.config = config
        _freeze_all_but_mask_branch(model)

    def forward(self, batch: Sample, generator: torch.Generator) -> dict[str, Tensor]:
        """Return the total under "loss" and each term by name, float32 scalars; nothing is random in it."""
        luma, infrared = batch["luma"], batch["infrared"]
        feature = self.model.feature(luma, infrared)
        logits = self.model.guide(feature)
        with torch.no_grad():
            held = self.reference.feature(luma, infrared)
        with _single_precision(luma):
            guidance = _guidance_loss(logits, batch, self.config.loss)
            changed = feature_loss(feature.float(), held.float())
        return {"loss": guidance + self.config.feature_weight * changed, "guidance": guidance, "feature": changed}


def _guidance_loss(logits: Tensor | None, batch: Sample, loss: LossConfig) -> Tensor:
    """Return L_seg of Eq. 14; 0 without guidance."""
    if logits is None:
        return batch["luma"].new_zeros(())
    elsewhere = loss.well_exposed_weight
    weight = batch["annotated"] * (elsewhere + (1.0 - elsewhere) * batch["overexposed"])
    return guidance_loss(logits.float(), batch["mask"], weight, loss.overlap_weight)


def _freeze_all_but_mask_branch(model: EPOFusion) -> None:
    if model.guidance is None:
        raise ValueError("stage is masks, but the model has no guidance head; expected guidance: true")
    model.requires_grad_(False)
    for part in (model.encoder, model.neck, model.guidance):
        part.requires_grad_(True)
    model.eval()  # only the head's norms take new statistics
    model.guidance.train()


def _single_precision(like: Tensor) -> torch.autocast:
    """Return a context without mixed precision on the device of `like`."""
    return torch.autocast(like.device.type, enabled=False)


def _per_sample(values: Tensor) -> Tensor:
    return values[:, None, None, None]
