"""The ground plane and the backdrop: asphalt with lane marks, kerbs and verges in perspective; sky and skyline."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

_TEXELS_PER_M = 16
_PERIOD_M = 24.0
_HALF_WIDTH_M = 40.0
_ROAD_HALF_WIDTH_M = 4.2


@dataclass(frozen=True)
class Camera:
    """A pinhole camera that looks along the road.

    Attributes:
        height: image rows.
        width: image columns.
        horizon_px: row of the horizon.
        focal_px: focal length.
        above_ground_m: mounting height.
        lateral_m: distance to the right of the centre line.
    """

    height: int
    width: int
    horizon_px: float
    focal_px: float
    above_ground_m: float = 1.45
    lateral_m: float = 1.2

    def row_px(self, distance_m: float) -> float:
        """Return the image row of the ground at a distance."""
        return self.horizon_px + self.focal_px * self.above_ground_m / distance_m

    def column_px(self, lateral_m: float, distance_m: float) -> float:
        """Return the image column of a point `lateral_m` to the right of the centre line at a distance."""
        return self.width / 2 + self.focal_px * (lateral_m - self.lateral_m) / distance_m


class Ground:
    """Texture of the ground, seen from a moving camera."""

    def __init__(self, rng: np.random.Generator, camera: Camera, *, paved: bool) -> None:
        """Draw the texture; the verge is a footway if `paved`, else grass."""
        self._camera = camera
        length, width = round(_PERIOD_M * _TEXELS_PER_M), round(2 * _HALF_WIDTH_M * _TEXELS_PER_M)
        lateral = (np.arange(width) + 0.5) / _TEXELS_PER_M - _HALF_WIDTH_M
        along = (np.arange(length) + 0.5) / _TEXELS_PER_M
        grain = wrapped_noise(rng, length, width, 1.0) * 9 + wrapped_noise(rng, length, width, 8.0) * 10
        albedo = np.full((length, width, 3), (62.0, 62.0, 66.0)) + grain[..., None]
        heat = 74.0 + wrapped_noise(rng, length, width, 12.0) * 5 + wrapped_noise(rng, length, width, 1.5) * 2
        off_road = np.abs(lateral) > _ROAD_HALF_WIDTH_M
        verge = (
            np.array([70.0, 68.0, 64.0] if paved else [38.0, 52.0, 26.0])
            + wrapped_noise(rng, length, width, 1.5)[..., None] * 14
        )
        albedo[:, off_road] = verge[:, off_road]
        heat[:, off_road] = 52.0 + wrapped_noise(rng, length, width, 3.0)[:, off_road] * 6
        kerb = np.abs(np.abs(lateral) - _ROAD_HALF_WIDTH_M) < 0.14
        albedo[:, kerb] = 120.0 + grain[:, kerb, None]
        heat[:, kerb] = 86.0
        dashes = np.outer(along % 8.0 < 3.5, np.abs(lateral) < 0.08)
        edges = np.outer(np.ones(length, bool), np.abs(np.abs(lateral) - 3.9) < 0.06)
        albedo[dashes | edges] = 205.0
        heat[dashes | edges] += 7.0
        tracks = np.exp(-(((np.abs(lateral) - 2.0) % 1.6 - 0.8) ** 2) / 0.05) * (np.abs(lateral) < 3.6)
        heat += 5.0 * tracks
        self._texture = np.clip(np.dstack([albedo, heat]), 0, 255).astype(np.uint8)

    def draw(self, travelled_m: float) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
        """Return albedo (H, W, 3) and heat (H, W) of the ground, uint8; rows above the horizon hold nothing useful."""
        camera = self._camera
        scale = _TEXELS_PER_M
        travelled_m %= _PERIOD_M
        origin_m = _HALF_WIDTH_M + camera.lateral_m
        # Image (u, v) to the ground: distance = f h / (v - horizon), lateral = (u - centre) h / (v - horizon) + own.
        rise = camera.above_ground_m
        to_texture = np.array(
            [
                [scale * rise, scale * origin_m, -scale * (rise * camera.width / 2 + origin_m * camera.horizon_px)],
                [0.0, scale * travelled_m, scale * (camera.focal_px * rise - travelled_m * camera.horizon_px)],
                [0.0, 1.0, -camera.horizon_px],
            ]
        )
        size = (camera.width, camera.height)
        flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        seen = cv2.warpPerspective(self._texture, to_texture, size, flags=flags, borderMode=cv2.BORDER_WRAP)
        ground = np.asarray(seen, dtype=np.uint8)
        return ground[..., :3], ground[..., 3]


def backdrop(
    rng: np.random.Generator, camera: Camera, sky: tuple[int, int, int]
) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Return the sky and a distant skyline: albedo (H, W, 3) and heat (H, W), uint8. The sky is cold and flat."""
    height, width = camera.height, camera.width
    horizon = round(camera.horizon_px)
    albedo = np.zeros((height, width, 3), np.uint8)
    shade = np.linspace(0.75, 1.1, max(horizon, 1))[:, None, None]
    albedo[:horizon] = np.clip(np.array(sky) * shade, 0, 255)
    heat = np.full((height, width), 14, np.uint8)
    x = 0
    while x < width:
        block = int(rng.integers(max(2, width // 26), max(3, width // 10)))
        rise = int(rng.integers(max(1, height // 40), max(2, height // 11)))
        tone, warmth = int(rng.integers(14, 40)), int(rng.integers(38, 58))
        albedo[horizon - rise : horizon, x : x + block] = (tone, tone, tone + 5)
        heat[horizon - rise : horizon, x : x + block] = warmth
        for _ in range(block // 4):
            wx, wy = (
                int(rng.integers(x, x + block)),
                int(rng.integers(horizon - rise, max(horizon - 1, horizon - rise + 1))),
            )
            albedo[wy : wy + 2, wx : wx + 2] = (150, 120, 60)
            heat[wy : wy + 2, wx : wx + 2] = warmth + 16
        x += block
    return albedo, heat


def wrapped_noise(rng: np.random.Generator, height: int, width: int, sigma: float) -> NDArray[np.float64]:
    """Return smooth noise of unit deviation that repeats without a seam in both directions."""
    noise = rng.normal(size=(height, width))
    margin = int(4 * sigma) + 1
    wrapped = np.pad(noise, margin, mode="wrap")
    smooth = cv2.GaussianBlur(wrapped, (0, 0), sigma)[margin:-margin, margin:-margin]
    return np.asarray(smooth / smooth.std())
