"""The paper's Table VII: a detector trained equally long on each method's images, judged on its test images."""

from collections.abc import Sequence
from pathlib import Path

from epofusion_core.data.pairs import FilePair
from epofusion_core.downstream.detect import ImageMaker, Judged, Score, judge_pairs, scores_of
from epofusion_core.downstream.image_sets import images_of
from epofusion_core.downstream.judges import TRAINED, ULTRALYTICS, Judge
from epofusion_core.downstream.schedule import TrainingSchedule
from epofusion_core.evaluation.methods import FolderMethod

IMAGES = "images"
DETECTORS = "detectors"


def train_detector(out: Path, method: str, classes: Sequence[str], detector: str, schedule: TrainingSchedule) -> Judge:
    """Train a detector on the images of a method that `image_sets` wrote; one that is there already is kept.

    Args:
        out: folder with the image sets in images/; detectors/ is written.
        method: whose images.
        classes: names of the labels, by number.
        detector: a model of torchvision, or ultralytics:MODEL.
        schedule: how long.

    Raises:
        ValueError: there are no images, or the detector is unknown or not installed.
    """
    from epofusion_core.downstream.detectors.training import train_torchvision, train_ultralytics

    name = detector.rpartition(":")[2].partition(".")[0]
    images = images_of(out / IMAGES, method, "train")
    folder = out / DETECTORS / f"{method}_{name}_{schedule.name}"
    if detector.startswith(f"{ULTRALYTICS}:"):
        weights = folder / "run" / "weights" / "last.pt"
        if not weights.is_file():
            weights = train_ultralytics(images, classes, detector.partition(":")[2], schedule, folder)
        return Judge(name, f"{ULTRALYTICS}:{weights}")
    weights = folder / "detector.pth"
    if not weights.is_file():
        train_torchvision(images, classes, detector, schedule, weights)
    return Judge(name, f"{TRAINED}:{weights}")


def judge_method(
    pairs: Sequence[FilePair], seed: int, maker: ImageMaker, out: Path, method: str, judge: Judge, jobs: int = 1
) -> tuple[list[Judged], list[Score]]:
    """Judge the test images of a method by its own detector: what was found, and AP50."""
    images = FolderMethod(method, images_of(out / IMAGES, method, "test"))
    judged = list(judge_pairs(pairs, [seed], maker, [images], [judge], jobs))
    return judged, scores_of(judged, [judge], [method])
