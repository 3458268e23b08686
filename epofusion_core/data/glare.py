"""Synthetic overexposure: Gaussian light spots as the paper adds them to build IVOE (III-D)."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from epofusion_core.imaging import RgbImage

PEAK_RANGE = (1.0, 1.6)
"""Peak intensity of a spot, of full scale 1: the paper's range."""

_WHITE = (1.0, 1.0, 1.0)
_YELLOWISH = (1.0, 0.93, 0.72)


@dataclass(frozen=True)
class LightSpot:
    """A Gaussian light spot with a local core and a wide bloom.

    Attributes:
        x_px: centre column.
        y_px: centre row.
        sigma_px: standard deviation of the core, horizontally.
        aspect: vertical over horizontal standard deviation.
        peak: intensity at the centre, full scale 1; above 1 the core saturates as a plateau.
        colour: intensity of R, G, B relative to the peak, each in [0, 1].
        bloom: share of the peak that the wide bloom carries, in [0, 1).
        bloom_sigma_px: standard deviation of the bloom.
    """

    x_px: float
    y_px: float
    sigma_px: float
    aspect: float
    peak: float
    colour: tuple[float, float, float]
    bloom: float
    bloom_sigma_px: float


def random_spot(rng: np.random.Generator, x_px: float, y_px: float, extent_px: float) -> LightSpot:
    """Draw a spot that covers an object.

    Args:
        rng: source of randomness.
        x_px: the object's centre column.
        y_px: the object's centre row.
        extent_px: the object's size, the square root of its area.
    """
    sigma = extent_px * rng.uniform(0.35, 1.1)
    return LightSpot(
        x_px=x_px + rng.normal(0.0, 0.15) * extent_px,
        y_px=y_px + rng.normal(0.0, 0.15) * extent_px,
        sigma_px=sigma,
        aspect=rng.uniform(0.7, 1.4),
        peak=rng.uniform(*PEAK_RANGE),
        colour=_WHITE if rng.random() < 0.5 else _YELLOWISH,
        bloom=rng.uniform(0.1, 0.45),
        bloom_sigma_px=sigma * rng.uniform(2.0, 5.0),
    )


def spot_light(spots: list[LightSpot], height: int, width: int) -> NDArray[np.float32]:
    """Return the light that spots add, (height, width, 3) float32 RGB of full scale 1.

    Gaussians are separable, so the sum over all of them is one matrix product for each colour channel.
    """

    def gaussians(size_px: int, centre_px: list[float], sigma_px: list[float]) -> NDArray[np.float64]:
        offset = np.arange(size_px)[:, None] - np.asarray(centre_px)
        return np.asarray(np.exp(-0.5 * (offset / np.maximum(sigma_px, 0.5)) ** 2))

    light = np.zeros((height, width, 3), np.float32)
    if not spots:
        return light
    parts = [(spot, spot.sigma_px, 1.0 - spot.bloom) for spot in spots]
    parts += [(spot, spot.bloom_sigma_px, spot.bloom) for spot in spots if spot.bloom > 0]
    rows = gaussians(height, [spot.y_px for spot, _, _ in parts], [sigma * spot.aspect for spot, sigma, _ in parts])
    columns = gaussians(width, [spot.x_px for spot, _, _ in parts], [sigma for _, sigma, _ in parts])
    across = columns.T.astype(np.float32)
    for channel in range(3):
        strength = np.array([spot.peak * share * spot.colour[channel] for spot, _, share in parts])
        light[..., channel] = (rows * strength).astype(np.float32) @ across
    return light


def overexpose(rgb: RgbImage, gain: NDArray[np.float32], veil: NDArray[np.float32]) -> RgbImage:
    """Return the image of a longer exposure and of light scattered in the lens, (H, W, 3) uint8.

    Args:
        rgb: (H, W, 3) uint8.
        gain: (H, W), at least 1, of grey values.
        veil: (H, W), added, of full scale 1.
    """
    return np.asarray(np.clip(rgb * gain[..., None] + 255.0 * veil[..., None] + 0.5, 0.0, 255.0), dtype=np.uint8)


def add_glare(rgb: RgbImage, spots: list[LightSpot]) -> RgbImage:
    """Return the image with light spots added and clipped, (H, W, 3) uint8: what a saturating sensor would see."""
    light = spot_light(spots, *rgb.shape[:2])
    return np.asarray(np.clip(rgb + 255.0 * light + 0.5, 0.0, 255.0), dtype=np.uint8)
