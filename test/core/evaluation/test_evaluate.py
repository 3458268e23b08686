"""Measuring methods on pairs and clips: same figures however they are computed, and bad files never stop the rest."""

import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest

from epofusion_core.data.pairs import find_pairs
from epofusion_core.evaluation.clips import find_clips
from epofusion_core.evaluation.evaluate import Measurement, Outcome, measure_clips, measure_pairs
from epofusion_core.evaluation.methods import FolderMethod, Method, ModelMethod, RuleMethod
from epofusion_core.fuse_files import fuse_files
from epofusion_core.fuser import Fuser
from epofusion_core.imaging import write_png
from epofusion_core.video import VideoWriter

RULES: list[Method] = [RuleMethod("maximum"), RuleMethod("average")]


def figures_of(outcomes: list[Outcome]) -> list[tuple[str, str, list[tuple[str, float]]]]:
    return [(m.item, m.method, sorted(m.figures.items())) for outcome in outcomes for m in outcome.measurements]


def test_two_processes_give_the_figures_of_one(glare_pairs: Path) -> None:
    pairs = find_pairs(glare_pairs)
    alone, shared = (list(measure_pairs(pairs, RULES, jobs)) for jobs in (1, 2))
    assert [outcome.item for outcome in shared] == [pair.name for pair in pairs]
    np.testing.assert_equal(figures_of(alone), figures_of(shared))


def test_a_model_gets_the_figures_of_the_images_that_it_writes(
    glare_pairs: Path, random_weights: Path, tmp_path: Path
) -> None:
    town = glare_pairs / "town"
    fuse_files(Fuser.load(random_weights), town / "vi", town / "ir", tmp_path / "fused_by_model")
    methods = [ModelMethod("model", str(random_weights)), FolderMethod("model", tmp_path / "fused_by_model")]
    by_model, by_folder = (list(measure_pairs(find_pairs(town), [method])) for method in methods)
    np.testing.assert_equal(figures_of(by_model), figures_of(by_folder))
    assert "mask_iou" in by_model[0].measurements[0].figures


def test_masks_are_compared_where_both_are_there(glare_pairs: Path) -> None:
    town = glare_pairs / "town"
    shutil.copytree(town / "ir", town / "results" / "fused")
    shutil.copytree(town / "mask", town / "results" / "mask")
    for outcome in measure_pairs(find_pairs(town), [FolderMethod("exact", town / "results"), RuleMethod("maximum")]):
        exact, rule = (measurement.figures for measurement in outcome.measurements)
        assert (exact["mask_iou"], exact["mask_precision"], exact["mask_recall"]) == (1, 1, 1)
        assert "mask_iou" not in rule


@pytest.mark.parametrize(
    ("name", "content", "complaint"),
    [
        ("town/vi/1.png", b"no image", "town/vi/1.png: is no image"),
        ("town/ir/1.png", np.zeros((64, 95), np.uint8), "town/ir/1.png: is .*expected equal sizes"),
        ("town/mask/1.png", np.zeros((20, 20), np.uint8), "town/mask/1.png: is .*expected equal sizes"),
    ],
)
def test_a_bad_file_is_named_and_the_other_pairs_are_measured(
    glare_pairs: Path, name: str, content: bytes | np.ndarray, complaint: str
) -> None:
    if isinstance(content, bytes):
        (glare_pairs / name).write_bytes(content)
    else:
        write_png(glare_pairs / name, content)
    outcomes = list(measure_pairs(find_pairs(glare_pairs), RULES))
    assert [outcome.item for outcome in outcomes if outcome.problems] == ["town/1"]
    bad = next(outcome for outcome in outcomes if outcome.problems)
    assert len(bad.problems) == 1
    pytest.approx(bad.problems[0])
    with pytest.raises(ValueError, match=complaint):
        raise ValueError(bad.problems[0])
    assert sum(len(outcome.measurements) for outcome in outcomes) == 8
