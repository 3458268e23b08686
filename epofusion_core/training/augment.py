"""Augmentation of one training crop: geometry, photometry, thermal effects, misregistration and new glare.

Every function draws from the generator it is given and changes nothing in place, so that a sample is a pure function
of its seed.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from epofusion_core.data.glare import LightSpot, add_glare, overexpose, random_spot
from epofusion_core.exposure import overexposed_region
from epofusion_core.imaging import GreyImage, RgbImage, luma

_BLOWN_OUT_SHARE = (0.02, 0.7)
"""Smallest and largest share of a crop that overexposure blows out."""

_LARGEST_GAIN = 5.0
"""Largest factor of grey values."""

_LARGEST_VEIL = 0.2
"""Largest light that is added, of full scale 1."""


@dataclass(frozen=True)
class AugmentConfig:
    """Strengths; a probability or amount of 0 switches an effect off.

    Attributes:
        crop_px: side of the square crop.
        scale_min: smallest zoom of the source before cropping.
        scale_max: largest zoom.
        exposure: probability of overexposing the visible image, up to whole skies and roads.
        glare: probability of adding light spots.
        spots_max: largest number of them.
        gamma: largest deviation of the visible gamma from 1.
        thermal_gain: largest deviation of the infrared gain from 1.
        thermal_offset: largest infrared offset, of full scale 1.
        noise: largest standard deviation of added sensor noise, of full scale 1.
        shift_px: largest misregistration between the images.
        focus_objects: probability that the crop is centred on a salient object, where there is one.
        focus_glare: probability that another crop is centred in an overexposed region, where there is one.
    """

    crop_px: int = 128
    scale_min: float = 0.75
    scale_max: float = 1.5
    exposure: float = 0.0
    glare: float = 0.5
    spots_max: int = 3
    gamma: float = 0.2
    thermal_gain: float = 0.15
    thermal_offset: float = 0.05
    noise: float = 0.01
    shift_px: float = 1.5
    focus_objects: float = 0.0
    focus_glare: float = 0.3


@dataclass(frozen=True)
class Crop:
    """A crop of a pair; all arrays share height and width.

    Attributes:
        visible: (H, W, 3) uint8 RGB.
        infrared: (H, W) uint8.
        objects: (H, W) uint8, 1 where salient infrared objects are.
    """

    visible: RgbImage
    infrared: GreyImage
    objects: NDArray[np.uint8]


def random_crop(source: Crop, config: AugmentConfig, rng: np.random.Generator) -> Crop:
    """Zoom, crop and flip; the result is crop_px x crop_px."""
    height, width = source.infrared.shape
    zoom = max(rng.uniform(config.scale_min, config.scale_max), config.crop_px / min(height, width))
    side = max(1, min(round(config.crop_px / zoom), height, width))
    top, left = _corner(source, side, config, rng)
    window = (slice(top, top + side), slice(left, left + side))
    size = (config.crop_px, config.crop_px)
    smooth = cv2.INTER_AREA if zoom < 1 else cv2.INTER_LINEAR
    parts = [cv2.resize(source.visible[window], size, interpolation=smooth)]
    parts.append(cv2.resize(source.infrared[window], size, interpolation=smooth))
    parts.append(cv2.resize(source.objects[window], size, interpolation=cv2.INTER_NEAREST))
    if rng.random() < 0.5:
        parts = [part[:, ::-1] for part in parts]
    visible, infrared, objects = (np.ascontiguousarray(part, dtype=np.uint8) for part in parts)
    return Crop(visible, infrared, objects)


def _corner(source: Crop, side: int, config: AugmentConfig, rng: np.random.Generator) -> tuple[int, int]:
    height, width = source.infrared.shape
    anywhere = int(rng.integers(0, height - side + 1)), int(rng.integers(0, width - side + 1))
    focus = _focus(source, config, rng)
    if focus is None:
        return anywhere
    row, column = focus
    return int(np.clip(row - side // 2, 0, height - side)), int(np.clip(column - side // 2, 0, width - side))


def _focus(source: Crop, config: AugmentConfig, rng: np.random.Generator) -> tuple[int, int] | None:
    """Return the row and column to centre a crop on; None where it may lie anywhere."""
    if config.focus_objects and rng.random() < config.focus_objects:
        # Each object counts once: by pixels, near vehicles would leave no crop to pedestrians.
        centres = _object_centres(source.objects)
        if centres:
            x, y, _ = centres[int(rng.integers(len(centres)))]
            return int(y), int(x)
    if rng.random() >= config.focus_glare:
        return None
    rows, columns = np.nonzero(overexposed_region(luma(source.visible)))
    if rows.size == 0:
        return None
    chosen = int(rng.integers(rows.size))
    return int(rows[chosen]), int(columns[chosen])


def jitter(crop: Crop, config: AugmentConfig, rng: np.random.Generator) -> Crop:
    """Vary visible gamma, thermal gain and offset, noise in both, and shift the infrared by a fraction of a pixel."""
    levels = np.arange(256) / 255.0
    table = np.rint(255.0 * levels ** (1.0 + rng.uniform(-config.gamma, config.gamma))).astype(np.uint8)
    visible = _noisy(table[crop.visible], rng.uniform(0.0, config.noise), rng)
    gain = 1.0 + rng.uniform(-config.thermal_gain, config.thermal_gain)
    offset = 255.0 * rng.uniform(-config.thermal_offset, config.thermal_offset)
    thermal = np.clip(crop.infrared * gain + offset, 0, 255).astype(np.uint8)
    thermal = _noisy(thermal, rng.uniform(0.0, config.noise), rng)
    shift = np.array([[1, 0, 0], [0, 1, 0]], np.float32)
    shift[:, 2] = rng.uniform(-config.shift_px, config.shift_px, 2) * (rng.random() < 0.3)
    size = (thermal.shape[1], thermal.shape[0])
    shifted = cv2.warpAffine(thermal, shift, size, borderMode=cv2.BORDER_REPLICATE)
    objects = cv2.warpAffine(crop.objects, shift, size, flags=cv2.INTER_NEAREST, borderMode=cv2.BORDER_REPLICATE)
    return Crop(visible, np.asarray(shifted, dtype=np.uint8), np.asarray(objects, dtype=np.uint8))


def _noisy(image: NDArray[np.uint8], deviation: float, rng: np.random.Generator) -> NDArray[np.uint8]:
    noise = rng.standard_normal(image.shape, dtype=np.float32) * np.float32(255.0 * deviation)
    return np.asarray(np.clip(image + noise + 0.5, 0, 255), dtype=np.uint8)


def random_exposure(crop: Crop, config: AugmentConfig, rng: np.random.Generator) -> Crop:
    """Overexpose the visible image until a part of it is blown out, more on one side, as a low sun does."""
    if config.exposure == 0 or rng.random() >= config.exposure:
        return crop
    height, width = crop.infrared.shape
    blown_out = float(np.quantile(luma(crop.visible), 1.0 - rng.uniform(*_BLOWN_OUT_SHARE)))
    gain = min(255.0 / max(blown_out, 1.0), _LARGEST_GAIN)
    towards_light = _falloff(height, rng)[:, None] * _falloff(width, rng)
    visible = overexpose(
        crop.visible, 1.0 + (gain - 1.0) * towards_light, rng.uniform(0.0, _LARGEST_VEIL) * towards_light
    )
    return Crop(visible, crop.infrared, crop.objects)


def _falloff(size_px: int, rng: np.random.Generator) -> NDArray[np.float32]:
    """Return how strong the light is along one direction, (size_px,) in (0, 1]."""
    centre, reach = rng.uniform(-0.2, 1.2), rng.uniform(0.5, 2.0)
    position = np.linspace(0, 1, size_px)
    return np.asarray(np.exp(-0.5 * ((position - centre) / reach) ** 2), dtype=np.float32)


def random_glare(crop: Crop, config: AugmentConfig, rng: np.random.Generator) -> Crop:
    """Add light spots over salient objects, or anywhere where there are none (paper III-D, drawn anew each time)."""
    if rng.random() >= config.glare:
        return crop
    centres = _object_centres(crop.objects)
    height, width = crop.infrared.shape
    spots: list[LightSpot] = []
    for _ in range(int(rng.integers(1, config.spots_max + 1))):
        if centres and rng.random() < 0.8:
            x, y, extent = centres[int(rng.integers(len(centres)))]
        else:
            x, y, extent = rng.uniform(0, width), rng.uniform(0, height), rng.uniform(0.05, 0.3) * height
        spots.append(random_spot(rng, x, y, float(np.clip(extent, 6.0, 0.5 * height))))
    return Crop(add_glare(crop.visible, spots), crop.infrared, crop.objects)


def _object_centres(objects: NDArray[np.uint8]) -> list[tuple[float, float, float]]:
    """Return (x, y, square root of the area) of each connected object, in pixels."""
    count, _, stats, centroids = cv2.connectedComponentsWithStats(objects)
    return [
        (float(centroids[i][0]), float(centroids[i][1]), float(np.sqrt(stats[i, cv2.CC_STAT_AREA])))
        for i in range(1, count)
    ]
