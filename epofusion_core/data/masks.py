"""Masks of pairs: files of two values, or of class numbers of which some are objects."""

from collections.abc import Collection, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from epofusion_core.data.pairs import FilePair
from epofusion_core.imaging import read_values

_SHOWN = 8
"""Values of a file that a sentence lists."""


class ClassMapError(ValueError):
    """A mask holds class numbers, and nothing says which classes are objects."""


def read_mask(path: Path, classes: frozenset[int] = frozenset()) -> NDArray[np.bool_]:
    """Return where the objects of a mask file are, (H, W) bool.

    Args:
        path: of the file.
        classes: numbers of the classes that are objects, where the file holds class numbers; none for a mask of two
            values, 0 and another.

    Raises:
        ValueError: the file is no image of one channel.
        ClassMapError: it holds class numbers, and `classes` is empty.
    """
    values = read_values(path)
    if values.ndim == 3:
        if (values != values[..., :1]).any():
            raise ValueError(f"{path}: is in colour; expected a mask of one channel, or class numbers")
        values = values[..., 0]
    if classes:
        return np.isin(values, sorted(classes))
    present = np.unique(values)
    marks = present[present != 0]
    if len(marks) > 1 or (len(marks) == len(present) and not np.isin(marks, (1, 255, 65535)).all()):
        shown = ", ".join(f"{value:g}" for value in present[:_SHOWN]) + (", ..." if len(present) > _SHOWN else "")
        raise ClassMapError(
            f"{path}: holds the values {shown}, which look like class numbers; expected 0 and one other, "
            "or mask_classes: the numbers of the classes that are objects"
        )
    return np.asarray(values != 0)


def with_mask_classes(pairs: Sequence[FilePair], classes: Collection[int]) -> list[FilePair]:
    """Return the pairs, knowing which classes of their masks are objects.

    Without classes all masks must have two values. One file tells for all: others of the same data set may show two
    classes only, and pass for masks.

    Raises:
        ClassMapError: there are no classes, and a mask holds class numbers; the sentence names it.
    """
    for path in [pair.mask for pair in pairs if pair.mask and not classes]:
        try:
            read_mask(path)
        except ClassMapError:
            raise
        except ValueError:  # named when it is used
            continue
    return [replace(pair, mask_classes=frozenset(classes)) for pair in pairs]
