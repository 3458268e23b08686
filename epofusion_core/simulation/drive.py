"""The simulated drive: frame `index` of a seed is always the same, in any order of asking.

Light is simulated as in the paper's pipeline (III-D): headlights, the sun or a tunnel exit add Gaussian light to a
clean picture, which then clips. So the clean picture, the exact objects and the exact mask M are all known.
"""

from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from epofusion_core.data.glare import LightSpot, spot_light
from epofusion_core.exposure import overexposed_region
from epofusion_core.imaging import GreyImage, RgbImage, luma
from epofusion_core.simulation.actors import EGO_SPEED_M_S, Placed, cast, place
from epofusion_core.simulation.ground import Camera, Ground, backdrop
from epofusion_core.simulation.lights import headlight_spots, sun_spot, tunnel_exit_spot
from epofusion_core.simulation.tunnel import Tunnel

RATE_HZ: Final = 30
SCENES: Final = ("night", "low_sun", "tunnel")

_FIRST_STAMP_NS: Final = 1_000_000_000
_NOISE_FRAMES = 8
_VISIBLE_NOISE = 2.2
_THERMAL_NOISE = 1.3
_THERMAL_PATTERN = 0.9


@dataclass(frozen=True)
class DriveFrame:
    """One moment of the drive; all arrays share height and width.

    Attributes:
        stamp_ns: exact time of both images.
        visible: (H, W, 3) uint8 RGB, with glare and sensor noise.
        thermal: (H, W) uint8, hot is bright.
        objects: (H, W) bool: road users, exactly.
        mask: (H, W) bool, M: road users inside the overexposed region.
        clean_visible: (H, W, 3) uint8: the visible image without the glare.
    """

    stamp_ns: int
    visible: RgbImage
    thermal: GreyImage
    objects: NDArray[np.bool_]
    mask: NDArray[np.bool_]
    clean_visible: RgbImage


@dataclass(frozen=True)
class _Light:
    """A scene's light: `ambient` of full daylight, colour of the sky, whether headlights blind, oncoming cars."""

    ambient: float
    sky: tuple[int, int, int]
    headlights: bool
    oncoming: int


_LIGHT = {
    "night": _Light(0.16, (10, 12, 26), True, 4),
    "low_sun": _Light(0.8, (168, 176, 190), False, 2),
    "tunnel": _Light(0.22, (20, 19, 18), True, 2),
}


