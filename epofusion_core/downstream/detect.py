"""Frozen judges on the images of each method: what they find, and AP50 by class and by part."""

import functools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from epofusion_core.data.annotations import Annotations
from epofusion_core.data.pairs import FilePair
from epofusion_core.downstream.average_precision import Frame, Precision, average_precision
from epofusion_core.downstream.detections import Detections
from epofusion_core.downstream.glare import Glare, add_test_glare
from epofusion_core.downstream.judges import Judge
from epofusion_core.downstream.labels import objects_of_labels, read_labels
from epofusion_core.downstream.truth import ANY_CLASS, CLASSES, Part, Truth, in_glare, truth_of
from epofusion_core.evaluation.methods import Method, Sources
from epofusion_core.imaging import read_grey, read_rgb
from epofusion_core.parallel import map_in_processes

_MOST_DETECTIONS = 100
"""In a picture, as COCO counts."""


@dataclass(frozen=True)
class ImageMaker:
    """How the images of a test are made of pairs.

    Attributes:
        annotations: objects that were marked.
        glare: what is added to the visible images.
        classes: names of the classes of the pairs' own boxes, or of the labels, by number.
        labels: folder of segmentation labels, NAME.png, that objects are taken from in place of boxes.
    """

    annotations: Annotations = field(default_factory=Annotations)
    glare: Glare = Glare.NONE
    classes: tuple[str, ...] = CLASSES
    labels: Path | None = None

    def make(self, pair: FilePair, seed: int) -> tuple[Sources, Truth]:
        """Return the images to fuse, and what is in them.

        Raises:
            ValueError: the pair cannot be read, its sizes differ, or nothing is known of its objects.
        """
        visible, infrared = read_rgb(pair.visible), read_grey(pair.infrared)
        if visible.shape[:2] != infrared.shape:
            raise ValueError(f"pair {pair.name}: visible is {visible.shape[:2]}, infrared {infrared.shape} pixels")
        height, width = infrared.shape
        truth = self._truth(pair, height, width)
        return Sources(pair.name, add_test_glare(visible, truth, self.glare, pair.name, seed), infrared), truth

    def _truth(self, pair: FilePair, height: int, width: int) -> Truth:
        if self.labels is not None:
            labels = read_labels(self.labels / f"{pair.name}.png", len(self.classes))
            return objects_of_labels(labels, self.classes)
        truth = truth_of(pair, self.annotations, height, width, self.classes)
        if truth is None:
            raise ValueError(f"pair {pair.name}: its objects are not known; expected boxes, or marked ones")
        return truth


@dataclass(frozen=True)
class Found:
    """What a judge found in the image of a method.

    Attributes:
        method: its name.
        judge: its name.
        detections: the surest.
        in_glare: (N,) bool, which of them lie in the glare.
    """

    method: str
    judge: str
    detections: Detections
    in_glare: NDArray[np.bool_]


@dataclass(frozen=True)
class Judged:
    """All that the judges found in the images of a pair.

    Attributes:
        pair: the pair.
        seed: of its test image.
        truth: what is there; None where the pair could not be used.
        in_glare: (M,) bool, which objects lie in the glare.
        found: by each judge in each method's image.
        problems: one sentence for each input that could not be used.
    """

    pair: FilePair
    seed: int
    truth: Truth | None = None
    in_glare: NDArray[np.bool_] = field(default_factory=lambda: np.zeros(0, bool))
    found: tuple[Found, ...] = ()
    problems: tuple[str, ...] = ()


def judge_pairs(
    pairs: Sequence[FilePair],
    seeds: Sequence[int],
    images: ImageMaker,
    methods: Sequence[Method],
    judges: Sequence[Judge],
    jobs: int = 1,
) -> Iterator[Judged]:
    """Yield what the judges find in each pair by each seed, in order, computed by `jobs` processes."""
    tasks = [(pair, seed) for seed in seeds for pair in pairs]
    work = functools.partial(_judge_pair, images=images, methods=tuple(methods), judges=tuple(judges))
    return map_in_processes(work, tasks, jobs)


