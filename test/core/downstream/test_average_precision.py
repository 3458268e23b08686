"""AP50 rewards finding everything and inventing nothing."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from epofusion_core.downstream.average_precision import Frame, average_precision, overlaps, scores_of_objects

Boxes = NDArray[np.float64]


def boxes_at(*lefts: float) -> Boxes:
    return np.array([[left, 0, left + 10, 20] for left in lefts], np.float64).reshape(-1, 4)


def frame(found: Boxes, scores: list[float], truth: Boxes, **marks: list[bool]) -> Frame:
    uncounted = np.array(marks.get("uncounted", [False] * len(found)), bool)
    ignored = np.array(marks.get("ignored", [False] * len(truth)), bool)
    return Frame(found, np.array(scores, np.float64), uncounted, truth, ignored)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.integers(0, 20), min_size=1, max_size=8, unique=True), st.integers(0, 2**32 - 1))
def test_whoever_finds_everything_and_nothing_else_has_one(places: list[int], seed: int) -> None:
    truth = boxes_at(*(20.0 * place for place in places))
    scores = np.random.default_rng(seed).uniform(0.01, 1, len(places)).tolist()
    assert average_precision([frame(truth, scores, truth)]).value == pytest.approx(1)
    assert average_precision([frame(boxes_at(), [], truth)]).value == 0


@settings(max_examples=40, deadline=None)
@given(st.lists(st.booleans(), min_size=1, max_size=30), st.integers(0, 30))
def test_it_is_the_mean_over_all_objects_of_the_best_precision_at_their_recall(hits: list[bool], missed: int) -> None:
    """Compared with its definition, computed plainly."""
    objects = sum(hits) + missed
    truth = boxes_at(*(20.0 * number for number in range(objects)))
    places = iter(20.0 * number for number in range(objects))
    found = boxes_at(*(next(places) if hit else -100.0 for hit in hits))
    scores = [1 - number / 100 for number in range(len(hits))]
    precisions = [sum(hits[: n + 1]) / (n + 1) for n in range(len(hits))]
    expected = sum(max(precisions[n:]) for n, hit in enumerate(hits) if hit)
    result = average_precision([frame(found, scores, truth)])
    assert result.objects == objects
    assert math.isnan(result.value) if objects == 0 else result.value == pytest.approx(expected / objects)


def test_a_second_box_on_the_same_object_is_wrong() -> None:
    truth = boxes_at(0, 100)
    assert average_precision([frame(boxes_at(0, 1, 100), [0.9, 0.8, 0.7], truth)]).value == pytest.approx(
        0.5 + 0.5 * 2 / 3
    )


def test_pictures_are_ranked_together() -> None:
    truth = boxes_at(0)
    sure_of_nothing = frame(boxes_at(50), [0.9], boxes_at())
    assert average_precision([frame(boxes_at(0), [0.5], truth), sure_of_nothing]).value == 0.5
    assert average_precision([frame(boxes_at(0), [0.95], truth), sure_of_nothing]).value == 1


def test_ignored_objects_and_what_is_found_outside_the_part_count_neither_way() -> None:
    truth = boxes_at(0, 100)
    found, scores = boxes_at(0, 100, 200), [0.5, 0.9, 0.8]
    one = frame(found, scores, truth, ignored=[False, True], uncounted=[False, False, True])
    assert average_precision([one]).value == 1
    assert average_precision([one]).objects == 1


def test_without_objects_there_is_no_precision() -> None:
    assert math.isnan(average_precision([frame(boxes_at(0), [0.5], boxes_at())]).value)


def test_the_score_of_an_object_is_that_of_the_box_that_found_it() -> None:
    scores = scores_of_objects(frame(boxes_at(1, 0, 300), [0.4, 0.7, 0.9], boxes_at(0, 100)))
    assert scores.tolist() == [0.7, 0.0]


def test_overlap_is_the_shared_part_of_the_union() -> None:
    assert overlaps(boxes_at(0), boxes_at(0, 5, 10)).tolist() == [[1, pytest.approx(1 / 3), 0]]
    assert overlaps(np.zeros((1, 4)), np.zeros((1, 4))).tolist() == [[0]]
