"""From a pair of image messages to fused pictures: conversion, thermal scaling, registration, the model."""

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np
from numpy.typing import NDArray

from epofusion_core.exposure import overexposure_map
from epofusion_core.imaging import ThermalImage, luma
from epofusion_core.preparation import Preparation
from epofusion_core.progress import Log
from epofusion_core.registration.apply import blend_uncovered
from epofusion_core.thermal import COLOURED, ThermalScaler, ThermalScaling
from epofusion_ros.messages.compressed import CompressedLike
from epofusion_ros.messages.conversion import ImageLike, is_coloured_thermal, to_image, to_rgb, to_thermal
from epofusion_ros.parameters.node_parameters import NodeParameters, Thermal

if TYPE_CHECKING:
    from epofusion_core.fuser import Fuser, FusionResult

_LOG = logging.getLogger("epofusion")


@dataclass(frozen=True)
class FusedPair:
    """What is made of one pair.

    Attributes:
        result: of the model.
        rgb: (H, W, 3) uint8.
        thermal: (H, W) uint8, scaled and registered.
        thermal_range: sensor values that became black and white; None where the camera has scaled its images.
        stages_ms: milliseconds of each stage, by name.
        overlap: share of the RGB image that the thermal image reaches, in [0, 1].
    """

    result: "FusionResult"
    rgb: NDArray[np.uint8]
    thermal: NDArray[np.uint8]
    thermal_range: tuple[float, float] | None
    stages_ms: dict[str, float]
    overlap: float = 1.0


def load_fuser(parameters: NodeParameters, report: Callable[[str], None]) -> "Fuser":
    """Load the model that the parameters ask for; `report` is told what takes time or is left out.

    Raises:
        ValueError: the model or the engine cannot be used; the sentence says why.
    """
    from epofusion_core.fuser import Fuser  # takes seconds

    return Fuser.load(
        parameters.model,
        engine=parameters.engine,
        device=parameters.device,
        precision=parameters.precision,
        steps=parameters.steps or None,
        untrained_steps=parameters.untrained_steps,
        threads=parameters.threads,
        report=report,
    )


class FusionPipeline:
    """Everything between a pair of messages and pictures; keeps the thermal scaling from frame to frame.

    Attributes:
        scaler: of the thermal image.
        overlap: share of the last RGB image that the thermal image reached, in [0, 1].
        coloured: the last thermal image was coloured by a palette.
    """

    def __init__(self, fuser: "Fuser", parameters: NodeParameters, warn: Log = _LOG.warning) -> None:
        """Build the steps that the parameters ask for; `warn` is told when thermal images become coloured.

        Raises:
            CalibrationError: the calibration file that they name is missing or wrong.
        """
        self._fuser = fuser
        preparation = preparation_of(parameters)
        self.scaler, self._register = preparation.scaler(), preparation.registration()
        self.overlap = 1.0
        self.coloured = False
        self._warn = warn

    def __call__(self, rgb_message: ImageLike, thermal_message: ImageLike | CompressedLike) -> FusedPair:
        """Fuse a pair.

        Raises:
            ConversionError: a message has an unknown encoding or is malformed.
            RegistrationError: the sizes differ and nothing says how to bring them together.
        """
        started_s = time.monotonic()
        rgb, counts = to_rgb(rgb_message), self._counts(thermal_message)
        converted_s = time.monotonic()
        scaler = self.scaler  # read once: another thread may tune it
        registered = self._register(scaler(counts), rgb)
        self.overlap = registered.overlap
        prepared_s = time.monotonic()
        result = blend_uncovered(self._fuser(rgb, registered.thermal), rgb, registered.coverage)
        stages_ms = {
            "conversion": 1e3 * (converted_s - started_s),
            "thermal": 1e3 * (prepared_s - converted_s),
            "fusion": 1e3 * (time.monotonic() - prepared_s),
        }
        return FusedPair(result, rgb, registered.thermal, scaler.range, stages_ms, registered.overlap)

    def warm_up(self, height: int, width: int) -> None:
        """Have the engine prepare itself for RGB images of this size, pixels, so that the first pair is no slower."""
        self._fuser(np.zeros((height, width, 3), np.uint8), np.zeros((height, width), np.uint8))

    def tune(self, parameters: NodeParameters) -> None:
        """Work with other live parameters from the next frame on; where they are the same, scaling goes on smoothly."""
        scaling = thermal_scaling(parameters.thermal)
        if scaling != self.scaler.scaling:
            self.scaler = ThermalScaler(scaling)

    def pass_rgb(self, message: ImageLike | CompressedLike) -> "FusionResult":
        """Return an RGB image as if it were fused, with nothing found in its glare.

        Raises:
            ConversionError: the message has an unknown encoding or is malformed.
        """
        rgb = to_rgb(message)
        return _unfused(rgb, overexposure_map(luma(rgb)))

    def pass_thermal(self, message: ImageLike | CompressedLike) -> "FusionResult":
        """Return a thermal image, scaled, on its own pixels, as if it were fused; nothing is overexposed in it.

        Raises:
            ConversionError: the message has an unknown encoding or is malformed.
        """
        grey = self.scaler(self._counts(message))
        rgb = np.asarray(cv2.cvtColor(grey, cv2.COLOR_GRAY2RGB), dtype=np.uint8)
        return _unfused(rgb, np.zeros(grey.shape, np.float32))

    def _counts(self, message: ImageLike | CompressedLike) -> ThermalImage:
        image = to_image(message)
        counts, coloured = to_thermal(image), is_coloured_thermal(image)
        if coloured and not self.coloured:
            self._warn(COLOURED)
        self.coloured = coloured
        return counts


def preparation_of(parameters: NodeParameters) -> Preparation:
    """Return how the parameters want thermal images prepared."""
    registration = parameters.registration
    scaling = thermal_scaling(parameters.thermal)
    return Preparation(scaling, registration.mode, registration.file, registration.plane_distance)


def thermal_scaling(thermal: Thermal) -> ThermalScaling:
    """Return how the parameters want thermal images scaled."""
    low, high = thermal.percentiles
    return ThermalScaling(
        thermal.scale_mode,
        (low, high),
        (thermal.min, thermal.max),
        thermal.unit,
        thermal.kelvin_per_count,
        thermal.smoothing,
        thermal.polarity == "black_hot",
        thermal.clahe,
    )


def _unfused(rgb: NDArray[np.uint8], overexposure: NDArray[np.float32]) -> "FusionResult":
    from epofusion_core.fuser import FusionResult

    grey = luma(rgb).astype(np.float32) / np.float32(255)
    return FusionResult(rgb, grey, np.zeros_like(grey), overexposure)
