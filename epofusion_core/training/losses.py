"""Losses of the paper, Eq. 8-15, each term named by its equation.

Defaults are the paper's form. The options that the shipped weights use instead say so: `pseudo_target`, `gradient`, and
the weights of structure, edges, information and invention (docs/training.md).
"""

from dataclasses import dataclass
from typing import Literal, NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

from epofusion_core.training.exposure_target import exposure_target, sobel, veil
from epofusion_core.training.preservation import (
    edge_preservation,
    information_fidelity,
    invented_edges,
    structural_similarity,
)

_SMALLEST_SHARE = 1e-3

_DICE_OFFSET_PX = 100.0
"""Keeps Dice smooth in batches with hardly an object."""


@dataclass(frozen=True)
class LossConfig:
    """Weights and forms of the loss terms.

    Attributes:
        diffusion_weight: of L_diff in Eq. 8; 1 in the paper.
        diffusion_clamp: upper bound of (a_t / s_t)^2 in Eq. 15, which would explode as t -> 0 (min-SNR).
        fusion_weight: g1 of Eq. 8.
        guidance_weight: g2 of Eq. 8.
        overlap_weight: of 1 - Dice, added to Eq. 14; 0 in the paper.
        well_exposed_weight: of a pixel outside the overexposed region in Eq. 14, against 1 inside it; 1 in the paper.
            There M is none by definition, so that the head need not be taught where exactly the region ends, but it
            must stay quiet beside it.
        normal_weight: l1 of Eq. 13.
        overexposed_weight: l2 of Eq. 13.
        gradient_weight: of the gradient terms against the intensity terms in Eq. 13.
        infrared_gradient: w of Eq. 12, at least 1.
        pseudo_target: I_p of Eq. 3 and 10: "average" of the sources (paper), or "exposure", the better source outside
            the glare and the infrared relief inside it (`exposure_target`), which then stands for the maximum of the
            sources in Eq. 9 and 11 as well.
        gradient: "magnitude" (Eq. 11, 12) or "vector": the stronger source's gradient with its direction and sign.
        structure_weight: of an added 1 - SSIM term; 0 in the paper, as are the following three (`preservation`).
        edge_weight: of an added 1 - Qabf term.
        information_weight: of an added 2 - VIF term; crops of at least 41 pixels a side.
        invention_weight: of an added term for edges that are in neither source, a grey level a pixel counting 1/255.
        adaptive: False gives the ablation "w/o AL": Eq. 9 and 11 everywhere, no special treatment of M.
    """

    diffusion_weight: float = 1.0
    diffusion_clamp: float = 5.0
    fusion_weight: float = 1.0
    guidance_weight: float = 0.4
    overlap_weight: float = 0.0
    well_exposed_weight: float = 1.0
    normal_weight: float = 1.0
    overexposed_weight: float = 1.0
    gradient_weight: float = 1.0
    infrared_gradient: float = 1.0
    pseudo_target: Literal["average", "exposure"] = "average"
    gradient: Literal["magnitude", "vector"] = "magnitude"
    structure_weight: float = 0.0
    edge_weight: float = 0.0
    information_weight: float = 0.0
    invention_weight: float = 0.0
    adaptive: bool = True


class FusionTerms(NamedTuple):
    """Unweighted terms, scalars."""

    intensity_normal: Tensor
    intensity_overexposed: Tensor
    gradient_normal: Tensor
    gradient_overexposed: Tensor
    structure: Tensor
    edges: Tensor
    information: Tensor
    invention: Tensor


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
    gradients = _vector_gradients if config.gradient == "vector" else _magnitude_gradients
    of_fused, of_luma, of_infrared, of_target = (gradients(image) for image in (fused, luma, infrared, target))
    if not config.adaptive:
        overexposed = torch.zeros_like(mask)
        intensity, edges, edges_overexposed = (
            torch.maximum(luma, infrared),
            _stronger(of_luma, of_infrared),
            of_infrared,
        )
    elif config.pseudo_target == "exposure":
        # M holds objects alone; the glare around them needs its own weight too.
        overexposed = veil(luma)
        intensity, edges, edges_overexposed = target, of_target, of_target
    else:
        overexposed = mask
        intensity, edges, edges_overexposed = (
            torch.maximum(luma, infrared),
            _stronger(of_luma, of_infrared),
            of_infrared,
        )
    normal = 1.0 - overexposed
    structure = lost_edges = information = invention = fused.new_zeros(())
    if config.structure_weight:
        structure = 1.0 - structural_similarity(fused, luma, infrared).mean()
    if config.edge_weight:
        lost_edges = 1.0 - edge_preservation(fused, luma, infrared).mean()
    if config.information_weight:
        information = 2.0 - information_fidelity(fused, luma, infrared).mean()
    if config.invention_weight:
        invention = invented_edges(fused, luma, infrared).mean()
    return FusionTerms(
        intensity_normal=(normal * (fused - intensity).abs()).mean(),  # Eq. 9
        intensity_overexposed=(overexposed * (fused - target).abs()).mean(),  # Eq. 10
        gradient_normal=(normal * _distance(of_fused, edges)).mean(),  # Eq. 11
        gradient_overexposed=(  # Eq. 12
            overexposed * _distance(of_fused, config.infrared_gradient * edges_overexposed)
        ).mean(),
        structure=structure,
        edges=lost_edges,
        information=information,
        invention=invention,
    )


