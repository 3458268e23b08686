"""The paper's IVOE pipeline (III-D): overexposed training pairs with exact glare and outlined infrared objects.

Objects of a pair are picked, light spots laid over some of them, the overexposed region thresholded, and what lies in
it of the infrared objects' outlines becomes mask M. Each pair is a pure function of the seed and its name, so that a
build can be interrupted, resumed and repeated with the same bytes.
"""

import json
import zlib
from dataclasses import asdict, dataclass, field
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from epofusion_core.atomic_file import write_text
from epofusion_core.data.annotations import Annotations, Box, Mask, Outliner, read_boxes
from epofusion_core.data.glare import LightSpot, add_glare, random_spot
from epofusion_core.data.masks import read_mask
from epofusion_core.data.pairs import FilePair
from epofusion_core.exposure import overexposed_region
from epofusion_core.imaging import GreyImage, RgbImage, luma, read_grey, read_rgb, write_png
from epofusion_core.progress import Progress

_MAX_OBJECTS = 3
_PREVIEW_PAIRS = 12
_PREVIEW_TILE_PX = (320, 240)
_MIN_OBJECT_SIDE_PX = 6


OUTPUTS = ("vi", "ir", "mask", "manifest.jsonl", "preview.png")
"""What `build_ivoe` writes."""


@dataclass(frozen=True)
class IvoePair:
    """One built pair.

    Attributes:
        visible: (H, W, 3) uint8, with glare.
        infrared: (H, W) uint8, as it was.
        mask: M, (H, W) bool: infrared objects inside the overexposed region.
        spots: the light that was added.
    """

    visible: RgbImage
    infrared: GreyImage
    mask: Mask
    spots: list[LightSpot]


@dataclass
class BuildSummary:
    """What became of the pairs.

    Attributes:
        built: pairs written in this run.
        kept: pairs that an earlier run had written.
        failures: one sentence for each pair that was skipped.
    """

    built: int = 0
    kept: int = 0
    failures: list[str] = field(default_factory=list)


def build_ivoe(
    pairs: list[FilePair],
    out: Path,
    outliner: Outliner,
    *,
    annotations: Annotations | None = None,
    seed: int = 0,
    settings: dict[str, str] | None = None,
    report: Progress = lambda *_: None,
) -> BuildSummary:
    """Build overexposed pairs in `out`/{vi,ir,mask}/NAME.png, with manifest.jsonl and preview.png.

    Args:
        pairs: pairs with boxes or masks; one that has neither, or cannot be read, is named and skipped.
        out: folder to write to; pairs that its manifest lists are kept.
        outliner: finds the objects within boxes; masks need none.
        annotations: boxes that win over those of the pairs.
        seed: of all that is random.
        settings: what else decides the result, such as the outline method; kept in the manifest.
        report: told of progress, (done, total).

    Raises:
        ValueError: `out` was built with another seed or other settings.
    """
    header = {"seed": seed, **(settings or {})}
    manifest = out / "manifest.jsonl"
    finished = _read_manifest(manifest, header)
    out.mkdir(parents=True, exist_ok=True)
    if not manifest.exists():
        write_text(manifest, json.dumps(header) + "\n")
    summary = BuildSummary()
    with manifest.open("a") as log:
        for done, pair in enumerate(pairs, start=1):
            name = pair.name.replace("/", "_")
            if name in finished:
                summary.kept += 1
            else:
                try:
                    built = build_pair(pair, outliner, _generator(seed, pair.name), annotations)
                except ValueError as error:
                    summary.failures.append(f"{pair.name}: {error}")
                else:
                    write_png(out / "vi" / f"{name}.png", built.visible)
                    write_png(out / "ir" / f"{name}.png", built.infrared)
                    write_png(out / "mask" / f"{name}.png", built.mask.astype(np.uint8) * 255)
                    entry = {"name": name, "source": pair.name, "spots": [asdict(spot) for spot in built.spots]}
                    log.write(json.dumps(entry) + "\n")
                    log.flush()
                    summary.built += 1
            report(done, len(pairs))
    _write_preview(out)
    return summary


def outline_pairs(
    pairs: list[FilePair],
    out: Path,
    outliner: Outliner,
    *,
    annotations: Annotations | None = None,
    report: Progress = lambda *_: None,
) -> BuildSummary:
    """Write the outlines of the annotated objects, `out`/NAME.png (0 or 255), which training takes as `data.objects`.

    Pairs that have no annotations or cannot be read are named and skipped. A pair without an object that is salient in
    the infrared gets an empty outline.
    """
    summary = BuildSummary()
    for done, pair in enumerate(pairs, start=1):
        try:
            infrared = read_grey(pair.infrared)
            _, masks = _objects(pair, infrared, outliner, annotations)
        except ValueError as error:
            summary.failures.append(f"{pair.name}: {error}")
        else:
            write_png(out / f"{pair.name}.png", _union(masks, infrared.shape).astype(np.uint8) * 255)
            summary.built += 1
        report(done, len(pairs))
    return summary


