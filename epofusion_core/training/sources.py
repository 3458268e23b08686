"""The pairs that a run trains on, in memory: image pairs, frames of videos, and simulated pairs."""

import warnings
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TypeVar

from epofusion_core.data.annotations import Annotations, Scope, read_box_corrections, read_marked_boxes
from epofusion_core.data.clips import find_clips
from epofusion_core.data.load import LoadedPair, load_clip, load_pair
from epofusion_core.data.masks import with_mask_classes
from epofusion_core.data.outline import GrabCutOutliner
from epofusion_core.data.pairs import FilePair, listed, scan_pairs
from epofusion_core.simulation import SCENES, Drive
from epofusion_core.training.config import TrainConfig

_FRAMES_PER_DRIVE = 6
_FRAME_STEP = 37

_Entries = TypeVar("_Entries")


def load_training_pairs(config: TrainConfig) -> list[LoadedPair]:
    """Read all training pairs into memory: real ones, frames of videos, and simulated ones with exact masks.

    Files without a partner are left out, with a warning that names each. Masks are learned from annotated pairs alone.

    Raises:
        ValueError: a pair cannot be read, or masks are to be trained and no pair is annotated.
    """
    data = config.data
    scan = scan_pairs(data.root, data.root / data.train_list if data.train_list else None)
    clips, lonely = find_clips(data.videos) if data.videos else ([], [])
    excluded = {pair.name for pair in listed(scan.pairs, data.exclude_list).pairs} if data.exclude_list else set()
    pairs = with_mask_classes([pair for pair in scan.pairs if pair.name not in excluded], data.mask_classes)
    annotations = Annotations(
        data.objects,
        _read_of(scan.pairs, data.object_boxes, read_marked_boxes),
        _read_of(scan.pairs, data.box_corrections, read_box_corrections),
        _read_of(scan.pairs, data.glare_boxes, read_marked_boxes),
        GrabCutOutliner() if data.outline_boxes else None,
    )
    # A pair in two scopes is loaded twice: crops with added glare, centred on any object, show little real glare.
    loaded = [load_pair(pair, annotations, scope) for pair in pairs for scope in annotations.scopes_of(pair)]
    for clip in clips:
        loaded += load_clip(clip, data.video_step, problems=lonely)
    for sentence in (*scan.unpaired, *lonely):
        warnings.warn(f"left out of training: {sentence}", stacklevel=2)
    loaded += simulated_pairs(data.simulated, config.seed)
    if config.stage == "masks":
        loaded = [pair for pair in loaded if pair.annotated]
        if not loaded:
            raise ValueError(
                "no training pair has annotated objects; expected masks, data.objects, object_boxes, glare_boxes or "
                "box_corrections"
            )
    return loaded


def _read_of(
    pairs: list[FilePair], file: Path | None, read: Callable[[Path], Mapping[str, _Entries]]
) -> Mapping[str, _Entries]:
    """Read the boxes or corrections of a file; warn of a file that names none of the pairs."""
    entries = read(file) if file else {}
    if file and not any(pair.name in entries for pair in pairs):
        warnings.warn(f"boxes {file} name no pair that is trained on", stacklevel=3)
    return entries


def simulated_pairs(count: int, seed: int) -> list[LoadedPair]:
    """Render pairs of all scenes, every second one without its glare, which training then draws anew.

    Args:
        count: number of pairs, 0 or more.
        seed: of the first drive; each drive gives a few frames, far apart.
    """
    pairs: list[LoadedPair] = []
    number = 0
    while len(pairs) < count:
        drive = Drive(seed + number, scene=SCENES[number % len(SCENES)])
        for index in range(min(_FRAMES_PER_DRIVE, count - len(pairs))):
            frame = drive.frame(index * _FRAME_STEP)
            visible = frame.visible if index % 2 else frame.clean_visible
            objects = frame.objects.astype("uint8")
            pairs.append(LoadedPair(f"simulated/{number}_{index}", visible, frame.thermal, objects, Scope.ALL))
        number += 1
    return pairs
