"""YAML as calibration tools write it: OpenCV's cv::FileStorage, ROS and kalibr."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from numpy.typing import NDArray

Size = tuple[int, int]
"""(height, width) in pixels."""

_LARGEST = 1e30
"""No camera has a larger number, and more would overflow."""

_OPENCV_HEAD = re.compile(r"\A\ufeff?%YAML.*\n")
_OPENCV_TAG = re.compile(r"!!opencv-[\w-]+")


class CalibrationError(ValueError):
    """A calibration file is missing or wrong; the sentence names it and what was expected."""


def read_yaml(path: Path) -> Mapping[str, Any]:
    """Return the names and values of a file; OpenCV's head, which is no YAML, and its types are left out.

    Raises:
        CalibrationError: it is missing, no YAML, or has no names.
    """
    try:
        text = path.read_text(encoding="utf-8")
        values = yaml.safe_load(_OPENCV_TAG.sub("", _OPENCV_HEAD.sub("", text)))
    except OSError as error:
        raise CalibrationError(f"{path}: cannot be read ({error.strerror}); expected a calibration file") from error
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise CalibrationError(f"{path}: is no YAML; expected a calibration file") from error
    if not isinstance(values, Mapping):
        raise CalibrationError(f"{path}: holds no names with values; expected a calibration file")
    return values


def first_of(values: Mapping[str, Any], *names: str) -> Any:  # noqa: ANN401 - as in the file
    """Return the value of the first name that there is; None without any."""
    return next((values[name] for name in names if values.get(name) is not None), None)


def matrix_of(path: Path, name: str, value: Any, shape: tuple[int, ...]) -> NDArray[np.float64]:  # noqa: ANN401
    """Return a matrix that is written as numbers in a row, as rows, or as `data` beside `rows` and `cols`.

    A shape of (-1,) takes any number of values.

    Raises:
        CalibrationError: it is missing, has another number of values, or one that is not finite or far too large.
    """
    numbers = value.get("data") if isinstance(value, Mapping) else value
    try:
        matrix = np.array(numbers, np.float64).reshape(shape)
    except (ValueError, TypeError, OverflowError) as error:
        expected = f"{np.prod(shape)} numbers" if shape != (-1,) else "numbers"
        raise CalibrationError(f"{path}: {name} is missing or wrong; expected {expected}") from error
    if not (np.abs(matrix) <= _LARGEST).all():
        raise CalibrationError(f"{path}: {name} holds a value that is no finite number, or is beyond {_LARGEST:g}")
    return matrix


def size_of(path: Path, name: str, value: Any) -> Size:  # noqa: ANN401
    """Return a size that is written as `height` and `width`, or as OpenCV and kalibr do, [width, height].

    Raises:
        CalibrationError: it is missing, or no size that an image has.
    """
    try:
        width, height = (value["width"], value["height"]) if isinstance(value, Mapping) else value
        width, height = int(width), int(height)
    except (KeyError, ValueError, TypeError, OverflowError) as error:
        raise CalibrationError(f"{path}: {name} is missing or wrong; expected height and width in pixels") from error
    if not (0 < height <= 16384 and 0 < width <= 16384):
        raise CalibrationError(f"{path}: {name} is {width}x{height}; expected 1 to 16384 pixels")
    return height, width
