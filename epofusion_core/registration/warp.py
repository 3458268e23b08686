"""Warps of the thermal image onto the RGB image's pixels, and of what it does not reach."""

from dataclasses import replace

import cv2
import numpy as np
from numpy.typing import NDArray

from epofusion_core.registration.calibration import CalibrationError, CameraModel, Extrinsics, Homography, Size
from epofusion_core.registration.lens import project, unproject

_LARGEST_STRETCH = 0.02
"""How far the aspect ratio of images may be from that of the calibration; rounded sizes are off by a little."""

_FEATHER_PX = 24
"""Width of the band within the overlap over which the fused image goes over into the visible one."""


class Warp:
    """A lookup of thermal pixels for RGB pixels, made once for a pair of sizes.

    Attributes:
        coverage: (H, W) float32 in [0, 1], of the RGB image: 0 where thermal does not reach, 1 well inside the overlap.
    """

    def __init__(self, x: NDArray[np.float32], y: NDArray[np.float32], thermal_size: Size) -> None:
        """Take the thermal pixel, (H, W) columns and rows, of each RGB pixel; anything outside is not covered."""
        height, width = thermal_size
        inside = (x >= 0) & (x <= width - 1) & (y >= 0) & (y <= height - 1)
        # Fixed-point maps halve the time of every frame; coordinates far outside would overflow them.
        near_x = np.clip(np.nan_to_num(x, nan=-2), -2, width + 1).astype(np.float32)
        near_y = np.clip(np.nan_to_num(y, nan=-2), -2, height + 1).astype(np.float32)
        self._pixels, self._fractions = cv2.convertMaps(near_x, near_y, cv2.CV_16SC2)
        distance = cv2.distanceTransform(inside.astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
        self.coverage: NDArray[np.float32] = np.minimum(distance / _FEATHER_PX, 1.0).astype(np.float32)

    @property
    def overlap(self) -> float:
        """Share of the RGB image that thermal reaches, in [0, 1]."""
        return float(np.count_nonzero(self.coverage)) / self.coverage.size

    def __call__(self, thermal: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Return the thermal image, (h, w), on the RGB image's pixels, (H, W) uint8; 0 where it does not reach."""
        warped = cv2.remap(thermal, self._pixels, self._fractions, cv2.INTER_LINEAR, borderValue=0)
        return np.asarray(warped, dtype=np.uint8)


def homography_warp(homography: Homography, thermal_size: Size, rgb_size: Size) -> Warp:
    """Return the warp of a homography, also for images of other sizes than it was found with.

    Raises:
        CalibrationError: images have another aspect ratio: they are cropped and not scaled.
    """
    to_found = np.linalg.inv(_scaling("thermal", homography.thermal_size, thermal_size))
    from_found = _scaling("RGB", homography.rgb_size, rgb_size)
    matrix = from_found @ homography.matrix @ to_found
    # A homography has no scale and no sign of its own: here what the thermal camera's centre sees has depth 1.
    centre = matrix @ ((thermal_size[1] - 1) / 2, (thermal_size[0] - 1) / 2, 1.0)
    inverse = np.linalg.inv(matrix / centre[2]) if centre[2] else np.full((3, 3), np.nan)
    rows, columns = np.indices(rgb_size, dtype=np.float64)
    mapped = np.tensordot(inverse, np.stack([columns, rows, np.ones(rgb_size)]), axes=1)
    depth = np.where(mapped[2] > 1e-9, mapped[2], np.nan)  # behind the horizon of a strong perspective
    return Warp((mapped[0] / depth).astype(np.float32), (mapped[1] / depth).astype(np.float32), thermal_size)


def extrinsics_warp(extrinsics: Extrinsics, distance_m: float, thermal_size: Size, rgb_size: Size) -> Warp:
    """Return the warp of two calibrated cameras for what lies in a plane at a distance.

    Nearer and farther things are off by their parallax (docs/calibration.md).

    Args:
        extrinsics: of the cameras.
        distance_m: of the plane before the RGB camera, metres, along its optical axis.
        thermal_size, rgb_size: of the images.

    Raises:
        CalibrationError: images have another aspect ratio than the cameras of the calibration.
    """
    thermal = _scaled("thermal", extrinsics.thermal, thermal_size)
    rgb = _scaled("RGB", extrinsics.rgb, rgb_size)
    rows, columns = np.indices(rgb_size, dtype=np.float64)
    rays = unproject(rgb, np.column_stack([columns.ravel(), rows.ravel()]))
    points = distance_m * np.column_stack([rays, np.ones(len(rays))])
    rotation, translation = extrinsics.transform[:3, :3], extrinsics.transform[:3, 3]
    in_thermal = (points - translation) @ rotation
    depth = np.where(in_thermal[:, 2:] > 0, in_thermal[:, 2:], np.nan)
    seen = project(thermal, in_thermal[:, :2] / depth).astype(np.float32)
    return Warp(seen[:, 0].reshape(rgb_size), seen[:, 1].reshape(rgb_size), thermal_size)


def _scaled(name: str, camera: CameraModel, size: Size) -> CameraModel:
    """Return a camera as it is for images of another size."""
    return replace(camera, size=size, matrix=_scaling(name, camera.size, size) @ camera.matrix)


def _scaling(name: str, calibrated: Size, size: Size) -> NDArray[np.float64]:
    """Return what takes pixel centres of images in the calibration's size to those of the same images in another."""
    y, x = size[0] / calibrated[0], size[1] / calibrated[1]
    if abs(x / y - 1) > _LARGEST_STRETCH:
        raise CalibrationError(
            f"{name} is {size[1]}x{size[0]}, calibrated at {calibrated[1]}x{calibrated[0]} pixels; "
            "expected the same aspect ratio: calibrate anew for cropped images"
        )
    return np.array([[x, 0, (x - 1) / 2], [0, y, (y - 1) / 2], [0, 0, 1]])
