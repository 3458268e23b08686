"""`epofusion ivoe build`: make overexposed training pairs as the paper does."""

from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from epofusion_ros.cli.console import clear_errors, finish, note, progress

if TYPE_CHECKING:
    from epofusion_core.data.outline import Outliner

ivoe = typer.Typer(help="Overexposed training pairs, the paper's IVOE pipeline.", no_args_is_help=True)


class Outline(str, Enum):
    """How objects are outlined within their boxes."""

    grabcut = "grabcut"
    sam = "sam"


SrcArgument = Annotated[Path, typer.Argument(help="Data root of pairs with boxes or masks.")]
ListOption = Annotated[Path | None, typer.Option("--list", help="Only the pairs that this file lists.")]
OutlineOption = Annotated[Outline, typer.Option(help="How objects are outlined within boxes.")]
CheckpointOption = Annotated[Path | None, typer.Option(help="Folder of a SAM checkpoint, for --outline sam.")]


@ivoe.command()
def build(
    src: SrcArgument,
    out: Annotated[Path, typer.Argument(help="Folder to write vi/, ir/, mask/, manifest.jsonl and preview.png to.")],
    list_file: ListOption = None,
    seed: Annotated[int, typer.Option(help="Seed of all that is random.")] = 0,
    outline: OutlineOption = Outline.grabcut,
    sam_checkpoint: CheckpointOption = None,
) -> None:
    """Build overexposed pairs; run again to resume."""
    from epofusion_core.data.ivoe import build_ivoe
    from epofusion_core.data.pairs import find_pairs

    with clear_errors():
        outliner = _outliner(outline, sam_checkpoint)
        pairs = find_pairs(src, list_file)
        with progress("building") as report:
            summary = build_ivoe(pairs, out, outliner, seed=seed, settings={"outline": outline.value}, report=report)
    note(f"{summary.kept} kept from an earlier run; look at {out / 'preview.png'}")
    finish(summary.built + summary.kept, "pairs", summary.failures)


@ivoe.command()
def outline(
    src: SrcArgument,
    out: Annotated[Path, typer.Argument(help="Folder to write the outlines to, NAME.png.")],
    list_file: ListOption = None,
    method: OutlineOption = Outline.grabcut,
    sam_checkpoint: CheckpointOption = None,
) -> None:
    """Outline the annotated objects of pairs, for glare that training draws anew each time (data.objects)."""
    from epofusion_core.data.ivoe import outline_pairs
    from epofusion_core.data.pairs import find_pairs

    with clear_errors():
        outliner = _outliner(method, sam_checkpoint)
        pairs = find_pairs(src, list_file)
        with progress("outlining") as report:
            summary = outline_pairs(pairs, out, outliner, report)
    finish(summary.built, "pairs", summary.failures)


def _outliner(method: Outline, sam_checkpoint: Path | None) -> "Outliner":
    from epofusion_core.data.outline import GrabCutOutliner, SamOutliner

    if method is Outline.grabcut:
        return GrabCutOutliner()
    if sam_checkpoint is None:
        raise ValueError("outline 'sam' has no checkpoint; expected --sam-checkpoint FOLDER")
    return SamOutliner(sam_checkpoint)
