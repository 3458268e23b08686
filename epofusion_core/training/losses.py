"""Losses of the paper, Eq. 8-15, each term named by its equation.

Defaults are the paper's form. The options that the shipped weights use instead say so: `pseudo_target`, `gradient`
and `structure_weight` (see docs/training.md for what each was worth).
"""

from dataclasses import dataclass
from typing import Literal, NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

from epofusion_core.training.exposure_target import exposure_target, overexposure


@dataclass(frozen=True)
class LossConfig:
    """Weights and forms of the loss terms.

    Attributes:
        diffusion_weight: of L_diff in Eq. 8.
        diffusion_clamp: upper bound of (a_t / s_t)^2 in Eq. 15, which would explode as t -> 0 (min-SNR).
        fusion_weight: g1 of Eq. 8.
        guidance_weight: g2 of Eq. 8.
        normal_weight: l1 of Eq. 13.
        overexposed_weight: l2 of Eq. 13.
        gradient_weight: of the gradient terms against the intensity terms in Eq. 13.
        infrared_gradient: w of Eq. 12, at least 1.
        pseudo_target: I_p of Eq. 3 and 10: "average" of the sources (paper) or "exposure" (maximum outside glare, and
            inside it the visible brightness with the infrared relief; see `exposure_target`).
        gradient: "magnitude" (Eq. 11, 12) or "vector": the stronger source's gradient with its direction and sign.
        structure_weight: of an added 1 - SSIM term; 0 in the paper.
        adaptive: False gives the ablation "w/o AL": Eq. 9 and 11 everywhere, no special treatment of M.
    """

    diffusion_weight: float = 0.1
    diffusion_clamp: float = 5.0
    fusion_weight: float = 1.0
    guidance_weight: float = 0.4
    normal_weight: float = 1.0
    overexposed_weight: float = 1.0
    gradient_weight: float = 1.0
    infrared_gradient: float = 1.0
    pseudo_target: Literal["average", "exposure"] = "average"
    gradient: Literal["magnitude", "vector"] = "magnitude"
    structure_weight: float = 0.0
    adaptive: bool = True


class FusionTerms(NamedTuple):
    """Unweighted terms, scalars."""

    intensity_normal: Tensor
    intensity_overexposed: Tensor
    gradient_normal: Tensor
    gradient_overexposed: Tensor
    structure: Tensor


def pseudo_target(luma: Tensor, infrared: Tensor, mask: Tensor, kind: Literal["average", "exposure"]) -> Tensor:
    """Return I_p of Eq. 3, (B, 1, H, W) in [0, 1]."""
    return (luma + infrared) / 2 if kind == "average" else exposure_target(luma, infrared, mask)


def fusion_terms(
    fused: Tensor, luma: Tensor, infrared: Tensor, mask: Tensor, target: Tensor, config: LossConfig
) -> FusionTerms:
    """Return the terms of Eq. 9-12.

    Args:
        fused: I_f, (B, 1, H, W) in [0, 1].
        luma: Y, (B, 1, H, W) in [0, 1].
        infrared: R, (B, 1, H, W) in [0, 1].
        mask: M, (B, 1, H, W) in [0, 1].
        target: I_p, (B, 1, H, W) in [0, 1].
        config: forms of the terms.
    """
    overexposed = mask if config.adaptive else torch.zeros_like(mask)
    normal = 1.0 - overexposed
    brightest = torch.maximum(luma, infrared)
    if config.adaptive and config.pseudo_target == "exposure":
        # M holds objects only. The glare around them is "normal" to Eq. 9 and 11, but its maximum is plain white: there
        # the target has the structure to keep, and it equals the maximum outside the glare.
        brightest = target
        overexposed_gradient, glare = target, overexposure(luma)
    else:
        overexposed_gradient, glare = infrared, torch.zeros_like(luma)
    gradient_error = _vector_gradient_error if config.gradient == "vector" else _magnitude_gradient_error
    to_sources, to_infrared, to_target = gradient_error(fused, luma, infrared, overexposed_gradient, config)
    structure = fused.new_zeros(())
    if config.structure_weight:
        structure = 1.0 - (ssim(fused, luma) + ssim(fused, infrared)).mean() / 2
    return FusionTerms(
        intensity_normal=(normal * (fused - brightest).abs()).mean(),
        intensity_overexposed=(overexposed * (fused - target).abs()).mean(),
        gradient_normal=(normal * torch.lerp(to_sources, to_target, glare)).mean(),
        gradient_overexposed=(overexposed * to_infrared).mean(),
        structure=structure,
    )


def fusion_loss(terms: FusionTerms, config: LossConfig) -> Tensor:
    """Return L_fusion of Eq. 13, with the added structure term."""
    normal = terms.intensity_normal + config.gradient_weight * terms.gradient_normal
    overexposed = terms.intensity_overexposed + config.gradient_weight * terms.gradient_overexposed
    return (
        config.normal_weight * normal
        + config.overexposed_weight * overexposed
        + config.structure_weight * terms.structure
    )


