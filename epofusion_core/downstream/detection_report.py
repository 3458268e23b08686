"""What a judgement leaves: a table for each judge, ap50.csv, ap50.png, and misses/ with sheets of the worst misses."""

import csv
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from epofusion_core.atomic_file import replacing
from epofusion_core.downstream.average_precision import scores_of_objects
from epofusion_core.downstream.detect import ImageMaker, Judged, Score, frame_of, labels_of
from epofusion_core.downstream.detections import Boxes
from epofusion_core.downstream.truth import Part
from epofusion_core.evaluation.columns import Column
from epofusion_core.evaluation.methods import FolderMethod, Method, ModelMethod
from epofusion_core.evaluation.summary import Table, ranked_table
from epofusion_core.imaging import RgbImage, write_png

DETECTION_FILES = ("ap50.csv", "ap50.png", "misses")
"""What is written."""

_TILE_PX = 160
_CAPTION_PX = 18
_SURROUNDINGS = 1.0
"""Seen around an object on each side, of its longer side."""

_SURE = 0.3
"""Score of the best other method from which an object counts as missed: it can be recognised."""


def write_detection_report(
    out: Path,
    title: str,
    scores: Sequence[Score],
    judged: Sequence[Judged],
    maker: ImageMaker,
    methods: Sequence[Method],
    misses: int,
) -> None:
    """Write `DETECTION_FILES`; misses/ has JUDGE_METHOD.png for each method that is neither source nor rule."""
    write_csv(out / "ap50.csv", scores)
    plot(out / "ap50.png", scores, title)
    names, labels = [method.name for method in methods], labels_of(judged)
    for judge in dict.fromkeys(score.judge for score in scores):
        for method in methods:
            if isinstance(method, (ModelMethod, FolderMethod)):
                worst = worst_misses(judged, judge, method.name, names, labels, misses)
                write_sheet(out / "misses" / f"{judge}_{method.name}.png", worst, maker, methods)


def tables(scores: Sequence[Score]) -> list[Table]:
    """Return a table for each judge: a row a method, a column a class and part, over all seeds."""
    result = []
    for judge in dict.fromkeys(score.judge for score in scores):
        of_judge = [score for score in scores if score.judge == judge and score.seed is None]
        columns = [
            Column(f"{label} {part.value}", f"{label} {part.value}", f"AP50 of {label}, {part.value}")
            for label, part in dict.fromkeys((score.label, score.part) for score in of_judge)
        ]
        means: dict[str, dict[str, float]] = {}
        for score in of_judge:
            means.setdefault(score.method, {})[f"{score.label} {score.part.value}"] = score.precision.value
        methods = {score.method for score in of_judge}
        objects, in_glare = (
            sum(score.precision.objects for score in of_judge if score.part is part) // max(len(methods), 1)
            for part in (Part.ALL, Part.GLARE)
        )
        result.append(ranked_table(judge, objects, in_glare, columns, means))
    return result


def write_csv(path: Path, scores: Sequence[Score]) -> None:
    """Write AP50 of each judge, method, class, part and seed; empty where there is no object."""
    with replacing(path) as partial, partial.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["judge", "method", "class", "part", "seed", "ap50", "objects"])
        for score in scores:
            value = "" if math.isnan(score.precision.value) else f"{score.precision.value:.6g}"
            seed = "all" if score.seed is None else score.seed
            writer.writerow(
                [score.judge, score.method, score.label, score.part.value, seed, value, score.precision.objects]
            )


