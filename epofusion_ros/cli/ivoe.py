"""`epofusion ivoe build`: make overexposed training pairs as the paper does."""

import hashlib
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Optional

import typer

from epofusion_ros.cli import options
from epofusion_ros.cli.console import clear_errors, finish, note, progress

if TYPE_CHECKING:
    from epofusion_core.data.annotations import Annotations, Outliner

ivoe = typer.Typer(help="Overexposed training pairs, the paper's IVOE pipeline.", no_args_is_help=True)


class Outline(str, Enum):
    """How objects are outlined within their boxes."""

    grabcut = "grabcut"
    sam = "sam"


SrcArgument = Annotated[Path, typer.Argument(help="Data root of pairs with boxes or masks.")]
ListOption = Annotated[Optional[Path], typer.Option("--list", help="Only the pairs that this file lists.")]
OutlineOption = Annotated[Outline, typer.Option(help="How objects are outlined within boxes.")]
ObjectBoxesOption = Annotated[
    Optional[Path],
    typer.Option(help="CSV file of pairs whose objects are marked, as training takes it (data.object_boxes)."),
]
BoxCorrectionsOption = Annotated[
    Optional[Path], typer.Option(help="CSV file of what is wrong with the boxes of pairs (data.box_corrections).")
]
CheckpointOption = Annotated[Optional[Path], typer.Option(help="Folder of a SAM checkpoint, for --outline sam.")]


@ivoe.command()
def build(
    src: SrcArgument,
    out: Annotated[Path, typer.Argument(help="Folder to write vi/, ir/, mask/, manifest.jsonl and preview.png to.")],
    list_file: ListOption = None,
    seed: Annotated[int, typer.Option(help="Seed of all that is random.")] = 0,
    object_boxes: ObjectBoxesOption = None,
    box_corrections: BoxCorrectionsOption = None,
    mask_classes: options.MaskClasses = None,
    outline: OutlineOption = Outline.grabcut,
    sam_checkpoint: CheckpointOption = None,
    overwrite: options.Overwrite = False,
    quiet: options.Quiet = False,
) -> None:
    """Build overexposed pairs; run again to resume."""
    from epofusion_core.data.ivoe import OUTPUTS, build_ivoe
    from epofusion_core.data.masks import with_mask_classes
    from epofusion_core.data.pairs import scan_pairs
    from epofusion_core.output_guard import OutputFolder

    output = OutputFolder(out, "ivoe build", OUTPUTS)
    with clear_errors():
        output.check([src, list_file, object_boxes, box_corrections, sam_checkpoint], overwrite=overwrite)
        outliner = _outliner(outline, sam_checkpoint)
        scan = scan_pairs(src, list_file)
        pairs = with_mask_classes(scan.pairs, mask_classes or ())
        annotations = _annotations(object_boxes, box_corrections)
        settings = {"outline": outline.value, **_checksums(object_boxes=object_boxes, box_corrections=box_corrections)}
        if mask_classes:
            settings["mask_classes"] = ",".join(map(str, sorted(set(mask_classes))))
        output.mark()
        with progress("building") as report:
            summary = build_ivoe(
                pairs, out, outliner, annotations=annotations, seed=seed, settings=settings, report=report
            )
    note(f"{summary.kept} kept from an earlier run; look at {out / 'preview.png'}")
    finish(summary.built + summary.kept, "pairs", scan.unpaired + summary.failures)


@ivoe.command()
def outline(
    src: SrcArgument,
    out: Annotated[Path, typer.Argument(help="Folder to write the outlines to, NAME.png.")],
    list_file: ListOption = None,
    object_boxes: ObjectBoxesOption = None,
    box_corrections: BoxCorrectionsOption = None,
    mask_classes: options.MaskClasses = None,
    method: OutlineOption = Outline.grabcut,
    sam_checkpoint: CheckpointOption = None,
    overwrite: options.Overwrite = False,
    quiet: options.Quiet = False,
) -> None:
    """Outline the annotated objects of pairs, for glare that training draws anew each time (data.objects)."""
    from epofusion_core.data.ivoe import outline_pairs
    from epofusion_core.data.masks import with_mask_classes
    from epofusion_core.data.pairs import scan_pairs
    from epofusion_core.output_guard import OutputFolder

    with clear_errors():
        scan = scan_pairs(src, list_file)
        names = {f"{pair.name}.png".partition("/")[0] for pair in scan.pairs}
        output = OutputFolder(out, "ivoe outline", sorted(names))
        output.check([src, list_file, object_boxes, box_corrections, sam_checkpoint], overwrite=overwrite)
        pairs = with_mask_classes(scan.pairs, mask_classes or ())
        outliner = _outliner(method, sam_checkpoint)
        annotations = _annotations(object_boxes, box_corrections)
        output.mark()
        with progress("outlining") as report:
            summary = outline_pairs(pairs, out, outliner, annotations=annotations, report=report)
    finish(summary.built, "pairs", scan.unpaired + summary.failures)


def _annotations(object_boxes: Path | None, box_corrections: Path | None) -> "Annotations":
    from epofusion_core.data.annotations import Annotations, read_box_corrections, read_marked_boxes

    return Annotations(
        object_boxes=read_marked_boxes(object_boxes) if object_boxes else {},
        box_corrections=read_box_corrections(box_corrections) if box_corrections else {},
    )


def _checksums(**files: Path | None) -> dict[str, str]:
    """Return what tells whether a file has changed since a build was begun, of those that were given."""
    return {name: hashlib.sha256(file.read_bytes()).hexdigest()[:12] for name, file in files.items() if file}


def _outliner(method: Outline, sam_checkpoint: Path | None) -> "Outliner":
    from epofusion_core.data.outline import GrabCutOutliner, SamOutliner

    if method is Outline.grabcut:
        return GrabCutOutliner()
    if sam_checkpoint is None:
        raise ValueError("outline 'sam' has no checkpoint; expected --sam-checkpoint FOLDER")
    return SamOutliner(sam_checkpoint)
