"""Calibration files: YAML that says where a thermal pixel lies in the RGB image.

Either `homography`, nine numbers row by row that take thermal pixels to RGB pixels, or `extrinsics`: the two cameras in
the conventions of ROS camera_info files, and `T_rgb_thermal`, the 4x4 transform that kalibr writes as T_cn_cnm1, which
takes points of the thermal camera's frame, in metres, to the RGB camera's. docs/calibration.md has examples.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from numpy.typing import NDArray

from epofusion_core.atomic_file import write_text

Size = tuple[int, int]
"""(height, width) in pixels."""


class CalibrationError(ValueError):
    """A calibration file is missing or wrong; the sentence names it and what was expected."""


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
class CameraModel:
    """A pinhole camera with lens distortion.

    Attributes:
        size: of its images.
        matrix: (3, 3) intrinsics, pixels.
        distortion: coefficients of OpenCV's plumb_bob or rational_polynomial model.
    """

    size: Size
    matrix: NDArray[np.float64]
    distortion: NDArray[np.float64]


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
    """Read a file with `homography`.

    Raises:
        CalibrationError: it is missing, no YAML, or lacks something.
    """
    values = _read(path)
    matrix = _matrix(path, values, "homography", (3, 3))
    if abs(np.linalg.det(matrix)) < 1e-12:
        raise CalibrationError(f"{path}: homography cannot be inverted; expected one that takes thermal to RGB pixels")
    return Homography(matrix, _size(path, values, "thermal_size"), _size(path, values, "rgb_size"))


def read_extrinsics(path: Path) -> Extrinsics:
    """Read a file with `thermal`, `rgb` and `T_rgb_thermal`.

    Raises:
        CalibrationError: it is missing, no YAML, or lacks something.
    """
    values = _read(path)
    transform = _matrix(path, values, "T_rgb_thermal", (4, 4))
    rotation = transform[:3, :3]
    if not np.allclose(rotation @ rotation.T, np.eye(3), atol=1e-3) or np.linalg.det(rotation) < 0:
        raise CalibrationError(f"{path}: T_rgb_thermal holds no rotation in its upper left 3x3; expected a rigid one")
    return Extrinsics(_camera(path, values, "thermal"), _camera(path, values, "rgb"), transform)


def write_homography(path: Path, homography: Homography, residual_px: float) -> None:
    """Write a file that `read_homography` reads; `residual_px` is what the estimate is off by, for the reader."""
    values = {
        "homography": [float(value) for value in homography.matrix.ravel()],
        "thermal_size": {"height": homography.thermal_size[0], "width": homography.thermal_size[1]},
        "rgb_size": {"height": homography.rgb_size[0], "width": homography.rgb_size[1]},
        "residual_px": round(residual_px, 3),
    }
    write_text(path, yaml.safe_dump(values, sort_keys=False))


def _read(path: Path) -> Mapping[str, Any]:
    try:
        values = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise CalibrationError(f"{path}: cannot be read ({error.strerror}); expected a calibration file") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise CalibrationError(f"{path}: is no YAML; expected a calibration file") from error
    if not isinstance(values, Mapping):
        raise CalibrationError(f"{path}: holds no names with values; expected a calibration file")
    return values


def _matrix(path: Path, values: Mapping[str, Any], name: str, shape: tuple[int, ...]) -> NDArray[np.float64]:
    try:
        matrix = np.array(values[name], np.float64).reshape(shape)
    except (KeyError, ValueError, TypeError) as error:
        raise CalibrationError(f"{path}: {name} is missing or wrong; expected {np.prod(shape)} numbers") from error
    if not np.isfinite(matrix).all():
        raise CalibrationError(f"{path}: {name} holds a value that is no finite number")
    return matrix


def _size(path: Path, values: Mapping[str, Any], name: str) -> Size:
    try:
        height, width = int(values[name]["height"]), int(values[name]["width"])
    except (KeyError, ValueError, TypeError) as error:
        raise CalibrationError(f"{path}: {name} is missing or wrong; expected height and width in pixels") from error
    if not (0 < height <= 16384 and 0 < width <= 16384):
        raise CalibrationError(f"{path}: {name} is {width}x{height}; expected 1 to 16384 pixels")
    return height, width


def _camera(path: Path, values: Mapping[str, Any], name: str) -> CameraModel:
    """Read a camera as camera_calibration writes it."""
    camera = values.get(name)
    if not isinstance(camera, Mapping):
        raise CalibrationError(f"{path}: {name} is missing; expected a camera as in a camera_info file")
    model = camera.get("distortion_model", "plumb_bob")
    if model not in ("plumb_bob", "rational_polynomial"):
        raise CalibrationError(
            f"{path}: distortion_model of {name} is {model!r}; expected plumb_bob or rational_polynomial"
        )
    size = {"size": {"height": camera.get("image_height"), "width": camera.get("image_width")}}
    intrinsics, distortion = camera.get("camera_matrix"), camera.get("distortion_coefficients")
    if not isinstance(intrinsics, Mapping) or not isinstance(distortion, Mapping):
        raise CalibrationError(f"{path}: {name} lacks camera_matrix or distortion_coefficients; expected both")
    coefficients = distortion.get("data")
    count = len(coefficients) if isinstance(coefficients, list) else 0
    if count not in (4, 5, 8, 12, 14):
        raise CalibrationError(f"{path}: {name} has {count} distortion coefficients; expected 4, 5, 8, 12 or 14")
    return CameraModel(
        _size(path, size, "size"),
        _matrix(path, intrinsics, "data", (3, 3)),
        _matrix(path, distortion, "data", (count,)),
    )
