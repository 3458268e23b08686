"""Choice of what a report shows: of neighbours that look the same, one."""

from collections.abc import Callable, Iterable
from typing import TypeVar

import cv2
import numpy as np

APART_NS = 1_000_000_000
"""Frames of a stream that are nearer in time look the same."""

_ALIKE = 12.0
"""Mean difference, in grey levels, below which two small pictures look the same."""

_Item = TypeVar("_Item")


def apart(ranked: Iterable[_Item], is_near: Callable[[_Item, _Item], bool], at_most: int) -> list[_Item]:
    """Return the first items, the best first, of which none is near another."""
    chosen: list[_Item] = []
    for item in ranked:
        if len(chosen) == at_most:
            break
        if not any(is_near(item, other) for other in chosen):
            chosen.append(item)
    return chosen


def look_alike(first: bytes, second: bytes) -> bool:
    """Tell whether two pictures, as JPEG, look the same from afar."""
    small = [
        np.asarray(cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_REDUCED_GRAYSCALE_8), np.float32)
        for jpeg in (first, second)
    ]
    return small[0].shape == small[1].shape and float(np.abs(small[0] - small[1]).mean()) < _ALIKE
