"""A grey image with what measures made of it: methods on one pair share the work on its sources."""

from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

Grey = NDArray[np.uint8]
"""(H, W) uint8."""

Floats = NDArray[np.float32]
"""(H, W) float32."""

_Part = TypeVar("_Part")


class Analysed:
    """A grey image, and parts of its analysis that are computed once.

    Attributes:
        grey: (H, W) uint8; it must not change any more.
    """

    def __init__(self, grey: Grey) -> None:
        """Nothing is computed yet."""
        self.grey = grey
        self._parts: dict[Callable[..., Any], Any] = {}

    def part(self, make: Callable[["Analysed"], _Part]) -> _Part:
        """Return what `make`, a function of a module, makes of this image; every call gets the same object."""
        if make not in self._parts:
            self._parts[make] = make(self)
        found: _Part = self._parts[make]
        return found


Image = Grey | Analysed
"""What measures take: an array, or an image that keeps its analysis for the next measure."""


def analysed(**images: Image) -> tuple[Analysed, ...]:
    """Return the images, in their order, as `Analysed`.

    Raises:
        ValueError: they are not all (H, W) uint8 of one common size; the sentence names the first that is not.
    """
    ready = {name: image if isinstance(image, Analysed) else Analysed(image) for name, image in images.items()}
    check_images(**{name: image.grey for name, image in ready.items()})
    return tuple(ready.values())


def check_images(**images: Grey) -> None:
    """Raise ValueError, with one sentence, unless all images are (H, W) uint8 of one common size."""
    first_name, first = next(iter(images.items()))
    for name, image in images.items():
        if image.ndim != 2 or image.dtype != np.uint8:
            raise ValueError(
                f"{name} has shape {image.shape} and type {image.dtype}; expected a grey (H, W) uint8 image"
            )
        if image.shape != first.shape:
            raise ValueError(f"{name} has shape {image.shape}, {first_name} has {first.shape}; expected equal sizes")
