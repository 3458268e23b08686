"""Masks: two values, or class numbers of which some are objects; never the road and the sky by mistake."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from epofusion_core.data.annotations import Annotations, Scope
from epofusion_core.data.ivoe import build_pair
from epofusion_core.data.masks import ClassMapError, read_mask, with_mask_classes
from epofusion_core.data.outline import GrabCutOutliner
from epofusion_core.data.pairs import find_pairs
from epofusion_core.evaluation.evaluate import measure_pairs
from epofusion_core.evaluation.methods import RuleMethod
from epofusion_core.imaging import write_png

SHAPE = (64, 96)
ROAD, SKY, PERSON = 1, 7, 8
IS_PERSON = np.zeros(SHAPE, bool)
IS_PERSON[20:40, 30:50] = True


def class_map() -> np.ndarray:
    labels = np.full(SHAPE, SKY, np.uint8)
    labels[32:] = ROAD
    labels[IS_PERSON] = PERSON
    return labels


@pytest.fixture
def labelled(tmp_path: Path) -> Path:
    """Two pairs as FMB has them; the second shows one class and what is unlabelled, as a mask would."""
    noise = np.random.default_rng(0).integers(0, 40, SHAPE).astype(np.uint8)
    for name, labels in (("a", class_map()), ("b", IS_PERSON.astype(np.uint8))):
        write_png(tmp_path / "Visible" / f"{name}.png", np.dstack([noise + 200] * 3))
        write_png(tmp_path / "Infrared" / f"{name}.png", noise + 100 * IS_PERSON.astype(np.uint8))
        write_png(tmp_path / "Label" / f"{name}.png", labels)
    return tmp_path


def test_class_numbers_are_asked_for_their_objects(labelled: Path) -> None:
    pairs = find_pairs(labelled)
    sentence = r"a\.png: holds the values 1, 7, 8, which look like class numbers; .* or mask_classes"
    with pytest.raises(ClassMapError, match=sentence):
        with_mask_classes(pairs, ())
    with pytest.raises(ClassMapError, match=sentence):
        Annotations().objects_of(pairs[0], np.zeros(SHAPE, np.uint8), Scope.ALL)
    (outcome, _) = measure_pairs(pairs, [RuleMethod("maximum")])
    assert "look like class numbers" in outcome.problems[0]


def test_the_classes_that_are_named_are_the_objects(labelled: Path) -> None:
    first, second = with_mask_classes(find_pairs(labelled), [PERSON, 3])
    objects = Annotations().objects_of(first, np.zeros(SHAPE, np.uint8), Scope.ALL)
    assert np.array_equal(objects.mask, IS_PERSON)
    assert second.mask is not None
    assert not read_mask(second.mask, second.mask_classes).any(), "1 is the road"
    built = build_pair(first, GrabCutOutliner(), np.random.default_rng(0))
    assert not (built.mask & ~IS_PERSON).any()


@pytest.mark.parametrize("values", [(0, 1), (0, 255), (0, 8), (255, 255), (0, 0)])
@pytest.mark.parametrize("channels", [1, 3])
def test_a_mask_of_two_values_needs_no_classes(tmp_path: Path, values: tuple[int, int], channels: int) -> None:
    mask = np.where(IS_PERSON, np.uint8(values[1]), np.uint8(values[0]))
    write_png(tmp_path / "a.png", mask if channels == 1 else np.dstack([mask] * 3))
    assert np.array_equal(read_mask(tmp_path / "a.png"), mask > 0)


@pytest.mark.parametrize("values", [(1, 7), (7, 7), (1, 255), (0, 1, 2)])
def test_values_that_no_mask_has_are_refused(tmp_path: Path, values: tuple[int, ...]) -> None:
    write_png(tmp_path / "a.png", np.resize(np.array(values, np.uint8), SHAPE))
    with pytest.raises(ClassMapError, match="look like class numbers"):
        read_mask(tmp_path / "a.png")


def test_a_coloured_class_map_is_refused_in_any_case(tmp_path: Path) -> None:
    write_png(tmp_path / "a.png", np.asarray(cv2.applyColorMap(class_map() * 20, cv2.COLORMAP_JET)))
    with pytest.raises(ValueError, match="is in colour"):
        read_mask(tmp_path / "a.png", frozenset({PERSON}))
