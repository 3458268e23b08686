"""Fusion quality of one image: EN, MI, VIF, Qabf and SSIM, in the conventions of the paper's Table I.

All work on 8-bit grey (BT.601 luma, rounded) with values 0..255, and compare the fused image with both
sources. Other conventions exist (MI in nats, VIF as a mean, SSIM on range 255) and are not comparable. What
these five do not see, overexposed regions, is in `exposure_metrics`.
"""

import math
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

Grey = NDArray[np.uint8]
"""(H, W) uint8."""

Floats = NDArray[np.float64]
"""(H, W) float64."""

MIN_SIDE_PX = 41
"""Smallest height and width: below it, VIF's coarsest scale has no pixel."""

_LOG_OFFSET = 1e-7
_VIF_WINDOWS = (17, 9, 5, 3)
_VIF_NOISE_VARIANCE = 2.0
_VIF_EPSILON = 1e-10
_SSIM_WINDOW = 11
_SSIM_SIGMA = 1.5
_SSIM_C1 = 1e-4
_SSIM_C2 = 9e-4


@dataclass(frozen=True)
class FusionMetrics:
    """The five general measures of one fused image; higher is better in all.

    Attributes:
        en: entropy of the fused image, bits.
        mi: mutual information with the infrared plus that with the visible image, bits.
        vif: visual information fidelity, sum over both sources.
        qabf: edge preservation of both sources, in [0, 1].
        ssim: structural similarity, mean over both sources.
    """

    en: float
    mi: float
    vif: float
    qabf: float
    ssim: float


def fusion_metrics(visible: Grey, infrared: Grey, fused: Grey) -> FusionMetrics:
    """Measure one fused image against its two sources.

    Args:
        visible: (H, W) uint8, luma of the visible image.
        infrared: (H, W) uint8, the same size.
        fused: (H, W) uint8, the same size.

    Raises:
        ValueError: an array is not (H, W) uint8 of one common size, or smaller than `MIN_SIDE_PX`.
    """
    check_images(visible=visible, infrared=infrared, fused=fused)
    return FusionMetrics(
        en=entropy(fused),
        mi=mutual_information(infrared, fused) + mutual_information(visible, fused),
        vif=visual_information_fidelity(infrared, fused) + visual_information_fidelity(visible, fused),
        qabf=edge_preservation(visible, infrared, fused),
        ssim=(structural_similarity(infrared, fused) + structural_similarity(visible, fused)) / 2,
    )


def check_images(**images: Grey) -> None:
    """Raise ValueError, with one sentence, unless all images are (H, W) uint8 of one common size."""
    first_name, first = next(iter(images.items()))
    for name, image in images.items():
        if image.ndim != 2 or image.dtype != np.uint8:
            raise ValueError(
                f"{name} has shape {image.shape} and type {image.dtype}; expected a grey (H, W) uint8 image"
            )
        if image.shape != first.shape:
            raise ValueError(f"{name} has shape {image.shape}, {first_name} has {first.shape}; expected equal sizes")


def entropy(image: Grey) -> float:
    """EN: Shannon entropy of the 256 grey levels, in bits."""
    return _entropy_of(np.bincount(image.ravel(), minlength=256), offset=_LOG_OFFSET)


def mutual_information(source: Grey, fused: Grey) -> float:
    """MI of two images from their 256x256 joint histogram, in bits, not normalised."""
    joint = np.bincount(source.ravel().astype(np.intp) * 256 + fused.ravel(), minlength=256 * 256).reshape(256, 256)
    return _entropy_of(joint.sum(axis=0)) + _entropy_of(joint.sum(axis=1)) - _entropy_of(joint)


def _entropy_of(counts: NDArray[np.intp], offset: float = 0.0) -> float:
    share = counts[counts > 0] / counts.sum()
    return float(-np.sum(share * np.log2(share + offset)))


def visual_information_fidelity(source: Grey, fused: Grey) -> float:
    """VIFp (Sheikh and Bovik 2006), pixel domain, four scales, the source being the reference.

    A source without any structure carries no information to keep; its VIF counts as 1.

    Raises:
        ValueError: the image is too small for the four scales.
    """
    if min(source.shape) < MIN_SIDE_PX:
        raise ValueError(f"image is {source.shape} pixels; expected at least {MIN_SIDE_PX} a side for VIF")
    reference, distorted = source.astype(np.float64), fused.astype(np.float64)
    kept = available = 0.0
    for scale, size in enumerate(_VIF_WINDOWS):
        kernel = gaussian_kernel(size, size / 5)
        if scale > 0:
            reference, distorted = (filter_valid(image, kernel)[::2, ::2] for image in (reference, distorted))
        scale_kept, scale_available = _vif_scale(reference, distorted, kernel)
        kept += scale_kept
        available += scale_available
    return kept / available if available > 0 else 1.0


