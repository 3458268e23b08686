"""Cameras and pairs of them as calibration tools write them: ROS camera_calibration, OpenCV and kalibr."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from epofusion_core.registration.calibration_yaml import (
    CalibrationError,
    Size,
    first_of,
    matrix_of,
    read_yaml,
    size_of,
)

_PINHOLE, _FISHEYE = (
    ("plumb_bob", "radtan", "rational_polynomial", "thin_prism", "none", ""),
    ("equidistant", "fisheye"),
)
_PINHOLE_COUNTS, _FISHEYE_COUNTS = (0, 4, 5, 8, 12, 14), (0, 4)
_FOCAL_LENGTHS_PX = (1.0, 1e6)
_THERMAL_TOPIC = re.compile(r"therm|infra|lwir|flir|boson|lepton|(^|[/_])ir([/_\d]|$)", re.IGNORECASE)


@dataclass(frozen=True)
class CameraModel:
    """A camera and its lens.

    Attributes:
        size: of its images.
        matrix: (3, 3) intrinsics, pixels.
        distortion: coefficients of OpenCV's pinhole model, or of its fisheye model, 4.
        is_fisheye: the lens is described by the angle of rays: equidistant in ROS and kalibr.
    """

    size: Size
    matrix: NDArray[np.float64]
    distortion: NDArray[np.float64]
    is_fisheye: bool = False


def read_camera(path: Path, values: Mapping[str, Any], name: str) -> CameraModel:
    """Return the camera `name` of a calibration file: described there, or in the file that is named there.

    Raises:
        CalibrationError: it is missing or wrong.
    """
    camera = values.get(name)
    if isinstance(camera, str):
        file = path.parent / camera
        return _camera(file, read_yaml(file), name)
    if not isinstance(camera, Mapping):
        raise CalibrationError(f"{path}: {name} is missing; expected a camera as in a camera_info file")
    return _camera(path, camera, name)


def read_chain(path: Path, values: Mapping[str, Any]) -> tuple[CameraModel, CameraModel, NDArray[np.float64]]:
    """Return the thermal camera, the RGB camera, and the transform between them, of a file that kalibr has written.

    Which is which is said by `thermal: camN` and `rgb: camN`, else by the topics' names; else cam0 is thermal.

    Raises:
        CalibrationError: a camera or a transform is missing or wrong.
    """
    chain = sorted(name for name in values if re.fullmatch(r"cam\d", str(name)) and isinstance(values[name], Mapping))
    thermal, rgb = values.get("thermal"), values.get("rgb")
    if thermal is None and rgb is None and len(chain) == 2:
        named = [bool(_THERMAL_TOPIC.search(str(values[name].get("rostopic", "")))) for name in chain]
        thermal, rgb = chain[::-1] if named == [False, True] else chain
    if thermal not in chain or rgb not in chain:
        raise CalibrationError(f"{path}: holds {', '.join(chain)}; expected thermal: and rgb: to name one of them each")
    from_first = {chain[0]: np.eye(4)}
    for before, name in pairwise(chain):
        step = matrix_of(path, f"T_cn_cnm1 of {name}", values[name].get("T_cn_cnm1"), (4, 4))
        from_first[name] = step @ from_first[before]
    transform = from_first[rgb] @ np.linalg.inv(from_first[thermal])
    return read_camera(path, values, thermal), read_camera(path, values, rgb), transform


def _camera(path: Path, camera: Mapping[str, Any], name: str) -> CameraModel:
    kind = camera.get("camera_model", "pinhole")
    model = camera.get("distortion_model", "equidistant" if camera.get("fisheye_model") else "plumb_bob")
    if model not in (*_PINHOLE, *_FISHEYE) or kind != "pinhole":
        raise CalibrationError(
            f"{path}: distortion_model of {name} is {model!r}, camera_model {kind!r}; "
            f"expected pinhole with one of {', '.join(filter(None, (*_PINHOLE, *_FISHEYE)))}"
        )
    size, matrix, written = _parts(path, camera, name)
    distortion = matrix_of(path, f"distortion_coefficients of {name}", written, (-1,))
    counts = _FISHEYE_COUNTS if model in _FISHEYE else _PINHOLE_COUNTS
    if len(distortion) not in counts:
        raise CalibrationError(
            f"{path}: {name} has {len(distortion)} distortion coefficients of {model or 'no model'}; "
            f"expected {' or '.join(str(each) for each in counts)}"
        )
    return CameraModel(size, matrix, distortion if len(distortion) else np.zeros(4), model in _FISHEYE)


def _parts(path: Path, camera: Mapping[str, Any], name: str) -> tuple[Size, NDArray[np.float64], Any]:
    """Return size, intrinsics and, as they are written, distortion coefficients."""
    if "intrinsics" in camera:  # kalibr
        focal_x, focal_y, x, y = matrix_of(path, f"intrinsics of {name}", camera["intrinsics"], (4,))
        matrix = np.array([[focal_x, 0, x], [0, focal_y, y], [0, 0, 1.0]])
        size, distortion = camera.get("resolution"), camera.get("distortion_coeffs", [])
    else:
        written = first_of(camera, "camera_matrix", "Camera_Matrix", "K", "k")
        distortion = first_of(camera, "distortion_coefficients", "Distortion_Coefficients", "D", "d")
        if written is None or distortion is None:
            raise CalibrationError(f"{path}: {name} lacks camera_matrix or distortion_coefficients; expected both")
        matrix = matrix_of(path, f"camera_matrix of {name}", written, (3, 3))
        size = {side: first_of(camera, f"image_{side}", side) for side in ("width", "height")}
    shortest, longest = _FOCAL_LENGTHS_PX
    focal_lengths = np.diag(matrix)[:2]
    if focal_lengths.min() < shortest or focal_lengths.max() > longest or not np.allclose(matrix[2], (0, 0, 1)):
        raise CalibrationError(
            f"{path}: camera_matrix of {name} is {matrix.ravel().tolist()}; expected focal lengths of {shortest:g} to "
            f"{longest:g} pixels and a last row of 0, 0, 1"
        )
    return size_of(path, f"size of {name}", size), matrix, distortion
