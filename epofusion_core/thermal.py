"""Scaling of thermal images to 8 bits, so slow that a hot object entering the view causes no flash."""

from dataclasses import dataclass
from typing import TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

_SAMPLE_STEP_PX = 4
"""Percentiles are taken of every fourth pixel in both directions, which is cheaper and as good."""

_SMALLEST_SAMPLE_PX = 1000
"""Of images that would have fewer such pixels all count: a dead one would be more than a percent."""

_SMALLEST_SPAN = 1e-30
"""Of a range; its inverse is still a number of single precision."""

_EDGES = (np.s_[0], np.s_[-1], np.s_[:, 0], np.s_[:, -1])

COLOURED = (
    "the thermal image is coloured by a palette, in which the hottest need not be the brightest; "
    "expected grey, hot being bright"
)
"""What is said of such an image."""

_COLOURFUL, _COLOURED_SHARE = 40, 0.05
"""Difference of R, G and B from which a pixel is coloured, and the share of such pixels in a coloured image."""

_MAX_MOVE = 1.9
"""Grey levels by which the scaling may move a value in a frame; at most 2 after rounding."""

_CLAHE_TILES = (8, 8)
_CELSIUS_OF_0_K = -273.15


ThermalState: TypeAlias = tuple[str, float, float]
"""Type of the sensor's values, and which of them became black and white last."""


@dataclass(frozen=True)
class ThermalScaling:
    """How sensor values become grey levels.

    Attributes:
        mode: "percentile", "minmax" or "fixed".
        percentiles: low and high percentile, in [0, 100], for mode percentile.
        fixed_range: values of black and white, in `unit`, for mode fixed.
        unit: of the fixed range: "counts", or "kelvin" or "celsius" for radiometric images.
        kelvin_per_count: what a count of a radiometric 16-bit image stands for; float images are in `unit` already.
        smoothing: share of the last frame's range that is kept, in [0, 1).
        black_hot: hot is dark in the camera's images; they are inverted.
        clahe: clip limit of the contrast-limited adaptive histogram equalisation that follows; 0 leaves it out.
    """

    mode: str = "percentile"
    percentiles: tuple[float, float] = (1.0, 99.0)
    fixed_range: tuple[float, float] = (0.0, 65535.0)
    unit: str = "counts"
    kelvin_per_count: float = 0.01
    smoothing: float = 0.9
    black_hot: bool = False
    clahe: float = 0.0


class ThermalScaler:
    """Maps sensor values to 0..255, hot being bright.

    8-bit images keep their values: their camera has scaled them.

    Attributes:
        scaling: how it maps.
        range: sensor values that became black and white last; None before.
    """

    def __init__(self, scaling: ThermalScaling) -> None:
        self.scaling = scaling
        self._clahe = cv2.createCLAHE(scaling.clahe, _CLAHE_TILES) if scaling.clahe > 0 else None
        self.range: tuple[float, float] | None = None
        self._dtype: np.dtype[np.generic] | None = None

    def reset(self) -> None:
        """Forget the frames before, since time has jumped back."""
        self.range = None

    @property
    def state(self) -> ThermalState | None:
        """What the next image is scaled by besides itself; None where that is nothing."""
        return None if self.range is None or self._dtype is None else (self._dtype.name, *self.range)

    def go_on(self, state: ThermalState | None) -> None:
        """Go on from the state of another scaler with the same settings."""
        self.range = state[1:] if state else None
        self._dtype = np.dtype(state[0]) if state else None

    def __call__(self, thermal: NDArray[np.uint8] | NDArray[np.uint16] | NDArray[np.float32]) -> NDArray[np.uint8]:
        """Scale one image.

        Args:
            thermal: (H, W) uint8, uint16 or float32. What is no measurement becomes cold: NaN, infinite values, and
                zeros at the edges outside the range of all else, as rectified images have.

        Returns:
            (H, W) uint8, hot is bright.
        """
        scaled = thermal if thermal.dtype == np.uint8 else self._scaled(thermal)
        image = np.asarray(scaled, dtype=np.uint8)
        if self.scaling.black_hot:
            image = np.asarray(cv2.bitwise_not(image), dtype=np.uint8)
        return image if self._clahe is None else np.asarray(self._clahe.apply(image), dtype=np.uint8)

    def _scaled(self, thermal: NDArray[np.generic]) -> NDArray[np.uint8]:
        if thermal.dtype != self._dtype:  # counts after kelvin: the range of before means nothing
            self._dtype, self.range = thermal.dtype, None
        values = thermal.astype(np.float32, copy=False)
        finite, border = np.isfinite(values), _zeros_at_edges(values)
        is_fixed = self.scaling.mode == "fixed"
        low, high = self._fixed(thermal.dtype) if is_fixed else self._next_range(values, finite, border)
        self.range = (low, high)
        gain = 255.0 / max(high - low, _SMALLEST_SPAN)
        measured = finite if low <= 0 <= high else finite & ~border
        if not measured.all():
            values = np.where(measured, values, np.float32(high if self.scaling.black_hot else low))
        with np.errstate(over="ignore"):  # what is beyond float32 is beyond the range, too
            return np.asarray(np.clip((values - low) * gain + 0.5, 0.0, 255.0), dtype=np.uint8)

    def _fixed(self, dtype: np.dtype[np.generic]) -> tuple[float, float]:
        """Return the fixed range in the image's own values."""
        scaling = self.scaling
        if scaling.unit == "counts" or dtype != np.uint16:
            return scaling.fixed_range
        offset_k = -_CELSIUS_OF_0_K if scaling.unit == "celsius" else 0.0
        low, high = ((value + offset_k) / scaling.kelvin_per_count for value in scaling.fixed_range)
        return low, high

    def _next_range(
        self, values: NDArray[np.float32], finite: NDArray[np.bool_], border: NDArray[np.bool_]
    ) -> tuple[float, float]:
        previous = self.range
        percentile = self.scaling.mode == "percentile"
        sample = _sample(values, finite, border, sparse=percentile)
        if sample.size == 0:
            return previous or (0.0, 1.0)
        if percentile:
            # In double precision: between large float32 values, interpolation overflows to NaN.
            low, high = np.percentile(sample.astype(np.float64), self.scaling.percentiles).tolist()
        else:
            low, high = float(sample.min()), float(sample.max())
        return (low, high) if previous is None else _approach(previous, (low, high), 1 - self.scaling.smoothing)


