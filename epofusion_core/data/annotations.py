"""Objects of pairs: their masks, outlines and boxes, and which of them are a pair's objects in training.

Boxes are CSV files of pixels, left and top inclusive, right and bottom exclusive.

`name,left,top,right,bottom` marks objects, one line for each. A pair without objects has one line with its name alone;
such negatives are as useful. Inside an overexposed region a box is nearly as good as an outline, since the region
bounds it.

`name,box,left,top,right,bottom` corrects the boxes that a dataset brings. `box` is the number of one of them, from 0.
Boxes that no line names stay as they are.

| correction | `box` | edges |
|---|---|---|
| move a box | its number | the new ones |
| delete a box that is no object | its number | empty |
| add an object that the dataset lacks | empty | its own |
| unchanged: all boxes of the pair are right | empty | empty |
"""

import csv
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from epofusion_core.data.masks import read_mask
from epofusion_core.data.pairs import FilePair
from epofusion_core.data.saliency import salient_infrared
from epofusion_core.imaging import GreyImage

Mask = NDArray[np.bool_]

_BOX_COLUMNS = ("name", "left", "top", "right", "bottom")
_CORRECTION_COLUMNS = ("name", "box", "left", "top", "right", "bottom")

_Entry = TypeVar("_Entry")


@dataclass(frozen=True)
class Box:
    """A rectangle in pixels: left and top inclusive, right and bottom exclusive."""

    left: int
    top: int
    right: int
    bottom: int

    @property
    def width(self) -> int:
        """Columns."""
        return self.right - self.left

    @property
    def height(self) -> int:
        """Rows."""
        return self.bottom - self.top

    def clipped(self, height: int, width: int) -> "Box":
        """Return the part inside an image of that size; one of no area where there is none."""
        left, top = min(max(0, self.left), width), min(max(0, self.top), height)
        return Box(left, top, max(left, min(self.right, width)), max(top, min(self.bottom, height)))


def read_boxes(path: Path, height: int, width: int) -> list[Box]:
    """Read YOLO lines `class cx cy w h`, normalised to the image size; boxes of no area are left out.

    Raises:
        ValueError: a line is not five numbers; the sentence names the file and the line.
    """
    boxes = []
    for number, line in enumerate(path.read_text().splitlines(), start=1):
        if not line.strip():
            continue
        try:
            _, x, y, box_width, box_height = (float(value) for value in line.split())
        except ValueError as error:
            raise ValueError(f"{path} line {number}: {line!r} is no box; expected 'class cx cy w h'") from error
        box = Box(
            round((x - box_width / 2) * width),
            round((y - box_height / 2) * height),
            round((x + box_width / 2) * width),
            round((y + box_height / 2) * height),
        ).clipped(height, width)
        if box.width > 0 and box.height > 0:
            boxes.append(box)
    return boxes


class Outliner(Protocol):
    """Finds an object's pixels within each box."""

    def __call__(self, infrared: GreyImage, boxes: Sequence[Box]) -> list[Mask]:
        """Return one (H, W) bool mask a box, each inside its box; what sticks out of the image is cut off."""
        ...


def outline_or_box(outliner: Outliner, infrared: GreyImage, boxes: Sequence[Box]) -> Mask:
    """Return where the objects in boxes are, (H, W) bool: their outlines, or the whole box where none is found.

    An object as cold as its surroundings has no outline in the infrared. It counts as its whole box.
    """
    objects = np.zeros(infrared.shape, bool)
    for box, outline in zip(boxes, outliner(infrared, boxes), strict=True):
        objects |= outline if outline.any() else inside_boxes([box], *infrared.shape)
    return objects


def inside_boxes(boxes: Sequence[Box], height: int, width: int) -> Mask:
    """Return where an image lies in one of the boxes, (H, W) bool; what sticks out of the image is cut off."""
    inside = np.zeros((height, width), dtype=bool)
    for box in (box.clipped(height, width) for box in boxes):
        inside[box.top : box.bottom, box.left : box.right] = True
    return inside


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


