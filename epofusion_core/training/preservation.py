"""What a fused image keeps of the sources, and what it invents, as differentiable terms.

Edges, structure and information are the measures of `epofusion_core.evaluation.metrics`, made smooth. The differences:
an edge whose sign has turned counts as lost, flat crops count for little, and constants are raised as far as single
precision asks for. The paper has none of these terms.
"""

import math
from typing import NamedTuple

import torch
from torch import Tensor

from epofusion_core.training.exposure_target import gaussian_blur, sobel

_SSIM_TAPS, _SSIM_SIGMA = 11, 1.5
_SSIM_C1, _SSIM_C2 = 2e-9, 2e-6
_VIF_TAPS = (17, 9, 5, 3)
_VIF_NOISE_VARIANCE = 2.0 / 255.0**2
_SMALLEST_VARIANCE = 1e-8
_SMALLEST_GRADIENT = 0.2 / 255.0
_FLAT_GRADIENT = 0.5 / 255.0
_LARGEST_COSINE = 1.0 - 1e-6
_INVENTION_SIGMA_PX = 3.0
_INVISIBLE_GRADIENT = 0.5 / 255.0
"""Slope a pixel that no eye sees: half of what the measure `phantom` lets pass."""


def edge_preservation(fused: Tensor, luma: Tensor, infrared: Tensor) -> Tensor:
    """Return Qabf (Xydeas and Petrovic 2000): edges of both sources that are kept, weighted by their strength.

    Args:
        fused: (B, 1, H, W) in [0, 1], as are `luma` and `infrared`.
        luma: Y.
        infrared: R.

    Returns:
        (B,) in [0, 1].
    """
    of_fused = sobel(fused)
    kept, total = fused.new_zeros(len(fused)), fused.new_full((len(fused),), _FLAT_GRADIENT * fused[0].numel())
    for source in (luma, infrared):
        edges = sobel(source)
        strength = _magnitude(edges)
        kept = kept + (strength * _edge_quality(edges, of_fused)).sum(dim=(1, 2, 3))
        total = total + strength.sum(dim=(1, 2, 3))
    return kept / total


def _edge_quality(source: Tensor, fused: Tensor) -> Tensor:
    """Return how well an edge is kept, in strength and direction, (B, 1, H, W) in [0, 1], of gradients (B, 2, H, W)."""
    of_source, of_fused = _magnitude(source), _magnitude(fused)
    relative = torch.minimum(of_source, of_fused) / torch.maximum(of_source, of_fused)
    cosine = (source * fused).sum(dim=1, keepdim=True) / (of_source * of_fused)
    angle = torch.arccos(cosine.clamp(-_LARGEST_COSINE, _LARGEST_COSINE))
    alignment = 1.0 - angle / (math.pi / 2)
    return torch.sigmoid(15.0 * (relative - 0.5)) * torch.sigmoid(22.0 * (alignment - 0.8))


def _magnitude(gradient: Tensor) -> Tensor:
    return (gradient.square().sum(dim=1, keepdim=True) + _SMALLEST_GRADIENT**2).sqrt()


def structural_similarity(fused: Tensor, luma: Tensor, infrared: Tensor) -> Tensor:
    """Return the mean SSIM map of the fused image with both sources: 11x11 Gaussian of sigma 1.5, valid area.

    The constants are those of the field's tables (C1 = 1e-4 and C2 = 9e-4 on values 0..255), raised so far that single
    precision bears flat areas.

    Args:
        fused: (B, 1, H, W) in [0, 1], at least 11x11, as are `luma` and `infrared`.
        luma: Y.
        infrared: R.
    """
    of = _moments(torch.cat((fused, luma, infrared), dim=1), _SSIM_TAPS, _SSIM_SIGMA)
    squares = of.mean_fused**2 + of.mean_sources**2
    luminance = (2 * of.mean_fused * of.mean_sources + _SSIM_C1) / (squares + _SSIM_C1)
    structure = (2 * of.covariance + _SSIM_C2) / (of.variance_fused + of.variance_sources + _SSIM_C2)
    return (luminance * structure).mean(dim=1, keepdim=True)


