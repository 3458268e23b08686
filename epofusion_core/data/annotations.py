"""Objects marked with boxes: CSV files of pixels, left and top inclusive, right and bottom exclusive.

`name,left,top,right,bottom` marks objects: a pair has a line for each; one that has none has a single line without
numbers, which teaches as much. Inside an overexposed region a box is nearly as good as an outline, since the region
bounds it.

`name,box,left,top,right,bottom` corrects the boxes that a dataset brings, which are not repeated: `box` is the number
of one of them, from 0, that lies elsewhere or, without edges, is no object; edges without a number are an object that
the dataset lacks; a pair that is right as it is has a single line without numbers.
"""

import csv
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from epofusion_core.data.outline import Box, read_boxes
from epofusion_core.data.pairs import Pair

MarkedBoxes = Mapping[str, Sequence[Box]]
"""The boxes of each pair, by its name; none where it has no object."""


@dataclass(frozen=True)
class Correction:
    """What is wrong with a dataset's boxes.

    Attributes:
        number: of the box that is wrong, from 0; None where one is missing.
        box: where the object is; None where there is none.
    """

    number: int | None
    box: Box | None


BoxCorrections = Mapping[str, Sequence[Correction]]
"""The corrections of each pair that was looked at, by its name; none where its boxes are right."""


@dataclass(frozen=True)
class Markings:
    """What was marked in pairs, all objects of each.

    Attributes:
        object_boxes: the objects of pairs.
        box_corrections: what is wrong with the boxes that pairs bring.
    """

    object_boxes: MarkedBoxes = field(default_factory=dict)
    box_corrections: BoxCorrections = field(default_factory=dict)

    def boxes_of(self, pair: Pair, height: int, width: int) -> list[Box] | None:
        """Return the objects of a pair, or its own boxes corrected; None where nobody looked at it.

        Raises:
            ValueError: its own boxes cannot be read, or a correction is of one that is not there.
        """
        if pair.name in self.object_boxes:
            return list(self.object_boxes[pair.name])
        if pair.name in self.box_corrections:
            own = read_boxes(pair.boxes, height, width) if pair.boxes else []
            return corrected_boxes(own, self.box_corrections[pair.name])
        return None


_BOX_COLUMNS = ("name", "left", "top", "right", "bottom")
_CORRECTION_COLUMNS = ("name", "box", "left", "top", "right", "bottom")

_Entry = TypeVar("_Entry")


def read_marked_boxes(path: Path) -> MarkedBoxes:
    """Read the boxes of all pairs.

    Raises:
        ValueError: the file is missing, or a line is no box; the sentence names the file and the line.
    """
    return _read(
        path,
        _BOX_COLUMNS,
        _box,
        "a name and four whole numbers of pixels, left < right and top < bottom, or a name and four empty fields",
    )


def read_box_corrections(path: Path) -> BoxCorrections:
    """Read what is wrong with the boxes of a dataset.

    Raises:
        ValueError: the file is missing, or a line is no correction; the sentence names the file and the line.
    """
    return _read(
        path,
        _CORRECTION_COLUMNS,
        _correction,
        "a name, the number of a box or nothing, and four whole numbers of pixels, left < right and top < bottom, or "
        "four empty fields",
    )


def corrected_boxes(boxes: Sequence[Box], corrections: Sequence[Correction]) -> list[Box]:
    """Return a pair's boxes as they should be.

    Raises:
        ValueError: a correction is of a box that is not there.
    """
    remaining = dict(enumerate(boxes))
    for correction in corrections:
        if correction.number is not None and remaining.pop(correction.number, None) is None:
            raise ValueError(f"box {correction.number} is to be corrected; expected one of {len(boxes)}, each once")
    return [*remaining.values(), *(correction.box for correction in corrections if correction.box)]


def _read(
    path: Path, columns: Sequence[str], parse: Callable[[list[str]], _Entry | None], expected: str
) -> dict[str, list[_Entry]]:
    """Return the entries of each name; `parse` takes a line's fields but its name."""
    try:
        lines = list(csv.reader(path.read_text().splitlines()))
    except OSError as error:
        raise ValueError(f"boxes {path} cannot be read ({error.strerror}); expected a CSV file") from error
    if not lines or tuple(lines[0]) != tuple(columns):
        found = ",".join(lines[0]) if lines else "nothing"
        raise ValueError(f"boxes {path} begin with {found!r}; expected the columns {','.join(columns)}")
    entries: dict[str, list[_Entry]] = {}
    for number, line in enumerate(lines[1:], start=2):
        try:
            name, *fields = line
            if not name or len(line) != len(columns):
                raise ValueError
            entry = parse(fields)
        except ValueError as error:
            raise ValueError(
                f"boxes {path} line {number}: {','.join(line)!r} is no box; expected {expected}"
            ) from error
        entries.setdefault(name, []).extend([entry] if entry else [])
    return entries


def _box(edges: list[str]) -> Box | None:
    if not any(edges):
        return None
    box = Box(*map(int, edges))
    if box.width <= 0 or box.height <= 0:
        raise ValueError
    return box


def _correction(fields: list[str]) -> Correction | None:
    if not any(fields):
        return None
    number, *edges = fields
    correction = Correction(int(number) if number else None, _box(edges))
    if correction.number is not None and correction.number < 0:
        raise ValueError
    return correction