class Scope(Enum):
    """Which objects of a pair are known."""

    ALL = "all"
    GLARE = "those inside the glare that the pair has, and no others"
    RULE = "none: a rule stands in"


@dataclass(frozen=True)
class Objects:
    """The objects of a pair.

    Attributes:
        mask: (H, W) bool, where they are.
        scope: which of them are known.
    """

    mask: Mask
    scope: Scope


@dataclass(frozen=True)
class Annotations:
    """Annotations of pairs that lie outside their data set.

    Attributes:
        outlines: folder of the outlines of all objects of pairs, NAME.png, written by `epofusion ivoe outline`.
        object_boxes: all objects of pairs.
        box_corrections: what is wrong with the boxes that pairs bring.
        glare_boxes: the objects inside the glare that pairs have, and no others.
        outliner: finds the outlines of objects in boxes; without an outliner or an outline, the whole box counts.
    """

    outlines: Path | None = None
    object_boxes: MarkedBoxes = field(default_factory=dict)
    box_corrections: BoxCorrections = field(default_factory=dict)
    glare_boxes: MarkedBoxes = field(default_factory=dict)
    outliner: Outliner | None = None

    def scopes_of(self, pair: FilePair) -> list[Scope]:
        """Return the scopes in which a pair is annotated, the wider first; `RULE` where it is not annotated."""
        in_all = pair.name in self.object_boxes or pair.name in self.box_corrections or self._outline_file(pair)
        scopes = [Scope.ALL] if in_all else []
        scopes += [Scope.GLARE] if pair.name in self.glare_boxes else []
        return scopes or [Scope.RULE]

    def boxes_of(self, pair: FilePair, height: int, width: int) -> list[Box] | None:
        """Return all objects of a pair, or its own boxes corrected; None where there is no annotation.

        Raises:
            ValueError: its own boxes cannot be read, or a correction is of one that is not there.
        """
        if pair.name in self.object_boxes:
            return list(self.object_boxes[pair.name])
        if pair.name in self.box_corrections:
            own = read_boxes(pair.boxes, height, width) if pair.boxes else []
            return corrected_boxes(own, self.box_corrections[pair.name])
        return None

    def objects_of(self, pair: FilePair, infrared: GreyImage, scope: Scope) -> Objects:
        """Return the objects of a pair in one of its scopes.

        | scope | the objects, by the first of these that there is |
        |---|---|
        | all | the pair's mask, its outline found before, its boxes as marked, its own boxes corrected |
        | glare | the pair's mask, whose scope is all; the boxes marked in its glare |
        | rule | what is salient in the infrared |

        Args:
            pair: paths.
            infrared: its infrared image, (H, W) uint8.
            scope: one of `scopes_of`.

        Raises:
            ValueError: its mask or boxes cannot be read, or a correction is wrong; the sentence names the pair.
        """
        if scope is Scope.RULE:
            return Objects(salient_infrared(infrared), scope)
        known = pair.mask if scope is Scope.GLARE else self._outline_file(pair)
        if known:
            return Objects(read_mask(known, pair.mask_classes if known == pair.mask else frozenset()), Scope.ALL)
        try:
            marked = self.glare_boxes[pair.name] if scope is Scope.GLARE else self.boxes_of(pair, *infrared.shape)
        except ValueError as error:
            raise ValueError(f"pair {pair.name}: {error}") from error
        boxes = marked or []
        if self.outliner:
            return Objects(outline_or_box(self.outliner, infrared, boxes), scope)
        return Objects(inside_boxes(boxes, *infrared.shape), scope)

    def _outline_file(self, pair: FilePair) -> Path | None:
        """Return the file that has the outlines of all objects of a pair: its mask, or one found before."""
        found = self.outlines / f"{pair.name}.png" if self.outlines else None
        return pair.mask or (found if found is not None and found.is_file() else None)


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