def _vif_scale(reference: Floats, distorted: Floats, kernel: Floats) -> tuple[float, float]:
    """Return the information of one scale that the distorted image keeps, and that of the reference."""
    _, _, var_ref, var_dist, covariance = _local_moments(reference, distorted, kernel)
    var_ref, var_dist = np.maximum(var_ref, 0.0), np.maximum(var_dist, 0.0)
    gain = covariance / (var_ref + _VIF_EPSILON)
    noise = var_dist - gain * covariance
    flat_ref, flat_dist = var_ref < _VIF_EPSILON, var_dist < _VIF_EPSILON
    gain[flat_ref | flat_dist] = 0.0
    noise[flat_ref] = var_dist[flat_ref]
    noise[flat_dist] = 0.0
    var_ref[flat_ref] = 0.0
    inverted = gain < 0
    noise[inverted] = var_dist[inverted]
    gain[inverted] = 0.0
    noise = np.maximum(noise, _VIF_EPSILON)
    kept = np.log10(1.0 + gain**2 * var_ref / (noise + _VIF_NOISE_VARIANCE)).sum()
    available = np.log10(1.0 + var_ref / _VIF_NOISE_VARIANCE).sum()
    return float(kept), float(available)


def structural_similarity(source: Grey, fused: Grey) -> float:
    """SSIM with an 11x11 Gaussian window, on 0..255 values with constants for range 1, as Table I has it."""
    kernel = gaussian_kernel(_SSIM_WINDOW, _SSIM_SIGMA)
    mean_s, mean_f, var_s, var_f, covariance = _local_moments(
        source.astype(np.float64), fused.astype(np.float64), kernel
    )
    brightness = (2 * mean_s * mean_f + _SSIM_C1) / (mean_s**2 + mean_f**2 + _SSIM_C1)
    structure = (2 * covariance + _SSIM_C2) / (var_s + var_f + _SSIM_C2)
    return float(np.mean(brightness * structure))


def edge_preservation(visible: Grey, infrared: Grey, fused: Grey) -> float:
    """Qabf (Xydeas and Petrovic 2000): edges of both sources that are kept, weighted by strength.

    Sources without any edge have none to lose: 1.
    """
    fused_edges = Edges.of(fused)
    kept = total = 0.0
    for source in (visible, infrared):
        source_edges = Edges.of(source)
        kept += float(np.sum(edge_quality(source_edges, fused_edges) * source_edges.strength))
        total += float(np.sum(source_edges.strength))
    return kept / total if total > 0 else 1.0


@dataclass(frozen=True)
class Edges:
    """Sobel edges of an image.

    Attributes:
        strength: (H, W) float64, grey levels.
        angle_rad: (H, W) float64 in [-pi/2, pi/2].
    """

    strength: Floats
    angle_rad: Floats

    @classmethod
    def of(cls, image: Grey) -> "Edges":
        """Compute them, with zeros around the image as Qabf is defined."""
        across, down = (
            cv2.Sobel(image, cv2.CV_64F, dx, 1 - dx, ksize=3, borderType=cv2.BORDER_CONSTANT) for dx in (1, 0)
        )
        upright = across == 0
        ratio = np.divide(-down, across, out=np.zeros_like(down), where=~upright)
        return cls(np.hypot(across, down), np.where(upright, math.pi / 2, np.arctan(ratio)))


def edge_quality(source: Edges, fused: Edges) -> Floats:
    """Return Qabf's term Q(source, fused) = Qg Qa, (H, W) in [0, 1]: strength and direction of edges kept."""
    weaker, stronger = (
        np.minimum(source.strength, fused.strength),
        np.maximum(source.strength, fused.strength),
    )
    equal = source.strength == fused.strength
    relative = np.divide(weaker, stronger, out=fused.strength.copy(), where=~equal)
    alignment = 1.0 - np.abs(source.angle_rad - fused.angle_rad) / (math.pi / 2)
    strength_kept = 0.9994 / (1.0 + np.exp(-15.0 * (relative - 0.5)))
    direction_kept = 0.9879 / (1.0 + np.exp(-22.0 * (alignment - 0.8)))
    return np.asarray(strength_kept * direction_kept, dtype=np.float64)


def gaussian_kernel(size: int, sigma: float) -> Floats:
    """Return a normalised one-dimensional Gaussian, (size, 1) float64."""
    return np.asarray(cv2.getGaussianKernel(size, sigma, cv2.CV_64F), dtype=np.float64)


def filter_valid(image: Floats, kernel: Floats) -> Floats:
    """Filter by a separable kernel, (size, 1) with odd size, and keep only what needs no padding."""
    margin = len(kernel) // 2
    filtered = cv2.sepFilter2D(image, cv2.CV_64F, kernel, kernel)
    return np.asarray(filtered[margin : image.shape[0] - margin, margin : image.shape[1] - margin])


def _local_moments(a: Floats, b: Floats, kernel: Floats) -> tuple[Floats, Floats, Floats, Floats, Floats]:
    """Return local means of a and b, their variances, and their covariance under the window."""
    mean_a, mean_b, square_a, square_b, product = (filter_valid(image, kernel) for image in (a, b, a * a, b * b, a * b))
    return mean_a, mean_b, square_a - mean_a**2, square_b - mean_b**2, product - mean_a * mean_b