def information_fidelity(fused: Tensor, luma: Tensor, infrared: Tensor) -> Tensor:
    """Return the sum over both sources of VIF (Sheikh and Bovik 2006) in the pixel domain, four scales.

    Args:
        fused: (B, 1, H, W) in [0, 1], at least 41x41, as are `luma` and `infrared`.
        luma: Y.
        infrared: R.

    Returns:
        (B,), 0 where nothing of the sources is left, 2 where both are kept whole, more where contrasts are raised.
    """
    images = torch.cat((fused, luma, infrared), dim=1)
    kept = available = fused.new_zeros(len(fused), 2)
    for scale, taps in enumerate(_VIF_TAPS):
        if scale > 0:
            images = _filtered(images, taps, taps / 5)[..., ::2, ::2]
        of = _moments(images, taps, taps / 5)
        gain = (of.covariance / (of.variance_sources + _SMALLEST_VARIANCE)).clamp(min=0.0)
        noise = (of.variance_fused - gain * of.covariance).clamp(min=0.0)
        signal = gain**2 * of.variance_sources / (noise + _VIF_NOISE_VARIANCE)
        kept = kept + torch.log1p(signal).sum(dim=(2, 3))
        available = available + torch.log1p(of.variance_sources / _VIF_NOISE_VARIANCE).sum(dim=(2, 3))
    flat = 1e-3 * fused[0].numel()
    return (kept / (available + flat)).sum(dim=1)


def invented_edges(fused: Tensor, luma: Tensor, infrared: Tensor) -> Tensor:
    """Return by how much the fused image is steeper than both sources, all blurred: puddles, seams, dark rings.

    The measure `phantom` of the evaluation, with a smaller slope let pass. Ours.

    Args:
        fused: (B, 1, H, W) in [0, 1], as are `luma` and `infrared`.
        luma: Y.
        infrared: R.

    Returns:
        (B, 1, H, W), slope a pixel of full scale 1; 0 where either source is as steep.
    """
    of_fused, of_luma, of_infrared = (
        _magnitude(sobel(gaussian_blur(image, _INVENTION_SIGMA_PX)) / 2) for image in (fused, luma, infrared)
    )
    return (of_fused - torch.maximum(of_luma, of_infrared) - _INVISIBLE_GRADIENT).clamp(min=0.0)


class _Moments(NamedTuple):
    """Local moments under a window: of the fused image (B, 1, h, w), of both sources, and between them (B, 2, h, w)."""

    mean_fused: Tensor
    mean_sources: Tensor
    variance_fused: Tensor
    variance_sources: Tensor
    covariance: Tensor


def _moments(images: Tensor, taps: int, sigma: float) -> _Moments:
    """Return the moments of fused, luma and infrared, (B, 3, H, W), under a Gaussian window."""
    products = torch.cat((images * images, images[:, :1] * images[:, 1:]), dim=1)
    filtered = _filtered(torch.cat((images, products), dim=1), taps, sigma)
    mean, square, cross = filtered[:, :3], filtered[:, 3:6], filtered[:, 6:]
    variance = (square - mean**2).clamp(min=0.0)
    covariance = cross - mean[:, :1] * mean[:, 1:]
    return _Moments(mean[:, :1], mean[:, 1:], variance[:, :1], variance[:, 1:], covariance)


def _filtered(images: Tensor, taps: int, sigma: float) -> Tensor:
    """Filter (B, C, H, W) by a Gaussian, valid area alone.

    As matrix products, since CPUs have no fast convolution of a single channel.
    """
    rows, columns = (_windows(size, taps, sigma, images) for size in (images.shape[-2], images.shape[-1]))
    return rows @ images @ columns.T


def _windows(size: int, taps: int, sigma: float, like: Tensor) -> Tensor:
    """Return (size - taps + 1, size): row i holds a Gaussian of so many taps from i on."""
    reach = taps // 2
    offsets = torch.arange(size, dtype=like.dtype, device=like.device)
    distance = offsets[None, :] - offsets[: size - 2 * reach, None] - reach
    window = torch.where(
        distance.abs() <= reach, torch.exp(-(distance**2) / (2 * sigma**2)), torch.zeros_like(distance)
    )
    return window / window.sum(dim=1, keepdim=True)
