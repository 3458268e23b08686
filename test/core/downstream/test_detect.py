"""Frozen judges on each method's images: AP50 by class, part and seed, and the worst misses."""

import csv
import math
from pathlib import Path

import numpy as np
import pytest

from epofusion_core.data.annotations import Annotations, Box
from epofusion_core.data.pairs import FilePair, find_pairs
from epofusion_core.downstream.detect import ImageMaker, Judged, Score, judge_pairs, scores_of
from epofusion_core.downstream.detection_report import tables, worst_misses, write_detection_report
from epofusion_core.downstream.glare import Glare
from epofusion_core.downstream.judges import Judge
from epofusion_core.downstream.truth import ANY_CLASS, Part
from epofusion_core.evaluation.methods import FolderMethod, Method, RuleMethod, SourceMethod
from epofusion_core.imaging import read_grey, read_rgb, write_png

VISIBLE, INFRARED, MAXIMUM = SourceMethod("visible"), SourceMethod("infrared"), RuleMethod("maximum")
METHODS: list[Method] = [VISIBLE, INFRARED, MAXIMUM]


@pytest.fixture
def judge(bright_square_judge: Path) -> Judge:
    return Judge("squares", str(bright_square_judge))


def judged_by(judge: Judge, pairs: list[FilePair], maker: ImageMaker, seeds: tuple[int, ...] = (0,)) -> list[Judged]:
    return list(judge_pairs(pairs, seeds, maker, METHODS, [judge]))


def ap50(scores: list[Score], method: str, part: Part, label: str = "person", seed: int | None = None) -> float:
    return next(
        score.precision.value
        for score in scores
        if (score.method, score.part, score.label, score.seed) == (method, part, label, seed)
    )


def test_people_that_only_the_infrared_shows_are_found_there_and_in_the_maximum(judge: Judge, walkers: Path) -> None:
    scores = scores_of(judged_by(judge, find_pairs(walkers), ImageMaker()), [judge], ["visible", "infrared", "maximum"])
    assert ap50(scores, "visible", Part.ALL) == 0
    assert ap50(scores, "infrared", Part.ALL) == ap50(scores, "maximum", Part.ALL) == 1
    assert math.isnan(ap50(scores, "infrared", Part.GLARE))
    assert {score.precision.objects for score in scores if score.part is Part.ALL} == {12}


def test_spots_hide_people_from_the_maximum_in_the_glare_alone(judge: Judge, walkers: Path) -> None:
    judged = judged_by(judge, find_pairs(walkers), ImageMaker(glare=Glare.SPOTS), (0, 1, 2))
    scores = scores_of(judged, [judge], ["visible", "infrared", "maximum"])
    assert ap50(scores, "infrared", Part.GLARE) == ap50(scores, "infrared", Part.ELSEWHERE) == 1
    assert ap50(scores, "maximum", Part.GLARE) < 0.95  # white is everywhere
    assert ap50(scores, "maximum", Part.ELSEWHERE) > 0.9
    assert {score.seed for score in scores} == {None, 0, 1, 2}
    objects = {part: next(s.precision.objects for s in scores if s.part is part and s.seed is None) for part in Part}
    assert objects[Part.ALL] == 36 == objects[Part.GLARE] + objects[Part.ELSEWHERE]


def test_where_only_the_glare_is_marked_only_the_glare_counts(judge: Judge, walkers: Path) -> None:
    pair = find_pairs(walkers)[0]
    visible = read_rgb(pair.visible)
    visible[0:30, 0:30] = 255
    write_png(pair.visible, visible)
    bare = FilePair(pair.name, pair.visible, pair.infrared)
    maker = ImageMaker(Annotations(glare_boxes={pair.name: [Box(8, 8, 16, 16)]}))
    scores = scores_of(judged_by(judge, [bare], maker), [judge], ["visible", "infrared", "maximum"])
    assert {score.label for score in scores} == {ANY_CLASS}
    assert ap50(scores, "infrared", Part.GLARE, ANY_CLASS) == 1
    assert math.isnan(ap50(scores, "infrared", Part.ALL, ANY_CLASS))


def test_a_pair_that_one_method_lacks_counts_for_none(judge: Judge, walkers: Path, tmp_path: Path) -> None:
    for path in sorted((walkers / "ir").iterdir())[:3]:
        write_png(tmp_path / "theirs" / path.name, read_grey(path))
    methods: list[Method] = [INFRARED, FolderMethod("theirs", tmp_path / "theirs")]
    judged = list(judge_pairs(find_pairs(walkers), [0], ImageMaker(), methods, [judge]))
    assert [problem for each in judged for problem in each.problems] == [
        f"theirs, 3: {tmp_path / 'theirs'}: has no image named 3"
    ]
    assert {score.precision.objects for score in scores_of(judged, [judge], ["infrared", "theirs"])} == {9, 0}


@pytest.mark.parametrize("file", ["vi/0.png", "boxes/0.txt"])
def test_a_pair_that_cannot_be_used_is_named_and_the_others_judged(judge: Judge, walkers: Path, file: str) -> None:
    (walkers / file).write_bytes(b"broken")
    judged = judged_by(judge, find_pairs(walkers), ImageMaker())
    assert [bool(each.problems) for each in judged] == [True, False, False, False]
    assert judged[0].truth is None


def test_the_report_names_the_best_and_shows_what_was_missed(judge: Judge, walkers: Path, tmp_path: Path) -> None:
    for path in (walkers / "vi").iterdir():
        write_png(tmp_path / "blind" / path.name, read_rgb(path))
    methods: list[Method] = [INFRARED, FolderMethod("blind", tmp_path / "blind")]
    judged = list(judge_pairs(find_pairs(walkers), [0], ImageMaker(), methods, [judge]))
    scores = scores_of(judged, [judge], ["infrared", "blind"])
    write_detection_report(tmp_path / "out", "street", scores, judged, ImageMaker(), methods, misses=5)
    (table,) = tables(scores)
    assert (table.title, table.items) == ("squares", 12)
    assert {row.method: row.marks.get("person all") for row in table.rows} == {"infrared": "best", "blind": "second"}
    with (tmp_path / "out" / "ap50.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert {(row["method"], row["ap50"]) for row in rows if row["part"] == "all"} == {("infrared", "1"), ("blind", "0")}
    assert {path.name for path in (tmp_path / "out").iterdir()} == {
        "ap50.csv",
        "ap50.png",
        "misses",
    }
    sheet = read_rgb(tmp_path / "out" / "misses" / "squares_blind.png")
    assert sheet.shape[0] % 5 == 0
    left, right = np.split(sheet, 2, axis=1)
    assert (left.min(axis=2) > 250).sum() > (right.min(axis=2) > 250).sum()  # the person is seen in the infrared alone
    worst = worst_misses(judged, "squares", "blind", ["infrared", "blind"], ["person"], 5)
    assert [miss.lost for miss in worst] == pytest.approx([1] * 5)
    assert worst_misses(judged, "squares", "infrared", ["infrared", "blind"], ["person"], 5)[0].lost == 0