def fusion_loss(terms: FusionTerms, config: LossConfig) -> Tensor:
    """Return L_fusion of Eq. 13, with the added terms of what the sources lose."""
    normal = terms.intensity_normal + config.gradient_weight * terms.gradient_normal
    overexposed = terms.intensity_overexposed + config.gradient_weight * terms.gradient_overexposed
    return (
        config.normal_weight * normal
        + config.overexposed_weight * overexposed
        + config.structure_weight * terms.structure
        + config.edge_weight * terms.edges
        + config.information_weight * terms.information
        + config.invention_weight * terms.invention
    )


def guidance_loss(logits: Tensor, mask: Tensor, weight: Tensor, overlap_weight: float = 0.0) -> Tensor:
    """Return L_seg of Eq. 14: two-class cross-entropy of logits (B, 2, h, w) against M, (B, 1, H, W) in [0, 1].

    Each pixel counts by its `weight`, (B, 1, H, W) or (B, 1, 1, 1). It is 0 where M was found by a rule: such a mask is
    good enough to weigh a target, but would teach the head textures instead of objects. The logits are brought to the
    mask's size, so that thin objects are not lost in a smaller mask. `overlap_weight` adds so much of 1 - Dice: objects
    are few pixels of an image, and entropy alone leaves the doubtful ones below one half.
    """
    object_logit = functional.interpolate(
        logits[:, 1:] - logits[:, :1], size=mask.shape[-2:], mode="bilinear", align_corners=False
    )
    entropy = functional.binary_cross_entropy_with_logits(object_logit, mask, reduction="none")
    loss = (weight * entropy).mean() / weight.mean().clamp(min=1e-6)
    if overlap_weight:
        probability = weight * torch.sigmoid(object_logit)
        found, all_of_both = (probability * mask).sum(), (probability + weight * mask).sum()
        loss = loss + overlap_weight * (1.0 - (2.0 * found + _DICE_OFFSET_PX) / (all_of_both + _DICE_OFFSET_PX))
    return loss


def diffusion_loss(
    embedded_target: Tensor, embedded_fused: Tensor, signal: Tensor, noise: Tensor, clamp: float
) -> Tensor:
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


def feature_loss(feature: Tensor, reference: Tensor) -> Tensor:
    """Return how far the feature F is from another one.

    It is the mean square of the difference, by channel relative to its variance.

    Args:
        feature: F, (B, C, h, w).
        reference: the same.

    Returns:
        Scalar: 0 where they are equal, 1 where as much has changed as there was.
    """
    variance = reference.var(dim=(0, 2, 3), keepdim=True)
    # A channel that hardly varies counts by what the others do: nothing depends on it.
    return ((feature - reference).square() / (variance + _SMALLEST_SHARE * variance.mean())).mean()


def total_loss(fusion: Tensor, guidance: Tensor, diffusion: Tensor, config: LossConfig) -> Tensor:
    """Return L of Eq. 8."""
    return config.diffusion_weight * diffusion + config.fusion_weight * fusion + config.guidance_weight * guidance


def _magnitude_gradients(image: Tensor) -> Tensor:
    """Return |horizontal| + |vertical| Sobel gradient, (B, 1, H, W): the paper's form."""
    return sobel(image).abs().sum(dim=1, keepdim=True)


def _vector_gradients(image: Tensor) -> Tensor:
    """Return the Sobel gradient, (B, 2, H, W), with the direction and sign that a magnitude leaves free."""
    return sobel(image)


def _stronger(first: Tensor, second: Tensor) -> Tensor:
    """Return at each pixel the stronger of two gradients, (B, C, H, W)."""
    first_wins = first.square().sum(dim=1, keepdim=True) >= second.square().sum(dim=1, keepdim=True)
    return torch.where(first_wins, first, second)


def _distance(first: Tensor, second: Tensor) -> Tensor:
    """Return the L1 distance of two gradients, (B, 1, H, W)."""
    return (first - second).abs().sum(dim=1, keepdim=True)