class Drive:
    """A rendered drive along a road."""

    def __init__(self, seed: int = 0, height: int = 480, width: int = 640, scene: str = "night") -> None:
        """Draw everything that does not move.

        Args:
            seed: of all that is random.
            height: image rows, at least 48.
            width: image columns, at least 64.
            scene: one of `SCENES`.

        Raises:
            ValueError: the scene is unknown or the size too small.
        """
        if scene not in SCENES:
            raise ValueError(f"scene {scene!r} is unknown; expected one of {', '.join(SCENES)}")
        if height < 48 or width < 64:
            raise ValueError(f"size {width}x{height} is too small; expected at least 64x48")
        rng = np.random.default_rng((seed, SCENES.index(scene)))
        self._scene, self._light = scene, _LIGHT[scene]
        self._camera = Camera(height, width, horizon_px=0.42 * height, focal_px=0.9 * width)
        self._ground = Ground(rng, self._camera, paved=scene == "tunnel")
        self._tunnel = Tunnel(rng, self._camera) if scene == "tunnel" else None
        self._sky = backdrop(rng, self._camera, self._light.sky)
        self._actors = cast(rng, oncoming=self._light.oncoming, scenery=scene != "tunnel")
        self._illumination = self._ground_illumination()
        self._noise = rng.normal(0, 1, (_NOISE_FRAMES, height, width)).astype(np.float32)
        self._pattern = (rng.normal(0, _THERMAL_PATTERN, (1, width)) + rng.normal(0, 0.4, (height, width))).astype(
            np.float32
        )
        self._fixed_spots: list[LightSpot] = []
        if scene == "low_sun":
            self._fixed_spots = [sun_spot(rng, self._camera)]
        elif scene == "tunnel":
            self._fixed_spots = [tunnel_exit_spot(self._camera)]

    def frame(self, index: int) -> DriveFrame:
        """Return frame `index`, at least 0; 30 frames a second."""
        time_s = index / RATE_HZ
        placed = place(self._actors, time_s)
        clean, heat, objects = self._render(placed, EGO_SPEED_M_S * time_s)
        light = self._glare(placed)
        noise = self._visible_noise(index)
        visible = _clipped(clean + light + noise)
        thermal = _clipped(heat + self._pattern + _THERMAL_NOISE * self._noise[(index + 3) % _NOISE_FRAMES])
        mask = objects & overexposed_region(luma(visible))
        stamp_ns = _FIRST_STAMP_NS + index * 1_000_000_000 // RATE_HZ
        return DriveFrame(stamp_ns, visible, thermal, objects, mask, _clipped(clean + noise))

    def _ground_illumination(self) -> NDArray[np.float32]:
        """Return light on the ground, (H, W, 1): ambient, and at night the pool of the ego's own headlights."""
        camera = self._camera
        y, x = np.mgrid[0 : camera.height, 0 : camera.width].astype(np.float32)
        depth = (y - camera.horizon_px) / (camera.height - camera.horizon_px)
        pool = np.exp(-(((x / camera.width - 0.5) / 0.42) ** 2) - ((depth - 0.45) / 0.4) ** 2)
        beam = 0.0 if self._scene == "low_sun" else 0.75
        return np.asarray((self._light.ambient + beam * pool)[..., None], dtype=np.float32)

    def _render(
        self, placed: list[Placed], travelled_m: float
    ) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.bool_]]:
        """Return the clean visible image and heat, float32 of 0..255, and the objects."""
        horizon = round(self._camera.horizon_px)
        albedo, ground_heat = self._ground.draw(travelled_m)
        visible = albedo.astype(np.float32) * self._illumination
        heat = ground_heat.astype(np.float32)
        if self._tunnel:
            inside = self._tunnel.inside
            walls, warmth = self._tunnel.draw(travelled_m)
            visible, heat = np.where(inside[..., None], walls, visible), np.where(inside, warmth, heat)
        else:
            visible[:horizon], heat[:horizon] = self._sky[0][:horizon], self._sky[1][:horizon]
        objects = np.zeros(heat.shape, bool)
        for each in placed:
            self._stand(each, visible, heat, objects)
        return visible, heat, objects

    def _stand(
        self, placed: Placed, visible: NDArray[np.float32], heat: NDArray[np.float32], objects: NDArray[np.bool_]
    ) -> None:
        """Draw one upright thing over the images."""
        camera, sprite = self._camera, placed.sprite
        rows = round(camera.focal_px * sprite.height_m / placed.distance_m)
        columns = round(rows * sprite.alpha.shape[1] / sprite.alpha.shape[0])
        if rows < 3 or columns < 2:
            return
        bottom = round(camera.row_px(placed.distance_m))
        left = round(camera.column_px(placed.lateral_m, placed.distance_m) - columns / 2)
        top = bottom - rows
        window = (
            slice(max(top, 0), min(bottom, camera.height)),
            slice(max(left, 0), min(left + columns, camera.width)),
        )
        if window[0].start >= window[0].stop or window[1].start >= window[1].stop:
            return
        inside = (
            slice(window[0].start - top, window[0].stop - top),
            slice(window[1].start - left, window[1].stop - left),
        )
        while sprite.alpha.shape[0] >= 2 * rows:
            sprite = sprite.smaller
        size, smooth = (columns, rows), cv2.INTER_AREA if rows < sprite.alpha.shape[0] else cv2.INTER_LINEAR
        alpha, warmth, albedo, emission = (
            np.asarray(cv2.resize(picture, size, interpolation=smooth))[inside]
            for picture in (sprite.alpha, sprite.heat, sprite.albedo, sprite.emission)
        )
        beam = 0.0 if self._scene == "low_sun" else 1.1 * float(np.exp(-abs(placed.lateral_m - camera.lateral_m) / 6))
        alpha = alpha * np.float32(placed.presence)
        lit = albedo * np.float32(self._light.ambient + beam / (1 + (placed.distance_m / 14) ** 2))
        colour = np.maximum(lit, emission)
        visible[window] += alpha[..., None] * (colour - visible[window])
        heat[window] += alpha * (warmth - heat[window])
        if sprite.salient:
            objects[window] |= alpha > 0.5
        else:
            objects[window] &= alpha <= 0.5

    def _glare(self, placed: list[Placed]) -> NDArray[np.float32]:
        """Return the light that blinds the camera, (H, W, 3) of 0..255."""
        spots = self._fixed_spots + (headlight_spots(placed, self._camera) if self._light.headlights else [])
        return np.asarray(255.0 * spot_light(spots, self._camera.height, self._camera.width), dtype=np.float32)

    def _visible_noise(self, index: int) -> NDArray[np.float32]:
        channels = [self._noise[(index * 3 + channel) % _NOISE_FRAMES] for channel in range(3)]
        shift = (index * 37) % self._camera.width
        return np.asarray(_VISIBLE_NOISE * np.roll(np.dstack(channels), shift, axis=1), dtype=np.float32)


def _clipped(image: NDArray[np.float32]) -> NDArray[np.uint8]:
    return np.asarray(cv2.convertScaleAbs(np.clip(image, 0, 255)), dtype=np.uint8)
