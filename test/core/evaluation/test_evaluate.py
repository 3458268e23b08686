"""Measuring methods on pairs and clips: same figures however they are computed, and bad files never stop the rest."""

import shutil
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from epofusion_core.data.annotations import Box, MarkedBoxes
from epofusion_core.data.clips import find_clips
from epofusion_core.data.pairs import find_pairs
from epofusion_core.evaluation.evaluate import ItemResult, measure_clips, measure_pairs
from epofusion_core.evaluation.methods import FolderMethod, Method, ModelMethod, RuleMethod
from epofusion_core.exposure import overexposed_region
from epofusion_core.fuse_files import fuse_files
from epofusion_core.fuser import Fuser
from epofusion_core.imaging import luma, read_rgb, write_png
from epofusion_core.video import VideoWriter

RULES: list[Method] = [RuleMethod("maximum"), RuleMethod("average")]


def figures_of(outcomes: list[ItemResult]) -> list[tuple[str, str, list[tuple[str, float]]]]:
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
    methods: list[Method] = [
        ModelMethod("model", str(random_weights)),
        FolderMethod("model", tmp_path / "fused_by_model"),
    ]
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


def test_boxes_marked_in_the_glare_judge_masks_where_there_is_no_mask_file(glare_pairs: Path, tmp_path: Path) -> None:
    first, *_ = find_pairs(glare_pairs / "country")
    glare = overexposed_region(luma(read_rgb(first.visible)))
    predicted = np.zeros(glare.shape, np.uint8)
    predicted[20:50] = 255
    write_png(tmp_path / "results" / "mask" / first.visible.name, predicted)
    shutil.copytree(first.infrared.parent, tmp_path / "results" / "fused")
    method = FolderMethod("mine", tmp_path / "results")

    def figures(glare_boxes: MarkedBoxes) -> dict[str, float]:
        (outcome,) = measure_pairs([first], [method], glare_boxes=glare_boxes)
        return outcome.measurements[0].figures

    assert "mask_iou" not in figures({"another": []})
    assert figures({first.name: []})["mask_precision"] == 0, "a mask in glare that hides nothing is wrong"
    marked = figures({first.name: [Box(0, 0, 96, 64)]})
    inside = np.count_nonzero(glare[20:50])
    assert marked["mask_recall"] == pytest.approx(inside / np.count_nonzero(glare)), "only glare counts inside a box"
    assert marked["mask_precision"] == pytest.approx(inside / (30 * 96))


def test_a_marked_object_that_is_warm_counts_by_its_outline(tmp_path: Path) -> None:
    y, x = np.mgrid[0:64, 0:96]
    warm = ((x - 48) / 14) ** 2 + ((y - 32) / 20) ** 2 <= 1
    ground = np.random.default_rng(0).normal(50, 3, warm.shape)
    write_png(tmp_path / "vi" / "1.png", np.full((64, 96, 3), 255, np.uint8))
    write_png(tmp_path / "ir" / "1.png", np.where(warm, 140, ground).astype(np.uint8))
    write_png(tmp_path / "results" / "mask" / "1.png", warm.astype(np.uint8) * 255)
    shutil.copytree(tmp_path / "ir", tmp_path / "results" / "fused")
    boxes = {"1": [Box(33, 11, 64, 54)]}
    (outcome,) = measure_pairs(find_pairs(tmp_path), [FolderMethod("exact", tmp_path / "results")], glare_boxes=boxes)
    assert outcome.measurements[0].figures["mask_iou"] > 0.9


@pytest.mark.parametrize(
    ("name", "content", "complaint"),
    [
        ("town/vi/1.png", None, "is no image"),
        ("town/ir/1.png", np.zeros((64, 95), np.uint8), "expected equal sizes"),
        ("town/mask/1.png", np.zeros((20, 20), np.uint8), "expected equal sizes"),
    ],
)
def test_a_bad_file_is_named_once_and_the_other_pairs_are_measured(
    glare_pairs: Path, name: str, content: NDArray[np.uint8] | None, complaint: str
) -> None:
    if content is None:
        (glare_pairs / name).write_bytes(b"text")
    else:
        write_png(glare_pairs / name, content)
    outcomes = list(measure_pairs(find_pairs(glare_pairs), RULES))
    (problem,) = [problem for outcome in outcomes for problem in outcome.problems]
    assert problem.startswith(f"{glare_pairs / name}: ")
    assert complaint in problem
    assert [outcome.item for outcome in outcomes if not outcome.measurements] == ["town/1"]


def test_images_too_small_for_the_metrics_are_named(tmp_path: Path) -> None:
    for folder in ("vi", "ir"):
        write_png(tmp_path / folder / "tiny.png", np.zeros((40, 60), np.uint8))
    (outcome,) = measure_pairs(find_pairs(tmp_path), RULES)
    assert outcome.problems == [f"{tmp_path / 'vi' / 'tiny.png'}: is (40, 60) pixels; expected at least 41 a side"]


def test_a_result_that_is_missing_or_of_another_size_leaves_the_other_methods_alone(glare_pairs: Path) -> None:
    results = glare_pairs / "results"
    write_png(results / "0.png", np.zeros((10, 10), np.uint8))
    methods: list[Method] = [RuleMethod("maximum"), FolderMethod("mine", results)]
    first, second, _ = measure_pairs(find_pairs(glare_pairs / "town"), methods)
    assert [m.method for m in first.measurements + second.measurements] == ["maximum", "maximum"]
    assert first.problems == [
        f"mine, 0: {results / '0.png'}: is (10, 10), its sources are (64, 96) pixels; expected equal sizes"
    ]
    assert second.problems == [f"mine, 1: {results}: has no image named 1"]


def write_clip(root: Path, name: str, frames: int) -> None:
    for folder, level in (("vi", 100), ("ir", 50)):
        with VideoWriter(root / folder / f"{name}.mp4", 10.0) as video:
            for _ in range(frames):
                video.write(np.full((48, 64), level, np.uint8))


def test_clips_are_measured_and_a_broken_or_lonely_one_is_named(tmp_path: Path) -> None:
    for name, frames in (("still", 3), ("short", 1), ("broken", 3), ("lonely", 3)):
        write_clip(tmp_path, name, frames)
    (tmp_path / "vi" / "broken.mp4").write_bytes(b"no video")
    (tmp_path / "ir" / "lonely.mp4").unlink()
    clips, lonely = find_clips(tmp_path)
    assert lonely == [f"{tmp_path / 'vi' / 'lonely.mp4'}: has no video of the other camera"]
    broken, short, still = measure_clips(clips, [RuleMethod("average")], max_frames=10)
    assert "broken.mp4: cannot be read as a video" in broken.problems[0]
    assert "fewer than two frames" in short.problems[0]
    (measurement,) = still.measurements
    assert measurement.figures["flicker"] == pytest.approx(0, abs=0.5)


def test_a_folder_without_clips_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="expected folders vi/ and ir/ side by side"):
        find_clips(tmp_path)
    for folder in ("vi", "ir"):
        (tmp_path / folder).mkdir()
    with pytest.raises(ValueError, match="has no pair of videos"):
        find_clips(tmp_path)