def build_pair(
    pair: FilePair, outliner: Outliner, rng: np.random.Generator, annotations: Annotations | None = None
) -> IvoePair:
    """Overexpose one pair.

    Raises:
        ValueError: the pair has no objects, its sizes differ, or a file cannot be read.
    """
    visible, infrared = read_rgb(pair.visible), read_grey(pair.infrared)
    if visible.shape[:2] != infrared.shape:
        raise ValueError(f"visible is {visible.shape[:2]}, infrared {infrared.shape} pixels; expected equal sizes")
    boxes, objects = _objects(pair, infrared, outliner, annotations)
    if not boxes:
        raise ValueError("has no object that is salient in the infrared; expected at least one")
    chosen = rng.permutation(len(boxes))[: int(rng.integers(1, _MAX_OBJECTS + 1))]
    spots = [
        random_spot(
            rng,
            (boxes[i].left + boxes[i].right) / 2,
            (boxes[i].top + boxes[i].bottom) / 2,
            float(np.sqrt(boxes[i].width * boxes[i].height)),
        )
        for i in chosen
    ]
    glared = add_glare(visible, spots)
    mask = overexposed_region(luma(glared)) & _union(objects, infrared.shape)
    return IvoePair(glared, infrared, mask, spots)


def _union(masks: list[Mask], shape: tuple[int, ...]) -> Mask:
    union = np.zeros(shape, bool)
    for mask in masks:
        union |= mask
    return union


def _objects(
    pair: FilePair, infrared: GreyImage, outliner: Outliner, annotations: Annotations | None
) -> tuple[list[Box], list[Mask]]:
    """Return boxes and masks of the objects that are salient in the infrared."""
    known = annotations.boxes_of(pair, *infrared.shape) if annotations else None
    if known is None and pair.boxes is not None:
        known = read_boxes(pair.boxes, *infrared.shape)
    if pair.mask is not None:
        boxes, masks = _components(read_mask(pair.mask, pair.mask_classes), infrared.shape)
    elif known is not None:
        boxes = [box for box in known if min(box.width, box.height) >= _MIN_OBJECT_SIDE_PX]
        masks = outliner(infrared, boxes)
    else:
        raise ValueError("has neither boxes nor a mask; expected one of them to know the objects")
    salient = [(box, mask) for box, mask in zip(boxes, masks, strict=True) if mask.any()]
    return [box for box, _ in salient], [mask for _, mask in salient]


def _components(mask: Mask, shape: tuple[int, ...]) -> tuple[list[Box], list[Mask]]:
    if mask.shape != shape:
        raise ValueError(f"mask is {mask.shape}, infrared {shape} pixels; expected equal sizes")
    count, labels, stats, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8))
    boxes, masks = [], []
    for index in range(1, count):
        left, top, width, height = (int(value) for value in stats[index, :4])
        if min(width, height) >= _MIN_OBJECT_SIDE_PX:
            boxes.append(Box(left, top, left + width, top + height))
            masks.append(np.asarray(labels == index))
    return boxes, masks


def _generator(seed: int, name: str) -> np.random.Generator:
    return np.random.default_rng((seed, zlib.crc32(name.encode())))


def _read_manifest(path: Path, header: dict[str, object]) -> set[str]:
    """Return the names of finished pairs; a last line cut off by an interruption does not count."""
    if not path.exists():
        return set()
    first, *lines = path.read_text().splitlines() or [""]
    if first != json.dumps(header):
        raise ValueError(f"{path.parent} was built with {first or 'nothing'}; expected {json.dumps(header)}")
    names = set()
    complete = []
    for line in lines:
        try:
            names.add(str(json.loads(line)["name"]))
        except (json.JSONDecodeError, KeyError):
            continue
        complete.append(line)
    write_text(path, "\n".join([first, *complete]) + "\n")
    return names


def _write_preview(out: Path) -> None:
    """Write the sheet to look at: visible with glare, infrared with M in red."""
    names = sorted(path.stem for path in (out / "mask").glob("*.png"))
    chosen = names[:: max(1, len(names) // _PREVIEW_PAIRS)][:_PREVIEW_PAIRS]
    rows = [_preview_row(out, name) for name in chosen]
    if rows:
        write_png(out / "preview.png", np.vstack(rows))


def _preview_row(out: Path, name: str) -> NDArray[np.uint8]:
    infrared = np.dstack([read_grey(out / "ir" / f"{name}.png")] * 3)
    mask = read_grey(out / "mask" / f"{name}.png") > 0
    marked = infrared.copy()
    marked[mask] = (0.5 * marked[mask] + np.array([127, 0, 0])).astype(np.uint8)
    tiles = (read_rgb(out / "vi" / f"{name}.png"), infrared, marked)
    return np.hstack([np.asarray(cv2.resize(t, _PREVIEW_TILE_PX, interpolation=cv2.INTER_AREA)) for t in tiles])
