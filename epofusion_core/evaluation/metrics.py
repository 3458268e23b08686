"""Fusion quality of one image: EN, MI, VIF, Qabf and SSIM, in the conventions of the paper's Table I.

All work on 8-bit grey (BT.601 luma, rounded) with values 0..255, and compare the fused image with both
sources. Other conventions exist (MI in nats, VIF as a mean, SSIM on range 255) and are not comparable. What
these five do not see, overexposed regions, is in `exposure_metrics`.
"""

from dataclasses import dataclass

import cv2
import numpy as np

from epofusion_core.evaluation.analysed import Analysed, Floats, Image, analysed
from epofusion_core.evaluation.qabf import edge_preservation
from epofusion_core.evaluation.ssim import structural_similarity
from epofusion_core.evaluation.vif import visual_information_fidelity
from epofusion_core.evaluation.windows import histogram

_LOG_OFFSET = 1e-7


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


def fusion_metrics(visible: Image, infrared: Image, fused: Image) -> FusionMetrics:
    """Measure one fused image against its two sources.

    Args:
        visible: (H, W) uint8, luma of the visible image.
        infrared: (H, W) uint8, the same size.
        fused: (H, W) uint8, the same size.

    Raises:
        ValueError: an array is not (H, W) uint8 of one common size, or smaller than `vif.MIN_SIDE_PX`.
    """
    vi, ir, f = analysed(visible=visible, infrared=infrared, fused=fused)
    return FusionMetrics(
        en=entropy(f),
        mi=mutual_information(ir, f) + mutual_information(vi, f),
        vif=visual_information_fidelity(ir, f) + visual_information_fidelity(vi, f),
        qabf=edge_preservation(vi, ir, f),
        ssim=(structural_similarity(ir, f) + structural_similarity(vi, f)) / 2,
    )


def entropy(image: Analysed) -> float:
    """EN: Shannon entropy of the 256 grey levels, in bits."""
    return _entropy_of(image.part(histogram), offset=_LOG_OFFSET)


def mutual_information(source: Analysed, fused: Analysed) -> float:
    """MI of two images from their 256x256 joint histogram, in bits, not normalised."""
    joint = cv2.calcHist([source.grey, fused.grey], [0, 1], None, [256, 256], [0, 256, 0, 256])
    alone = _entropy_of(source.part(histogram)) + _entropy_of(fused.part(histogram))
    return alone - _entropy_of(np.asarray(joint, dtype=np.float32))


def _entropy_of(counts: Floats, offset: float = 0.0) -> float:
    share = counts[counts > 0].astype(np.float64) / counts.sum(dtype=np.float64)
    return float(-np.sum(share * np.log2(share + offset)))
