"""Objects marked by hand: the file, and what training makes of it."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from epofusion_core.data.annotations import (
    Annotations,
    Box,
    Scope,
    inside_boxes,
    outline_or_box,
    read_box_corrections,
    read_marked_boxes,
)
from epofusion_core.data.load import LoadedPair, load_pair
from epofusion_core.data.outline import GrabCutOutliner
from epofusion_core.data.pairs import FilePair
from epofusion_core.imaging import write_png
from epofusion_core.training.augment import AugmentConfig
from epofusion_core.training.dataset import TrainingPairs

HEADER = "name,left,top,right,bottom\n"


@pytest.fixture
def blinded(tmp_path: Path) -> FilePair:
    """White to the left, dark to the right; warm all over, so that a rule would call everything an object."""
    visible = np.zeros((64, 96, 3), np.uint8)
    visible[:, :48] = 255
    infrared = np.random.default_rng(0).integers(100, 250, (64, 96), dtype=np.uint8)
    write_png(tmp_path / "vi.png", visible)
    write_png(tmp_path / "ir.png", infrared)
    return FilePair("road/1", tmp_path / "vi.png", tmp_path / "ir.png")


def load_first(pair: FilePair, annotations: Annotations) -> LoadedPair:
    """Load a pair in the widest scope that it is annotated in."""
    return load_pair(pair, annotations, annotations.scopes_of(pair)[0])


def load_marked(pair: FilePair, lines: str) -> LoadedPair:
    return load_first(pair, Annotations(glare_boxes=read_marked_boxes(boxes_file(pair, lines))))


def boxes_file(pair: FilePair, lines: str) -> Path:
    file = pair.visible.with_name("boxes.csv")
    file.write_text(HEADER + lines)
    return file


def test_objects_are_what_was_marked_and_no_rule_s(blinded: FilePair) -> None:
    loaded = load_marked(blinded, "road/1,10,20,30,40\nroad/1,60,0,70,8\nroad/2,,,,\n")
    objects = loaded.objects > 0
    assert loaded.annotated
    assert objects[20:40, 10:30].all()
    assert objects[0:8, 60:70].all()
    assert np.count_nonzero(objects) == 20 * 20 + 8 * 10


def test_a_pair_that_was_looked_at_and_holds_nothing_teaches_that(blinded: FilePair) -> None:
    loaded = load_marked(blinded, "road/1,,,,\n")
    assert loaded.annotated
    assert not loaded.objects.any()


def test_a_pair_that_nobody_looked_at_keeps_its_rule(blinded: FilePair) -> None:
    loaded = load_marked(blinded, "road/2,,,,\n")
    assert not loaded.annotated
    assert loaded.allow_added_glare
    assert loaded.objects.any()


def test_outlines_win_over_boxes(blinded: FilePair, tmp_path: Path) -> None:
    write_png(tmp_path / "mask.png", np.full((64, 96), 255, np.uint8))
    loaded = load_marked(replace(blinded, mask=tmp_path / "mask.png"), "road/1,,,,\n")
    assert loaded.objects.all()
    assert loaded.allow_added_glare


def test_no_glare_is_laid_over_what_was_marked_in_the_glare_alone(blinded: FilePair) -> None:
    """A lamp over the dark half would light up unmarked objects, and teach that they are none."""
    config = AugmentConfig(crop_px=64, scale_min=1.0, scale_max=1.0, glare=1.0, gamma=0, noise=0, focus_glare=0)
    marked = load_marked(blinded, "road/1,10,20,30,40\n")
    samples = TrainingPairs([marked], config, seed=1, samples=8)
    assert all(set(samples[number]["luma"].unique().tolist()) <= {0.0, 1.0} for number in range(8))
    lit = TrainingPairs([replace(marked, scope=Scope.ALL)], config, seed=1, samples=8)
    assert any(len(lit[number]["luma"].unique()) > 2 for number in range(8)), "glare has grey levels in between"


def test_a_pair_whose_objects_are_all_marked_takes_more_glare(blinded: FilePair) -> None:
    boxes = read_marked_boxes(boxes_file(blinded, "road/1,10,20,30,40\nroad/1,60,0,70,8\n"))
    in_glare = read_marked_boxes(boxes_file(blinded, "road/1,10,20,30,40\n"))
    loaded = load_first(blinded, Annotations(object_boxes=boxes, glare_boxes=in_glare))
    assert loaded.annotated
    assert loaded.allow_added_glare
    assert np.count_nonzero(loaded.objects) == 20 * 20 + 8 * 10


def test_a_pair_in_two_scopes_has_all_objects_in_one_and_those_in_its_glare_in_the_other(blinded: FilePair) -> None:
    everything = read_marked_boxes(boxes_file(blinded, "road/1,10,20,30,40\nroad/1,60,0,70,8\n"))
    in_glare = read_marked_boxes(boxes_file(blinded, "road/1,10,20,30,40\n"))
    annotations = Annotations(object_boxes=everything, glare_boxes=in_glare)
    assert annotations.scopes_of(blinded) == [Scope.ALL, Scope.GLARE]
    whole, glare = (load_pair(blinded, annotations, scope) for scope in annotations.scopes_of(blinded))
    assert np.count_nonzero(whole.objects) == 20 * 20 + 8 * 10
    assert np.count_nonzero(glare.objects) == 20 * 20
    assert whole.allow_added_glare
    assert not glare.allow_added_glare


def test_objects_in_boxes_are_outlined_and_cold_ones_keep_their_box(blinded: FilePair) -> None:
    infrared = np.random.default_rng(0).normal(50, 3, (64, 96)).astype(np.uint8)
    y, x = np.mgrid[0:64, 0:96]
    warm = ((x - 24) / 8) ** 2 + ((y - 32) / 16) ** 2 <= 1
    write_png(blinded.infrared, np.where(warm, 140, infrared).astype(np.uint8))
    boxes = {"road/1": [Box(14, 14, 35, 51), Box(60, 10, 80, 40)]}
    objects = load_first(blinded, Annotations(object_boxes=boxes, outliner=GrabCutOutliner())).objects > 0
    outlined, cold = objects[:, :48], objects[:, 48:]
    assert (outlined & warm[:, :48]).sum() / (outlined | warm[:, :48]).sum() > 0.85
    assert np.array_equal(cold, inside_boxes([Box(60, 10, 80, 40)], 64, 96)[:, 48:])


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        ("", "begin with 'nothing'; expected the columns name,left,top,right,bottom"),
        ("name,x,y,w,h\n", "begin with 'name,x,y,w,h'"),
        (HEADER + "a,1,2,3\n", "line 2: 'a,1,2,3' is no box"),
        (HEADER + "a,,,,\nb,1,2,3,x\n", "line 3: 'b,1,2,3,x' is no box"),
        (HEADER + "a,5,5,5,9\n", "left < right"),
        (HEADER + ",1,2,3,4\n", "expected a name"),
        (HEADER + "a,1.5,2,3,4\n", "whole numbers"),
        (HEADER + "a,1,2,,4\n", "line 2: 'a,1,2,,4' is no box"),
        (HEADER + "\n", "line 2: '' is no box"),
    ],
)
def test_a_wrong_file_is_named_with_its_line(content: str, complaint: str, tmp_path: Path) -> None:
    file = tmp_path / "boxes.csv"
    file.write_text(content)
    with pytest.raises(ValueError, match=r"boxes\.csv") as error:
        read_marked_boxes(file)
    assert complaint in str(error.value)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"nowhere\.csv cannot be read"):
        read_marked_boxes(tmp_path / "nowhere.csv")


edges = st.integers(-20, 120)


@given(boxes=st.lists(st.builds(Box, edges, edges, edges, edges), max_size=4), row=st.integers(0, 39))
def test_a_pixel_is_inside_where_a_box_says_so(boxes: list[Box], row: int) -> None:
    inside = inside_boxes(boxes, 40, 50)
    for column in range(50):
        expected = any(box.left <= column < box.right and box.top <= row < box.bottom for box in boxes)
        assert inside[row, column] == expected


@given(box=st.builds(Box, edges, edges, edges, edges))
def test_an_outline_stays_inside_its_box_wherever_that_lies(box: Box) -> None:
    infrared = np.random.default_rng(0).integers(0, 255, (40, 50), dtype=np.uint8)
    inside = inside_boxes([box], 40, 50)
    objects = outline_or_box(GrabCutOutliner(iterations=1), infrared, [box])
    assert not (objects & ~inside).any()
    assert objects.any() == inside.any()


@pytest.mark.parametrize(("name", "objects", "empty"), [("glare_boxes", 100, 10), ("object_boxes", 800, 5)])
def test_the_boxes_that_ship_can_be_read_and_hold_objects_and_empty_pairs(name: str, objects: int, empty: int) -> None:
    boxes = read_marked_boxes(Path(__file__).parents[3] / "config" / "train" / f"{name}.csv")
    assert sum(map(len, boxes.values())) > objects
    assert sum(not marked for marked in boxes.values()) > empty
    assert all(box.left >= 0 and box.top >= 0 for marked in boxes.values() for box in marked)


CORRECTIONS_HEADER = "name,box,left,top,right,bottom\n"


def load_corrected(pair: FilePair, lines: str) -> LoadedPair:
    """The pair brings two boxes of 24 x 16 pixels, in its upper left and lower right corner."""
    boxes, file = pair.visible.with_name("boxes.txt"), pair.visible.with_name("corrections.csv")
    boxes.write_text("0 0.125 0.125 0.25 0.25\n2 0.875 0.875 0.25 0.25\n")
    file.write_text(CORRECTIONS_HEADER + lines)
    return load_first(replace(pair, boxes=boxes), Annotations(box_corrections=read_box_corrections(file)))


def test_boxes_of_a_dataset_are_moved_taken_away_and_added(blinded: FilePair) -> None:
    loaded = load_corrected(blinded, "road/1,0,4,4,20,12\nroad/1,1,,,,\nroad/1,,60,0,70,8\nroad/2,,,,,\n")
    objects = loaded.objects > 0
    assert loaded.annotated
    assert loaded.allow_added_glare
    assert objects[4:12, 4:20].all()
    assert objects[0:8, 60:70].all()
    assert np.count_nonzero(objects) == 8 * 16 + 8 * 10


def test_boxes_that_were_found_right_are_the_objects(blinded: FilePair) -> None:
    objects = load_corrected(blinded, "road/1,,,,,\n").objects > 0
    assert objects[:16, :24].all()
    assert objects[48:, 72:].all()
    assert np.count_nonzero(objects) == 2 * 16 * 24


def test_boxes_that_nobody_looked_at_are_not_taken_for_objects(blinded: FilePair) -> None:
    assert not load_corrected(blinded, "road/2,,,,,\n").annotated


@pytest.mark.parametrize("lines", ["road/1,2,,,,\n", "road/1,0,,,,\nroad/1,0,4,4,20,12\n"])
def test_a_correction_of_a_box_that_is_not_there_names_the_pair(blinded: FilePair, lines: str) -> None:
    with pytest.raises(ValueError, match=r"pair road/1: box [02] is to be corrected; expected one of 2, each once"):
        load_corrected(blinded, lines)


@pytest.mark.parametrize("line", ["a,0,1,2,3", "a,x,,,,", "a,0,5,5,5,9", ",0,,,,", "a,-1,,,,"])
def test_a_wrong_correction_is_named_with_its_line(line: str, tmp_path: Path) -> None:
    file = tmp_path / "corrections.csv"
    file.write_text(f"{CORRECTIONS_HEADER}{line}\n")
    with pytest.raises(ValueError, match=r"corrections\.csv line 2: .* is no box; expected a name, the number"):
        read_box_corrections(file)


def test_the_corrections_that_ship_can_be_read_and_correct_in_all_ways() -> None:
    corrections = read_box_corrections(Path(__file__).parents[3] / "config" / "train" / "box_corrections.csv")
    everything = [correction for entries in corrections.values() for correction in entries]
    assert any(not entries for entries in corrections.values())
    assert {(entry.number is None, entry.box is None) for entry in everything} == {
        (False, False),
        (False, True),
        (True, False),
    }
