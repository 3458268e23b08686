"""What is known of a picture: objects with classes, corrected; or boxes alone; and which of them lie in the glare."""

from pathlib import Path

import numpy as np
import pytest

from epofusion_core.data.annotations import Annotations, Box, Correction
from epofusion_core.data.pairs import FilePair, find_pairs
from epofusion_core.downstream.truth import Part, in_glare, truth_of


@pytest.fixture
def pair(walkers: Path) -> FilePair:
    return find_pairs(walkers)[0]


def test_a_pairs_own_boxes_have_classes(pair: FilePair) -> None:
    truth = truth_of(pair, Annotations(), 64, 96)
    assert truth is not None
    assert truth.has_classes
    assert truth.labels == ("person",) * 3
    assert truth.boxes.tolist() == [[8, 8, 16, 16], [40, 8, 48, 16], [72, 8, 80, 16]]


def test_a_corrected_box_keeps_its_class_and_an_added_one_has_none(pair: FilePair) -> None:
    corrections = [Correction(0, Box(9, 8, 17, 16)), Correction(1, None), Correction(None, Box(1, 40, 9, 60))]
    truth = truth_of(pair, Annotations(box_corrections={pair.name: corrections}), 64, 96)
    assert truth is not None
    assert sorted(zip(truth.boxes.tolist(), truth.labels, strict=True), key=str) == [
        ([1, 40, 9, 60], None),
        ([72, 8, 80, 16], "person"),
        ([9, 8, 17, 16], "person"),
    ]


def test_of_a_pair_whose_glare_is_marked_nothing_else_is_known(pair: FilePair) -> None:
    bare = FilePair(pair.name, pair.visible, pair.infrared)
    marked = {bare.name: [Box(1, 2, 3, 4)]}
    in_the_glare = truth_of(bare, Annotations(glare_boxes=marked), 64, 96)
    everywhere = truth_of(bare, Annotations(glare_boxes=marked, object_boxes=marked), 64, 96)
    assert in_the_glare is not None
    assert everywhere is not None
    assert in_the_glare.parts == (Part.GLARE,)
    assert everywhere.parts == tuple(Part)
    assert not everywhere.has_classes
    assert truth_of(bare, Annotations(), 64, 96) is None


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        ("7 0.5 0.5 0.1 0.1", "class 7 has no name; expected 0 to 2: person, bicycle, car"),
        ("0 0.5 0.5 0.1", "is no box"),
        ("0 0.5 0.5 0 0.1", "has boxes without area"),
    ],
)
def test_a_wrong_box_is_named_with_its_pair(pair: FilePair, line: str, complaint: str) -> None:
    assert pair.boxes is not None
    pair.boxes.write_text(line)
    with pytest.raises(ValueError, match=complaint) as raised:
        truth_of(pair, Annotations(), 64, 96)
    assert str(raised.value).startswith("pair 0: ")


def test_a_box_lies_in_the_glare_from_a_fifth_of_its_area(pair: FilePair) -> None:
    luma = np.full((50, 50), 244, np.uint8)
    luma[:20] = 245
    boxes = np.array([[0, 18, 10, 28], [0, 19, 10, 29], [60, 0, 70, 10], [-10, -10, 5, 10], [5, 5, 5, 9]], np.float64)
    assert in_glare(boxes, luma).tolist() == [True, False, False, True, False]
