"""Objects that a person marked with boxes: a CSV file, `name,left,top,right,bottom` in pixels.

A pair has a line for each object; one that has none has a single line without numbers, which teaches as much. Inside an
overexposed region a box is nearly as good as an outline, since the region bounds it.
"""

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from epofusion_core.data.outline import Box

MarkedBoxes = Mapping[str, Sequence[Box]]
"""The boxes of each pair, by its name; none where it has no object."""

_COLUMNS = ["name", "left", "top", "right", "bottom"]


def read_marked_boxes(path: Path) -> MarkedBoxes:
    """Read the boxes of all pairs.

    Raises:
        ValueError: the file is missing, or a line is no box; the sentence names the file and the line.
    """
    try:
        lines = list(csv.reader(path.read_text().splitlines()))
    except OSError as error:
        raise ValueError(f"boxes {path} cannot be read ({error.strerror}); expected a CSV file") from error
    if not lines or lines[0] != _COLUMNS:
        found = ",".join(lines[0]) if lines else "nothing"
        raise ValueError(f"boxes {path} begin with {found!r}; expected the columns {','.join(_COLUMNS)}")
    boxes: dict[str, list[Box]] = {}
    for number, line in enumerate(lines[1:], start=2):
        try:
            name, *edges = line
            marked = [Box(*map(int, edges))] if any(edges) else []
            valid = name and len(edges) == 4 and all(box.width > 0 and box.height > 0 for box in marked)
        except (ValueError, TypeError):
            valid = False
        if not valid:
            raise ValueError(
                f"boxes {path} line {number}: {','.join(line)!r} is no box; expected a name and four whole "
                "numbers of pixels, left < right and top < bottom, or a name and four empty fields"
            )
        boxes.setdefault(name, []).extend(marked)
    return boxes


def inside_boxes(boxes: Sequence[Box], height: int, width: int) -> NDArray[np.bool_]:
    """Return where an image lies in one of the boxes, (H, W) bool; what sticks out of the image is cut off."""
    inside = np.zeros((height, width), dtype=bool)
    for box in boxes:
        inside[max(0, box.top) : max(0, box.bottom), max(0, box.left) : max(0, box.right)] = True
    return inside
