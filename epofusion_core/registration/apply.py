"""Bringing the thermal image onto the RGB image's pixels, by the mode that the parameters ask for."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np
from numpy.typing import NDArray

from epofusion_core.imaging import luma
from epofusion_core.registration.calibration import CalibrationError, Size, read_extrinsics, read_homography
from epofusion_core.registration.warp import Warp, extrinsics_warp, homography_warp

if TYPE_CHECKING:
    from epofusion_core.fuser import FusionResult


LEAST_OVERLAP = 0.01
"""Share of the RGB image that thermal reaches, below which nobody can have meant it so."""


class RegistrationError(ValueError):
    """The images of a pair do not fit; the sentence says how and what to do."""


@dataclass(frozen=True)
class Registered:
    """A thermal image on the RGB image's pixels.

    Attributes:
        thermal: (H, W) uint8.
        coverage: (H, W) float32 in [0, 1]: 0 where thermal does not reach; None where it reaches everything.
        overlap: share of the RGB image that it reaches, in [0, 1].
    """

    thermal: NDArray[np.uint8]
    coverage: NDArray[np.float32] | None = None
    overlap: float = 1.0


Registration = Callable[[NDArray[np.uint8], NDArray[np.uint8]], Registered]
"""Takes the thermal image, (h, w) uint8, and the RGB image, (H, W, 3) uint8; raises `RegistrationError`."""


def no_registration(thermal: NDArray[np.uint8], rgb: NDArray[np.uint8]) -> Registered:
    """Take images that are registered already and must have one size."""
    if thermal.shape != rgb.shape[:2]:
        raise RegistrationError(
            f"thermal is {thermal.shape[1]}x{thermal.shape[0]}, RGB {rgb.shape[1]}x{rgb.shape[0]} pixels; "
            "expected equal sizes, or a parameter file (--config, params_file:=) with registration.mode: resize where "
            "both cameras see the same, else homography and a file that `epofusion calibrate` writes"
        )
    return Registered(thermal)


def resize_registration(thermal: NDArray[np.uint8], rgb: NDArray[np.uint8]) -> Registered:
    """Resize, for cameras that see the same: by area when the image shrinks and bilinear when it grows."""
    if thermal.shape == rgb.shape[:2]:
        return Registered(thermal)
    shrinks = thermal.shape[0] >= rgb.shape[0]
    size = (rgb.shape[1], rgb.shape[0])
    resized = cv2.resize(thermal, size, interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR)
    return Registered(np.asarray(resized, dtype=np.uint8))


class WarpRegistration:
    """Warps by a calibration; lookups are made once for a pair of sizes."""

    def __init__(self, build: Callable[[Size, Size], Warp]) -> None:
        """Take what builds the warp for the sizes of a thermal and an RGB image."""
        self._build = build
        self._sizes: tuple[Size, Size] | None = None
        self._warp: Warp | None = None

    def __call__(self, thermal: NDArray[np.uint8], rgb: NDArray[np.uint8]) -> Registered:
        """Return the warped image; where thermal does not reach, the visible luma stands in, so that no edge shows."""
        sizes = ((thermal.shape[0], thermal.shape[1]), (rgb.shape[0], rgb.shape[1]))
        if self._warp is None or sizes != self._sizes:
            try:
                self._warp, self._sizes = self._build(*sizes), sizes
            except CalibrationError as error:
                raise RegistrationError(str(error)) from error
        coverage = self._warp.coverage
        filled = cv2.blendLinear(self._warp(thermal), luma(rgb), coverage, 1 - coverage)
        return Registered(np.asarray(filled, dtype=np.uint8), coverage, self._warp.overlap)


def build_registration(mode: str, file: str, plane_distance_m: float) -> Registration:
    """Return the registration of a mode: "none", "resize", "homography" or "extrinsics".

    Raises:
        CalibrationError: the mode needs a file, and it is missing or wrong.
    """
    if mode == "resize":
        return resize_registration
    if mode == "none":
        return no_registration
    if not file:
        raise CalibrationError(f"registration.mode {mode} needs registration.file; expected a path")
    if mode == "homography":
        homography = read_homography(Path(file))
        return WarpRegistration(lambda thermal, rgb: homography_warp(homography, thermal, rgb))
    extrinsics = read_extrinsics(Path(file))
    return WarpRegistration(lambda thermal, rgb: extrinsics_warp(extrinsics, plane_distance_m, thermal, rgb))


def blend_uncovered(
    result: "FusionResult", rgb: NDArray[np.uint8], coverage: NDArray[np.float32] | None
) -> "FusionResult":
    """Return the result with the visible image where thermal does not reach, and a gradual transition between."""
    if coverage is None:
        return result
    visible = luma(rgb).astype(np.float32) / np.float32(255)
    return replace(
        result,
        fused_rgb=np.asarray(cv2.blendLinear(result.fused_rgb, rgb, coverage, 1 - coverage), dtype=np.uint8),
        fused_luma=visible + coverage * (result.fused_luma - visible),
        guidance=result.guidance * coverage,
    )