def plot(path: Path, scores: Sequence[Score], title: str) -> None:
    """Draw AP50 as bars: a row of plots for each judge, a plot for each class, a group for each part."""
    pooled = [score for score in scores if score.seed is None]
    judges, labels, methods = (
        list(dict.fromkeys(getattr(score, key) for score in pooled)) for key in ("judge", "label", "method")
    )
    figure = Figure(figsize=(5.5 * len(labels), 3.2 * len(judges) + 0.6), layout="constrained")
    figure.suptitle(title)
    width = 0.8 / len(methods)
    for row, judge in enumerate(judges):
        for column, label in enumerate(labels):
            axes = figure.add_subplot(len(judges), len(labels), row * len(labels) + column + 1)
            for index, method in enumerate(methods):
                values = {
                    score.part: score.precision.value
                    for score in pooled
                    if (score.judge, score.label, score.method) == (judge, label, method)
                }
                axes.bar(
                    np.arange(len(Part)) + index * width, [values.get(part, 0) for part in Part], width, label=method
                )
            axes.set_xticks(np.arange(len(Part)) + 0.4 - width / 2, [part.value for part in Part])
            axes.set_ylim(0, 1)
            axes.set_ylabel("AP50")
            axes.set_title(f"{judge}: {label}", fontsize=10)
            axes.grid(axis="y", alpha=0.3)
    figure.legend(*figure.axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=4, fontsize=8)
    with replacing(path) as partial:
        figure.savefig(partial, dpi=130, format="png")


@dataclass(frozen=True)
class Miss:
    """An object that a judge recognises in another method's image and not in this one's.

    Attributes:
        judged: of which pair.
        box: (4,) float64, where it is.
        label: its class.
        scores: how sure the judge is of it, by method.
        lost: how much surer it is of it in the best other image.
    """

    judged: Judged
    box: Boxes
    label: str
    scores: dict[str, float]
    lost: float


def worst_misses(
    judged: Sequence[Judged], judge: str, method: str, methods: Sequence[str], labels: Sequence[str], count: int
) -> list[Miss]:
    """Return the objects that a judge loses most of in the images of a method, the worst first."""
    misses = []
    for each in judged:
        for label in labels if {found.method for found in each.found} >= set(methods) else ():
            frames = {name: frame_of(each, judge, name, label, Part.ALL) for name in methods}
            known = {name: frame for name, frame in frames.items() if frame is not None}
            if not known:
                continue
            sure = {name: scores_of_objects(frame) for name, frame in known.items()}
            for index in np.flatnonzero(~known[method].ignored):
                by_method = {name: float(scores[index]) for name, scores in sure.items()}
                best = max(by_method.values())
                if best >= _SURE:
                    lost = best - by_method[method]
                    misses.append(Miss(each, known[method].truth[index], label, by_method, lost))
    return sorted(misses, key=lambda miss: -miss.lost)[:count]


def write_sheet(path: Path, misses: Sequence[Miss], maker: ImageMaker, methods: Sequence[Method]) -> None:
    """Write a picture of objects: a row an object, a column a method, with the judge's scores; none without objects."""
    rows = [_row(miss, maker, methods) for miss in misses]
    if rows:
        write_png(path, np.vstack(rows))


def _row(miss: Miss, maker: ImageMaker, methods: Sequence[Method]) -> RgbImage:
    sources, _ = maker.make(miss.judged.pair, miss.judged.seed)
    tiles = []
    for method in methods:
        tile = _cut_out(method.fuse(sources).rgb, miss.box)
        caption = np.zeros((_CAPTION_PX, _TILE_PX, 3), np.uint8)
        text = f"{method.name} {miss.scores[method.name]:.2f}"
        cv2.putText(caption, text, (3, 13), cv2.FONT_HERSHEY_SIMPLEX, 0.36, (255, 255, 255), 1, cv2.LINE_AA)
        tiles.append(np.vstack([caption, tile]))
    return np.hstack(tiles)


def _cut_out(image: RgbImage, box: NDArray[np.float64]) -> RgbImage:
    """Return the surroundings of a box, square, with the box drawn."""
    left, top, right, bottom = box
    side = (1 + 2 * _SURROUNDINGS) * max(right - left, bottom - top)
    x, y = (left + right - side) / 2, (top + bottom - side) / 2
    scale = _TILE_PX / side
    to_tile = np.array([[scale, 0, -x * scale], [0, scale, -y * scale]])
    tile = np.array(cv2.warpAffine(image, to_tile, (_TILE_PX, _TILE_PX)), dtype=np.uint8)
    near, far = ((round((u - x) * scale), round((v - y) * scale)) for u, v in ((left, top), (right, bottom)))
    return np.asarray(cv2.rectangle(tile, near, far, (255, 210, 0), 1), dtype=np.uint8)