def _judge_pair(
    task: tuple[FilePair, int], images: ImageMaker, methods: Sequence[Method], judges: Sequence[Judge]
) -> Judged:
    pair, seed = task
    try:
        sources, truth = images.make(pair, seed)
    except (ValueError, cv2.error) as error:
        return Judged(pair, seed, problems=(str(error),))
    found: list[Found] = []
    problems: list[str] = []
    for method in methods:
        try:
            image = method.fuse(sources).rgb
            for judge in judges:
                detections = judge.load()(image).surest(_MOST_DETECTIONS)
                found.append(Found(method.name, judge.name, detections, in_glare(detections.boxes, sources.luma)))
        except (ValueError, cv2.error) as error:
            problems.append(f"{method.name}, {pair.name}: {error}")
    return Judged(pair, seed, truth, in_glare(truth.boxes, sources.luma), tuple(found), tuple(problems))


@dataclass(frozen=True)
class Score:
    """AP50 of a judge on a method's images.

    Attributes:
        judge, method: their names.
        label: the class, or "object" where only boxes are known.
        part: of the pictures.
        seed: of the test images; None over all of them.
        precision: AP50, and over how many objects.
    """

    judge: str
    method: str
    label: str
    part: Part
    seed: int | None
    precision: Precision


def scores_of(judged: Sequence[Judged], judges: Sequence[Judge], methods: Sequence[str]) -> list[Score]:
    """Return AP50 of each judge, method, class, part and seed, and over all seeds; over pairs that all methods have."""
    used = [each for each in judged if each.truth and {found.method for found in each.found} == set(methods)]
    seeds = sorted({each.seed for each in used})
    result = []
    for judge in judges:
        known = judge.load().classes
        for label in [label for label in labels_of(used) if label == ANY_CLASS or label in known]:
            for method in methods:
                for part in Part:
                    for seed in [None, *seeds] if len(seeds) > 1 else [None]:
                        chosen = [each for each in used if seed in (None, each.seed)]
                        frames = [frame_of(each, judge.name, method, label, part) for each in chosen]
                        precision = average_precision([frame for frame in frames if frame])
                        result.append(Score(judge.name, method, label, part, seed, precision))
    return result


def labels_of(judged: Sequence[Judged]) -> list[str]:
    """Return the classes that there are objects of, and "object" where there are some whose classes are unknown."""
    truths = [each.truth for each in judged if each.truth]
    known = {label for truth in truths for label in truth.labels if label}
    return sorted(known) + ([ANY_CLASS] if any(not truth.has_classes for truth in truths) else [])


def frame_of(judged: Judged, judge: str, method: str, label: str, part: Part) -> Frame | None:
    """Return one picture for AP50; None where it says nothing about this class or part."""
    truth = judged.truth
    if truth is None or part not in truth.parts or truth.has_classes == (label == ANY_CLASS):
        return None
    found = next(each for each in judged.found if (each.method, each.judge) == (method, judge))
    wanted = None if label == ANY_CLASS else label
    of_class = np.array([wanted is None or each in (wanted, None) for each in truth.labels], bool)
    unknown = np.array([wanted is not None and each is None for each in truth.labels], bool)
    detected = np.array([wanted is None or each == wanted for each in found.detections.labels], bool)
    return Frame(
        boxes=found.detections.boxes[detected],
        scores=found.detections.scores[detected],
        uncounted=_outside(part, found.in_glare[detected]),
        truth=truth.boxes[of_class],
        ignored=(unknown | _outside(part, judged.in_glare))[of_class],
    )


def _outside(part: Part, glare: NDArray[np.bool_]) -> NDArray[np.bool_]:
    return {Part.ALL: np.zeros_like(glare), Part.GLARE: ~glare, Part.ELSEWHERE: glare}[part]
