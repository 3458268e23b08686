"""Measures of overexposed regions and of naturalness, which the general measures miss.

A pixelwise maximum leads in MI and VIF, but loses every car inside a glare. A rule on brightness keeps the
car, but fills a blown-out sky with infrared noise. The measures here tell the two apart, on 8-bit grey.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from epofusion_core.evaluation.analysed import Analysed, Grey, Image, analysed
from epofusion_core.evaluation.qabf import edge_quality, edges
from epofusion_core.exposure import SATURATED_LUMA, overexposed_fraction

MIN_OVEREXPOSED_FRACTION = 0.002
"""Share of the image from which a pair counts as overexposed; below it, measures of glare do not apply."""

_FLAT_WINDOW_PX = 7
_FLAT_INFRARED_STD = 3.0
_OBJECT_EDGE_STD = 12.0
_NEAR_AN_OBJECT = np.asarray(cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (33, 33)))
_GLARE_LUMA = 230
_GLARE_REACH = np.ones((15, 15), np.uint8)


@dataclass(frozen=True)
class ExposureMetrics:
    """Measures of one fused image in and around glare; NaN where one does not apply.

    Attributes:
        q_oe: infrared edges kept inside overexposed regions, in [0, 1], higher is better.
        c_oe: correlation of fused and infrared grey values there, in [-1, 1], higher is better.
        n_oe: infrared noise brought into blown-out regions with no object near, grey levels, lower is better.
        dy: change of the visible image away from glare, grey levels, lower is better.
    """

    q_oe: float
    c_oe: float
    n_oe: float
    dy: float


@dataclass(frozen=True)
class MaskMetrics:
    """Agreement of a predicted mask with the true one, each in [0, 1]; NaN where one does not apply.

    Attributes:
        iou: intersection over union; NaN where both are empty.
        precision: share of the predicted pixels that are true; NaN where none is predicted.
        recall: share of the true pixels that are predicted; NaN where none is true.
    """

    iou: float
    precision: float
    recall: float


def exposure_metrics(visible: Image, infrared: Image, fused: Image) -> ExposureMetrics:
    """Measure one fused image; `q_oe`, `c_oe` and `n_oe` are NaN unless the pair is overexposed.

    Args:
        visible: (H, W) uint8, luma of the visible image.
        infrared: (H, W) uint8, the same size.
        fused: (H, W) uint8, the same size.

    Raises:
        ValueError: an array is not (H, W) uint8 of one common size.
    """
    vi, ir, f = analysed(visible=visible, infrared=infrared, fused=fused)
    dy = change_away_from_glare(vi, f)
    if overexposed_fraction(vi.grey) < MIN_OVEREXPOSED_FRACTION:
        return ExposureMetrics(math.nan, math.nan, math.nan, dy)
    region = vi.grey >= SATURATED_LUMA
    return ExposureMetrics(
        q_oe=infrared_edges_kept(ir, f, region),
        c_oe=correlation(ir.grey[region], f.grey[region]),
        n_oe=infrared_noise(vi, ir, f, region),
        dy=dy,
    )


def infrared_edges_kept(infrared: Analysed, fused: Analysed, region: NDArray[np.bool_]) -> float:
    """Q_oe: Qabf's edge term Q(ir, f) averaged over `region` by infrared edge strength; NaN without edges."""
    ir, f = infrared.part(edges).within(region), fused.part(edges).within(region)
    if not np.any(ir.strength):
        return math.nan
    return float(np.average(edge_quality(ir, f).ravel(), weights=ir.strength.ravel()))


def correlation(a: NDArray[np.uint8], b: NDArray[np.uint8]) -> float:
    """Return Pearson's correlation in [-1, 1]: NaN where `a` is constant, 0 where only `b` is."""
    centred_a, centred_b = a - a.mean(dtype=np.float64), b - b.mean(dtype=np.float64)
    spread_a, spread_b = np.linalg.norm(centred_a), np.linalg.norm(centred_b)
    if spread_a == 0:
        return math.nan
    return float(centred_a @ centred_b / (spread_a * spread_b)) if spread_b > 0 else 0.0


def infrared_noise(visible: Analysed, infrared: Analysed, fused: Analysed, region: NDArray[np.bool_]) -> float:
    """N_oe: mean |fused - visible| in grey levels inside `region` where the infrared is flat and no object is near.

    Flat means a local standard deviation below 3 grey levels in 7x7 pixels. An object is near where that deviation
    reaches 12, as at an edge of 24 grey levels, within 16 pixels. A blown-out sky must stay bright; a person's
    surroundings may change, so that the person shows. NaN if there is no such pixel.
    """
    return _mean_change(visible, fused, region & infrared.part(_flat_away_from_objects))


def _flat_away_from_objects(infrared: Analysed) -> NDArray[np.bool_]:
    deviation = local_std(infrared.grey, _FLAT_WINDOW_PX)
    near_object = cv2.dilate((deviation >= _OBJECT_EDGE_STD).astype(np.uint8), _NEAR_AN_OBJECT)
    return np.asarray((deviation < _FLAT_INFRARED_STD) & (near_object == 0))


def change_away_from_glare(visible: Analysed, fused: Analysed) -> float:
    """dY: mean |fused - visible| in grey levels where 15x15 pixels have no luma >= 230; NaN if nowhere."""
    return _mean_change(visible, fused, visible.part(_away_from_glare))


def _away_from_glare(visible: Analysed) -> NDArray[np.bool_]:
    return np.asarray(cv2.dilate((visible.grey >= _GLARE_LUMA).astype(np.uint8), _GLARE_REACH) == 0)


def _mean_change(visible: Analysed, fused: Analysed, region: NDArray[np.bool_]) -> float:
    return float(cv2.absdiff(fused.grey, visible.grey)[region].mean()) if region.any() else math.nan


def local_std(image: Grey, window_px: int) -> NDArray[np.float64]:
    """Return the standard deviation of the square window around each pixel, (H, W) in grey levels."""
    window = (window_px, window_px)
    mean = cv2.blur(image.astype(np.float64), window)
    mean_square = cv2.sqrBoxFilter(image, cv2.CV_64F, window)
    return np.asarray(np.sqrt(np.maximum(mean_square - mean**2, 0.0)))


def mask_metrics(predicted: NDArray[np.bool_], true: NDArray[np.bool_]) -> MaskMetrics:
    """Compare two masks of one size.

    Raises:
        ValueError: the sizes differ.
    """
    if predicted.shape != true.shape:
        raise ValueError(f"predicted mask is {predicted.shape}, true mask {true.shape}; expected equal sizes")
    both = int(np.count_nonzero(predicted & true))
    return MaskMetrics(
        iou=_share(both, int(np.count_nonzero(predicted | true))),
        precision=_share(both, int(np.count_nonzero(predicted))),
        recall=_share(both, int(np.count_nonzero(true))),
    )


def _share(part: int, whole: int) -> float:
    return part / whole if whole else math.nan


def mean_where_applicable(values: Iterable[float]) -> float:
    """Return the mean of the values that are not NaN; NaN if there is none."""
    applicable = [value for value in values if not math.isnan(value)]
    return math.fsum(applicable) / len(applicable) if applicable else math.nan