def is_coloured(rgb: NDArray[np.uint8]) -> bool:
    """Tell whether a thermal image, (H, W, 3) uint8, is coloured by a palette.

    The hottest need not be the brightest in it, and its luma is no picture of temperatures.
    """
    sample = rgb[::_SAMPLE_STEP_PX, ::_SAMPLE_STEP_PX]
    return bool((np.ptp(sample.astype(np.int16), axis=2) > _COLOURFUL).mean() > _COLOURED_SHARE)


def _zeros_at_edges(values: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Return where zeros lie that are connected to an edge, (H, W): a lens or a warp may not have reached there."""
    if all((values[edge] != 0).all() for edge in _EDGES):
        return np.zeros(values.shape, np.bool_)
    count, labels = cv2.connectedComponents((values == 0).astype(np.uint8))
    at_edge = np.zeros(count, np.bool_)
    for edge in _EDGES:
        at_edge[labels[edge]] = True
    at_edge[0] = False  # what is not zero
    return np.asarray(at_edge[labels])


def _sample(
    values: NDArray[np.float32], finite: NDArray[np.bool_], border: NDArray[np.bool_], *, sparse: bool
) -> NDArray[np.float32]:
    """Return the values that a range is taken of, flat; with `sparse` those of every fourth pixel in both directions.

    With zeros at the edges, pixels next to them and to the edges are left out: interpolation has mixed them with zeros.
    Where all else is uniform, the zeros are a measurement.
    """
    step = _SAMPLE_STEP_PX if sparse and values[::_SAMPLE_STEP_PX, ::_SAMPLE_STEP_PX].size >= _SMALLEST_SAMPLE_PX else 1
    grid = np.s_[::step, ::step]
    measured = finite
    if border.any():
        near = cv2.dilate(border.astype(np.uint8), np.ones((5, 5)), borderType=cv2.BORDER_CONSTANT, borderValue=1)
        measured = finite & (near == 0)
    sample = values[grid][measured[grid]]
    if sample.size and sample.min() < sample.max():
        return sample
    return values[grid][finite[grid]]


def _approach(previous: tuple[float, float], wanted: tuple[float, float], share: float) -> tuple[float, float]:
    """Go a share of the way from one range to another, or less: no value of the first may move by over `_MAX_MOVE`.

    The mapping is linear, so that its ends move most: by 255 a|dl| / (s + a ds) and 255 a|dh| / (s + a ds) grey levels
    for a share a, the span s and its change ds.
    """
    span = previous[1] - previous[0]
    low_change, high_change = wanted[0] - previous[0], wanted[1] - previous[1]
    if not span > 0:  # a uniform image had no contrast to keep
        return wanted
    for change in (low_change, high_change):
        pace = 255.0 * abs(change) - _MAX_MOVE * (high_change - low_change)
        if pace > 0:
            share = min(share, _MAX_MOVE * span / pace)
    return previous[0] + share * low_change, previous[1] + share * high_change
