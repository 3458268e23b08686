"""Calibration files: YAML that says where a thermal pixel lies in the RGB image.

Either `homography`, nine numbers row by row that take thermal pixels to RGB pixels, or `extrinsics`: the two cameras as
calibration tools write them, and `T_rgb_thermal`, the 4x4 transform that kalibr writes as T_cn_cnm1, which takes points
of the thermal camera's frame, in metres, to the RGB camera's. docs/calibration.md has examples.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from numpy.typing import NDArray

from epofusion_core.atomic_file import write_text
from epofusion_core.registration.calibration_yaml import CalibrationError, Size, matrix_of, read_yaml, size_of
from epofusion_core.registration.camera_file import CameraModel, read_camera, read_chain

__all__ = ["CalibrationError", "CameraModel", "Extrinsics", "Homography", "Size"]

_LEAST_CONDITION = 1e-12
"""Smallest singular value of a matrix by its largest, below which it cannot be inverted."""


@dataclass(frozen=True)
class Homography:
    """For scenes that are far, or flat.

    Attributes:
        matrix: (3, 3), takes thermal pixels (x, y, 1) to RGB pixels.
        thermal_size, rgb_size: of the images that it was found with.
    """

    matrix: NDArray[np.float64]
    thermal_size: Size
    rgb_size: Size


@dataclass(frozen=True)
class Extrinsics:
    """Two cameras and how they stand to each other.

    Attributes:
        thermal, rgb: the cameras.
        transform: (4, 4), takes points of the thermal camera's frame to the RGB camera's, metres.
    """

    thermal: CameraModel
    rgb: CameraModel
    transform: NDArray[np.float64]


def read_homography(path: Path) -> Homography:
    """Read a file with `homography`, of any scale and sign.

    Raises:
        CalibrationError: it is missing, no YAML, or lacks something.
    """
    values = read_yaml(path)
    matrix = matrix_of(path, "homography", values.get("homography"), (3, 3))
    largest, _, smallest = np.linalg.svd(matrix, compute_uv=False)
    if not smallest > _LEAST_CONDITION * largest:
        raise CalibrationError(f"{path}: homography cannot be inverted; expected one that takes thermal to RGB pixels")
    sizes = (size_of(path, name, values.get(name)) for name in ("thermal_size", "rgb_size"))
    return Homography(matrix, *sizes)


def read_extrinsics(path: Path) -> Extrinsics:
    """Read a file with `thermal`, `rgb` and `T_rgb_thermal`, or one that kalibr has written.

    Raises:
        CalibrationError: it is missing, no YAML, or lacks something.
    """
    values = read_yaml(path)
    if "cam0" in values:
        thermal, rgb, transform = read_chain(path, values)
    else:
        transform = _transform(path, values)
        thermal, rgb = (read_camera(path, values, name) for name in ("thermal", "rgb"))
    rotation = transform[:3, :3]
    if not np.allclose(rotation @ rotation.T, np.eye(3), atol=1e-3) or np.linalg.det(rotation) < 0:
        raise CalibrationError(f"{path}: T_rgb_thermal holds no rotation in its upper left 3x3; expected a rigid one")
    return Extrinsics(thermal, rgb, transform)


def write_homography(path: Path, homography: Homography, residual_px: float) -> None:
    """Write a file that `read_homography` reads; `residual_px` is what the estimate is off by, for the reader."""
    values = {
        "homography": [float(value) for value in homography.matrix.ravel()],
        "thermal_size": {"height": homography.thermal_size[0], "width": homography.thermal_size[1]},
        "rgb_size": {"height": homography.rgb_size[0], "width": homography.rgb_size[1]},
        "residual_px": round(residual_px, 3),
    }
    write_text(path, yaml.safe_dump(values, sort_keys=False))


def _transform(path: Path, values: Mapping[str, Any]) -> NDArray[np.float64]:
    """Return `T_rgb_thermal`, which may be written as OpenCV's stereoCalibrate has it: R and T."""
    if "T_rgb_thermal" in values or "R" not in values:
        return matrix_of(path, "T_rgb_thermal", values.get("T_rgb_thermal"), (4, 4))
    transform = np.eye(4)
    transform[:3, :3] = matrix_of(path, "R", values["R"], (3, 3))
    transform[:3, 3] = matrix_of(path, "T", values.get("T"), (3,))
    return transform