def guidance_loss(logits: Tensor, mask: Tensor) -> Tensor:
    """Return L_seg of Eq. 14: two-class cross-entropy of logits (B, 2, h, w) against M, (B, 1, H, W) in [0, 1].

    The logits are brought to the mask's size, so that thin objects are not lost in a smaller mask.
    """
    object_logit = functional.interpolate(
        logits[:, 1:] - logits[:, :1], size=mask.shape[-2:], mode="bilinear", align_corners=False
    )
    return functional.binary_cross_entropy_with_logits(object_logit, mask)


def diffusion_loss(embedded_target: Tensor, embedded_fused: Tensor, signal: Tensor, noise: Tensor, clamp: float) -> Tensor:
    """Return L_diff of Eq. 15: mean of (a_t / s_t)^2 |D(I_p) - D(I_f)|^2, its weight clamped.

    With eps_hat of Eq. 4 this equals |eps - eps_hat|^2.

    Args:
        embedded_target: D(I_p), (B, C, h, w), detached so that a learned D cannot collapse.
        embedded_fused: D(I_f), (B, C, h, w).
        signal: a_t, (B,).
        noise: s_t, (B,).
        clamp: upper bound of the weight.
    """
    weight = ((signal / noise) ** 2).clamp(max=clamp)
    return (weight * (embedded_target - embedded_fused).square().mean(dim=(1, 2, 3))).mean()


def total_loss(fusion: Tensor, guidance: Tensor, diffusion: Tensor, config: LossConfig) -> Tensor:
    """Return L of Eq. 8."""
    return (
        config.diffusion_weight * diffusion + config.fusion_weight * fusion + config.guidance_weight * guidance
    )


def sobel(image: Tensor) -> Tensor:
    """Return horizontal and vertical Sobel gradients of (B, 1, H, W), as (B, 2, H, W), in grey levels per pixel."""
    horizontal = image.new_tensor([[-1.0, 0.0, 1.0], [-2.0, 0.0, 2.0], [-1.0, 0.0, 1.0]]) / 4
    kernels = torch.stack((horizontal, horizontal.T))[:, None]
    return functional.conv2d(functional.pad(image, (1, 1, 1, 1), mode="replicate"), kernels)


def _magnitude_gradient_error(
    fused: Tensor, luma: Tensor, infrared: Tensor, target: Tensor, config: LossConfig
) -> tuple[Tensor, Tensor, Tensor]:
    """Return the integrands of Eq. 11 and 12 and the error to a target's gradient, each (B, 1, H, W)."""
    strengths = [sobel(image).abs().sum(dim=1, keepdim=True) for image in (fused, luma, infrared, target)]
    to_sources = (strengths[0] - torch.maximum(strengths[1], strengths[2])).abs()
    to_infrared = (strengths[0] - config.infrared_gradient * strengths[2]).abs()
    return to_sources, to_infrared, (strengths[0] - strengths[3]).abs()


def _vector_gradient_error(
    fused: Tensor, luma: Tensor, infrared: Tensor, target: Tensor, config: LossConfig
) -> tuple[Tensor, Tensor, Tensor]:
    """Return the same with direction and sign kept, which a magnitude alone leaves free."""
    of_fused, of_luma, of_infrared, of_target = (sobel(image) for image in (fused, luma, infrared, target))
    visible_wins = of_luma.square().sum(dim=1, keepdim=True) >= of_infrared.square().sum(dim=1, keepdim=True)
    stronger = torch.where(visible_wins, of_luma, of_infrared)

    def error(gradient: Tensor) -> Tensor:
        return (of_fused - gradient).abs().sum(dim=1, keepdim=True)

    return error(stronger), error(config.infrared_gradient * of_infrared), error(of_target)


def ssim(first: Tensor, second: Tensor) -> Tensor:
    """Return the SSIM map of two (B, 1, H, W) images in [0, 1]: 11x11 Gaussian, sigma 1.5, valid area.

    The constants are those of the field's fusion tables (C1 = 1e-4, C2 = 9e-4 for values 0..255), raised a little
    so that single precision bears flat areas.
    """
    c1, c2 = 2e-9, 2e-6
    offsets = torch.arange(11, dtype=first.dtype, device=first.device) - 5
    window = torch.exp(-(offsets**2) / (2 * 1.5**2))
    window = window / window.sum()

    def mean(image: Tensor) -> Tensor:
        rows = functional.conv2d(image, window.view(1, 1, 11, 1))
        return functional.conv2d(rows, window.view(1, 1, 1, 11))

    mean_1, mean_2 = mean(first), mean(second)
    variance_1 = (mean(first * first) - mean_1**2).clamp(min=0)
    variance_2 = (mean(second * second) - mean_2**2).clamp(min=0)
    covariance = mean(first * second) - mean_1 * mean_2
    numerator = (2 * mean_1 * mean_2 + c1) * (2 * covariance + c2)
    return numerator / ((mean_1**2 + mean_2**2 + c1) * (variance_1 + variance_2 + c2))
