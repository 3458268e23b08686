"""A detector is trained equally long on each method's images, and resumes where it was interrupted."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from epofusion_core.data.pairs import find_pairs
from epofusion_core.downstream.detect import ImageMaker
from epofusion_core.downstream.detectors.training import load_trained, train_torchvision
from epofusion_core.downstream.glare import Glare
from epofusion_core.downstream.image_sets import images_of, write_fused, write_pairs
from epofusion_core.downstream.schedule import TrainingSchedule
from epofusion_core.downstream.trained_detection import judge_method, train_detector
from epofusion_core.evaluation.methods import Method, RuleMethod, SourceMethod
from epofusion_core.imaging import read_rgb

DETECTOR = "ssdlite320_mobilenet_v3_large"
QUICK = TrainingSchedule(iterations=2, batch=2, seed=3)
METHODS: list[Method] = [SourceMethod("infrared"), RuleMethod("maximum")]


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    """Several threads on such small images wait for each other, and all the more where tests run side by side."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def test_a_detector_trained_here_is_loaded_with_its_classes_and_equal_training_gives_an_equal_one(
    walkers: Path, tmp_path: Path
) -> None:
    (walkers / "images").symlink_to(walkers / "ir")
    (walkers / "labels").symlink_to(walkers / "boxes")
    losses = [
        train_torchvision(walkers / "images", ["person", "car"], DETECTOR, QUICK, tmp_path / name) for name in "ab"
    ]
    assert losses[0] == losses[1]
    assert all(loss > 0 for loss in losses[0])
    detectors = [load_trained(tmp_path / name) for name in "ab"]
    assert detectors[0].classes == ("person", "car")
    image = read_rgb(walkers / "ir" / "0.png")
    assert detectors[0](image).boxes.tolist() == detectors[1](image).boxes.tolist()


def test_a_set_holds_each_methods_images_with_labels_and_is_kept_when_run_again(walkers: Path, tmp_path: Path) -> None:
    maker = ImageMaker(glare=Glare.SPOTS)
    assert write_fused(find_pairs(walkers), maker, METHODS, 0, tmp_path, "train") == []
    image = images_of(tmp_path, "maximum", "train") / "2.png"
    labels = tmp_path / "maximum" / "train" / "labels" / "2.txt"
    assert labels.read_text().splitlines()[0] == "0 0.125000 0.437500 0.083333 0.125000"
    before = image.stat().st_mtime_ns
    (images_of(tmp_path, "infrared", "train") / "1.png").unlink()
    assert write_fused(find_pairs(walkers), maker, METHODS, 0, tmp_path, "train") == []
    assert image.stat().st_mtime_ns == before
    assert (images_of(tmp_path, "infrared", "train") / "1.png").is_file()
    with pytest.raises(ValueError, match="was made with"):
        write_fused(find_pairs(walkers), maker, METHODS, 1, tmp_path, "train")


def test_each_methods_detector_judges_its_own_test_images(walkers: Path, tmp_path: Path) -> None:
    pairs, maker = find_pairs(walkers), ImageMaker()
    for split in ("train", "test"):
        write_fused(pairs, maker, METHODS[:1], 0, tmp_path / "images", split)
    judge = train_detector(tmp_path, "infrared", maker.classes, DETECTOR, QUICK)
    weights = Path(judge.source.partition(":")[2])
    trained_at = weights.stat().st_mtime_ns
    assert train_detector(tmp_path, "infrared", maker.classes, DETECTOR, QUICK) == judge
    assert weights.stat().st_mtime_ns == trained_at
    judged, scores = judge_method(pairs, 0, maker, tmp_path, "infrared", judge)
    assert not any(each.problems for each in judged)
    assert {score.label for score in scores} == {"person"}
    assert all(0 <= score.precision.value <= 1 for score in scores if score.precision.objects)


def test_a_detector_that_torchvision_lacks_is_refused(walkers: Path, tmp_path: Path) -> None:
    write_fused(find_pairs(walkers), ImageMaker(), METHODS[:1], 0, tmp_path / "images", "train")
    with pytest.raises(ValueError, match="torchvision has no detector 'yolo99'"):
        train_detector(tmp_path, "infrared", ["person"], "yolo99", QUICK)


def test_pairs_of_a_test_can_be_fused_elsewhere_and_found_again(walkers: Path, tmp_path: Path) -> None:
    maker = ImageMaker(glare=Glare.SPOTS)
    assert write_pairs(find_pairs(walkers), maker, 5, tmp_path / "test") == []
    written = find_pairs(tmp_path / "test")
    for pair, original in zip(written, find_pairs(walkers), strict=True):
        expected, truth = maker.make(original, 5)
        found, known = ImageMaker().make(pair, 0)
        assert (found.visible == expected.visible).all()
        assert (found.infrared == expected.infrared).all()
        assert (known.boxes == truth.boxes).all()
    with pytest.raises(ValueError, match="is not empty; expected a new folder"):
        write_pairs(find_pairs(walkers), maker, 5, tmp_path / "test")
