"""What blinds the camera: headlights of oncoming cars, a low sun, the bright end of a tunnel."""

import numpy as np

from epofusion_core.data.glare import LightSpot
from epofusion_core.simulation.actors import Placed
from epofusion_core.simulation.ground import Camera
from epofusion_core.simulation.tunnel import EXIT_M, HEIGHT_M

_LAMP_HEIGHT_M = 0.62
_LAMP_SIDES_M = (-0.62, 0.62)
_BEAM_HALF_ANGLE_RAD = 0.6
_WHITE = (1.0, 0.98, 0.94)
_YELLOW = (1.0, 0.92, 0.74)


def headlight_spots(placed: list[Placed], camera: Camera) -> list[LightSpot]:
    """Return both lamps of each oncoming car: a core that grows as it comes near, a wide halo and a streak.

    A car that is about to pass shines beside the camera, not into it, so its light fades before it leaves the image.
    """
    spots = []
    for car in placed:
        colour = car.sprite.headlights
        if colour is None:
            continue
        distance = car.distance_m
        aside_rad = np.arctan2(abs(car.lateral_m - camera.lateral_m), distance)
        into_camera = float(np.exp(-((aside_rad / _BEAM_HALF_ANGLE_RAD) ** 4)))
        peak = float(np.clip(1.62 - distance / 90, 1.0, 1.6)) * into_camera * car.presence
        core = (7.0 + 170.0 / distance) * camera.width / 640
        y = camera.row_px(distance) - _LAMP_HEIGHT_M * camera.focal_px / distance
        for side in _LAMP_SIDES_M:
            x = camera.column_px(car.lateral_m + side, distance)
            spots.append(LightSpot(x, y, core, 0.9, peak, colour, 0.28, 3.2 * core))
            spots.append(LightSpot(x, y, 5.0 * core, 0.06, 0.35 * peak, colour, 0.0, core))
    return spots


def sun_spot(rng: np.random.Generator, camera: Camera) -> LightSpot:
    """Return a sun that stands low over the road."""
    x, y = rng.uniform(0.3, 0.7) * camera.width, rng.uniform(0.2, 0.36) * camera.height
    return LightSpot(x, y, 0.09 * camera.width, 0.9, 1.5, _YELLOW, 0.5, 0.3 * camera.width)


def tunnel_exit_spot(camera: Camera) -> LightSpot:
    """Return the daylight at a tunnel's end, seen by an eye that is used to the dark."""
    x = camera.column_px(0.0, EXIT_M)
    y = camera.row_px(EXIT_M) - 0.5 * HEIGHT_M * camera.focal_px / EXIT_M
    return LightSpot(x, y, 0.07 * camera.width, 0.8, 1.6, _WHITE, 0.35, 0.2 * camera.width)
