"""Bringing the thermal image onto the RGB image's pixels."""

from typing import Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

Size = tuple[int, int]
"""(height, width) in pixels."""


class RegistrationError(ValueError):
    """The images of a pair do not fit; the sentence says how and what to do."""


class Registration(Protocol):
    """Maps a thermal image onto an RGB image of a given size."""

    def __call__(self, thermal: NDArray[np.uint8], rgb_size: Size) -> NDArray[np.uint8]:
        """Return (H, W) uint8 of the RGB image's size."""
        ...


class NoRegistration:
    """The images are registered already and must have one size."""

    def __call__(self, thermal: NDArray[np.uint8], rgb_size: Size) -> NDArray[np.uint8]:
        """Return the image itself.

        Raises:
            RegistrationError: the sizes differ.
        """
        if thermal.shape != rgb_size:
            raise RegistrationError(
                f"thermal is {thermal.shape[1]}x{thermal.shape[0]}, RGB {rgb_size[1]}x{rgb_size[0]} pixels; "
                "expected equal sizes, or registration.mode: resize"
            )
        return thermal


class ResizeRegistration:
    """Both cameras see the same, with other resolutions."""

    def __call__(self, thermal: NDArray[np.uint8], rgb_size: Size) -> NDArray[np.uint8]:
        """Return the image resized, by area when it shrinks and bilinear when it grows."""
        if thermal.shape == rgb_size:
            return thermal
        shrinks = thermal.shape[0] >= rgb_size[0]
        size = (rgb_size[1], rgb_size[0])
        resized = cv2.resize(thermal, size, interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR)
        return np.asarray(resized, dtype=np.uint8)


def build_registration(mode: str) -> Registration:
    """Return the registration of a mode that parameters.py allows."""
    return ResizeRegistration() if mode == "resize" else NoRegistration()
