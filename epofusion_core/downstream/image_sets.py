"""Image sets on disk: the pairs of a test for other methods to fuse, and each method's fused images with labels.

A set for training lies as `<method>/<split>/{images,labels}/NAME`, labels being YOLO lines `class cx cy w h`.
"""

import functools
import json
from collections.abc import Callable, Sequence
from pathlib import Path

import cv2

from epofusion_core.atomic_file import write_text
from epofusion_core.data.pairs import FilePair
from epofusion_core.downstream.detect import ImageMaker
from epofusion_core.downstream.truth import Truth
from epofusion_core.evaluation.methods import Method
from epofusion_core.imaging import write_png
from epofusion_core.parallel import map_in_processes

_SETTINGS = "settings.json"


def write_pairs(pairs: Sequence[FilePair], maker: ImageMaker, seed: int, out: Path, jobs: int = 1) -> list[str]:
    """Write the pairs of a test as `out`[/dataset]/{vi,ir,boxes}, and return one sentence for each that failed.

    Raises:
        ValueError: `out` holds something already.
    """
    if out.exists() and any(out.iterdir()):
        raise ValueError(f"{out} is not empty; expected a new folder")
    work = functools.partial(_write_pair, maker=maker, seed=seed, out=out)
    return [problem for problem in map_in_processes(work, pairs, jobs) if problem]


def _write_pair(pair: FilePair, maker: ImageMaker, seed: int, out: Path) -> str:
    try:
        sources, truth = maker.make(pair, seed)
    except (ValueError, cv2.error) as error:
        return str(error)
    folder, stem = out / pair.dataset, pair.name.rpartition("/")[2]
    write_png(folder / "vi" / f"{stem}.png", sources.visible)
    write_png(folder / "ir" / f"{stem}.png", sources.infrared)
    if truth.has_classes:
        _write_labels(folder / "boxes" / f"{stem}.txt", truth, maker.classes, *sources.infrared.shape)
    return ""


def write_fused(
    pairs: Sequence[FilePair],
    maker: ImageMaker,
    methods: Sequence[Method],
    seed: int,
    out: Path,
    split: str,
    jobs: int = 1,
    report: Callable[[int, int], None] = lambda *_: None,
) -> list[str]:
    """Write each method's fused images of a split, and return one sentence for each pair that failed.

    What is there already is kept.

    Args:
        pairs: to fuse.
        maker: makes the images to fuse.
        methods: that fuse.
        seed: of the glare.
        out: folder of all sets.
        split: "train" or "test".
        jobs: processes.
        report: told of progress, (done, total).

    Raises:
        ValueError: `out` was made with other settings.
    """
    _check_settings(out, split, {"glare": maker.glare.value, "seed": seed, "classes": list(maker.classes)})
    work = functools.partial(_fuse_pair, maker=maker, methods=tuple(methods), seed=seed, out=out, split=split)
    problems: list[str] = []
    for done, found in enumerate(map_in_processes(work, pairs, jobs), start=1):
        problems += found
        report(done, len(pairs))
    return problems


def _fuse_pair(
    pair: FilePair, maker: ImageMaker, methods: Sequence[Method], seed: int, out: Path, split: str
) -> list[str]:
    missing = [method for method in methods if not _image(out, method.name, split, pair.name).is_file()]
    if not missing:
        return []
    try:
        sources, truth = maker.make(pair, seed)
    except (ValueError, cv2.error) as error:
        return [str(error)]
    problems = []
    for method in missing:
        try:
            fused = method.fuse(sources).rgb
        except (ValueError, cv2.error) as error:
            problems.append(f"{method.name}, {pair.name}: {error}")
            continue
        _write_labels(
            out / method.name / split / "labels" / f"{pair.name}.txt", truth, maker.classes, *sources.infrared.shape
        )
        write_png(_image(out, method.name, split, pair.name), fused)
    return problems


def images_of(out: Path, method: str, split: str) -> Path:
    """Return the folder of a method's images of a split."""
    return out / method / split / "images"


def _image(out: Path, method: str, split: str, name: str) -> Path:
    return images_of(out, method, split) / f"{name}.png"


def _write_labels(path: Path, truth: Truth, classes: Sequence[str], height: int, width: int) -> None:
    """Write the objects whose class is known."""
    lines = []
    for (left, top, right, bottom), label in zip(truth.boxes, truth.labels, strict=True):
        if label is not None:
            x, y = (left + right) / 2 / width, (top + bottom) / 2 / height
            size = (right - left) / width, (bottom - top) / height
            lines.append(f"{classes.index(label)} {x:.6f} {y:.6f} {size[0]:.6f} {size[1]:.6f}\n")
    write_text(path, "".join(lines))


def _check_settings(out: Path, split: str, settings: dict[str, object]) -> None:
    path = out / f"{split}_{_SETTINGS}"
    if path.is_file() and json.loads(path.read_text()) != settings:
        raise ValueError(f"{out} was made with {path.read_text()}; expected {json.dumps(settings)}, or a new folder")
    write_text(path, json.dumps(settings))
