"""The inside of a tunnel: walls, ceiling and lamps that pass by, and daylight at the end."""

import cv2
import numpy as np
from numpy.typing import NDArray

from epofusion_core.simulation.ground import Camera, wrapped_noise

EXIT_M = 85.0
"""Distance of the exit, which the camera never reaches."""

HEIGHT_M = 5.6

_WALL_M = 7.2
_TEXELS_PER_M = 16
_PERIOD_M = 24.0
_SMOOTH_FROM_M, _SMOOTH_AT_M = 15.0, 60.0
_DAYLIGHT, _DAYLIGHT_HEAT = (206.0, 212.0, 218.0), 62.0


class Tunnel:
    """Left wall, ceiling and right wall as one texture, unrolled across the tunnel and repeating along it."""

    def __init__(self, rng: np.random.Generator, camera: Camera) -> None:
        v, u = np.mgrid[0 : camera.height, 0 : camera.width].astype(np.float64)
        right, up = (u - camera.width / 2) / camera.focal_px, (camera.horizon_px - v) / camera.focal_px
        with np.errstate(divide="ignore"):
            to_wall = (np.sign(right) * _WALL_M - camera.lateral_m) / right
            to_ceiling = np.where(up > 0, (HEIGHT_M - camera.above_ground_m) / up, np.inf)
            to_ground = np.where(up < 0, -camera.above_ground_m / up, np.inf)
        to_wall = np.where(np.isfinite(to_wall), to_wall, np.inf)
        distance = np.minimum(np.minimum(to_wall, to_ceiling), EXIT_M)
        self.inside = distance < to_ground
        height = np.clip(camera.above_ground_m + up * distance, 0.0, HEIGHT_M)
        lateral = np.clip(camera.lateral_m + right * distance, -_WALL_M, _WALL_M)
        on_wall = to_wall < to_ceiling
        unrolled = np.where(on_wall, np.sign(right) * (_WALL_M + HEIGHT_M - height), lateral) + _WALL_M + HEIGHT_M
        self._across_px = (unrolled * _TEXELS_PER_M - 0.5).astype(np.float32)
        self._distance_m = distance.astype(np.float32)
        # Far away a texel is thinner than a pixel; the mean along the tunnel then stands for it, or it would flicker.
        self._texture = _texture(rng)
        mean = self._texture.mean(axis=0, keepdims=True)
        far = np.clip((distance - _SMOOTH_FROM_M) / (_SMOOTH_AT_M - _SMOOTH_FROM_M), 0, 1).astype(np.float32)
        rows = np.zeros_like(self._across_px)
        smooth = cv2.remap(mean, self._across_px, rows, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        smooth[distance >= EXIT_M] = (*_DAYLIGHT, _DAYLIGHT_HEAT)
        far[distance >= EXIT_M] = 1.0
        self._near, self._smooth = 1.0 - far[..., None], smooth * far[..., None]

    def draw(self, travelled_m: float) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Return light (H, W, 3) and heat (H, W), float32 of 0..255; only where `inside` holds do they count."""
        along_px = (self._distance_m + np.float32(travelled_m % _PERIOD_M)) * _TEXELS_PER_M
        seen = cv2.remap(self._texture, self._across_px, along_px, cv2.INTER_LINEAR, borderMode=cv2.BORDER_WRAP)
        seen = seen * self._near + self._smooth
        return seen[..., :3], seen[..., 3]


def _texture(rng: np.random.Generator) -> NDArray[np.float32]:
    """Return light R, G, B and heat, (along, across, 4) float32: tiled walls, sooty ceiling, two rows of lamps."""
    length, width = round(_PERIOD_M * _TEXELS_PER_M), round(2 * (_WALL_M + HEIGHT_M) * _TEXELS_PER_M)
    along = ((np.arange(length) + 0.5) / _TEXELS_PER_M)[:, None]
    across = ((np.arange(width) + 0.5) / _TEXELS_PER_M - _WALL_M - HEIGHT_M)[None]
    ceiling = np.abs(across) < _WALL_M
    height = np.where(ceiling, HEIGHT_M, _WALL_M + HEIGHT_M - np.abs(across))
    concrete = 1.0 + 0.10 * wrapped_noise(rng, length, width, 1.2) + 0.14 * wrapped_noise(rng, length, width, 9.0)
    joints = (along % 3.0 < 0.12) | (~ceiling & (height % 1.2 < 0.08))
    from_lamp = np.hypot((along % 8.0) - 4.0, 0.7 * (np.abs(across) - 3.0))
    brightness = (16.0 + 52.0 * np.exp(-((from_lamp / 3.2) ** 2))) * np.where(ceiling, 0.75, 1.0) * concrete
    brightness = np.where(joints, 0.6 * brightness, brightness)
    texture = np.empty((length, width, 4), np.float32)
    texture[..., :3] = brightness[..., None] * (1.0, 0.84, 0.58)
    texture[..., 3] = np.where(ceiling, 66.0, 58.0) + 3.0 * wrapped_noise(rng, length, width, 8.0) - 4.0 * joints
    pipe = ~ceiling & (np.abs(height - 4.2) < 0.14)
    texture[np.broadcast_to(pipe, joints.shape)] = (44.0, 38.0, 30.0, 98.0)
    lamps = (np.abs((along % 8.0) - 4.0) < 0.7) & (np.abs(np.abs(across) - 3.0) < 0.2)
    texture[lamps] = (255.0, 222.0, 160.0, 132.0)
    return np.clip(texture, 0.0, 255.0)
