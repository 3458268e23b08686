"""Measures methods on image pairs and on video clips, in parallel processes. One bad file never stops the rest."""

import functools
import math
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field

import cv2
import numpy as np
from numpy.typing import NDArray

from epofusion_core.data.annotations import MarkedBoxes, outline_or_box
from epofusion_core.data.clips import Clip, read_clip
from epofusion_core.data.masks import read_mask
from epofusion_core.data.outline import GrabCutOutliner
from epofusion_core.data.pairs import FilePair
from epofusion_core.evaluation.analysed import Analysed
from epofusion_core.evaluation.exposure_metrics import mask_metrics
from epofusion_core.evaluation.measures import measures
from epofusion_core.evaluation.methods import Fused, Method, Sources
from epofusion_core.evaluation.steadiness import VideoFrame, steadiness
from epofusion_core.evaluation.thumbnails import Tile, tiles_of
from epofusion_core.evaluation.vif import MIN_SIDE_PX
from epofusion_core.exposure import overexposed_fraction, overexposed_region
from epofusion_core.imaging import GreyImage, RgbImage, read_rgb, read_thermal
from epofusion_core.model.config import MASK_THRESHOLD
from epofusion_core.parallel import map_in_processes
from epofusion_core.preparation import Preparation
from epofusion_core.registration.apply import Registration, RegistrationError

VIDEO_DATASET = "video"
"""Name under which clips stand beside the datasets of image pairs."""

_AS_THEY_ARE = Preparation()


@dataclass(frozen=True)
class Measurement:
    """The figures of one method on one pair or clip.

    Attributes:
        item: name of the pair or clip.
        dataset: the name's folder part; may be empty.
        method: name of the method.
        figures: by column key; a figure that does not apply is NaN or missing.
    """

    item: str
    dataset: str
    method: str
    figures: dict[str, float]


@dataclass(frozen=True)
class ItemResult:
    """All that measuring one pair or clip gave.

    Attributes:
        item: name of the pair or clip.
        measurements: one for each method that had a result.
        problems: one sentence for each input that could not be used.
        overexposed_fraction: share of the visible image that is blown out, in [0, 1]; NaN for clips.
        tiles: small pictures of sources and results for the contact sheet.
    """

    item: str
    measurements: list[Measurement] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    overexposed_fraction: float = math.nan
    tiles: list[Tile] = field(default_factory=list)


def measure_pairs(
    pairs: Sequence[FilePair],
    methods: Sequence[Method],
    jobs: int = 1,
    glare_boxes: MarkedBoxes | None = None,
    preparation: Preparation = _AS_THEY_ARE,
) -> Iterator[ItemResult]:
    """Yield the outcome of each pair, in order, computed by `jobs` processes.

    The true mask of a pair is its mask file, or, without one, what lies in its glare boxes and is overexposed.
    Each infrared image is prepared by itself.
    """
    measure = functools.partial(
        _measure_pair, methods=tuple(methods), glare_boxes=glare_boxes or {}, preparation=preparation
    )
    return map_in_processes(measure, pairs, jobs)


def measure_clips(
    clips: Sequence[Clip],
    methods: Sequence[Method],
    max_frames: int,
    jobs: int = 1,
    preparation: Preparation = _AS_THEY_ARE,
) -> Iterator[ItemResult]:
    """Yield the steadiness of each method on the first `max_frames` frames of each clip."""
    tasks = [(clip, method) for clip in clips for method in methods]
    measure = functools.partial(_measure_clip, max_frames=max_frames, preparation=preparation)
    return map_in_processes(measure, tasks, jobs)


def _measure_pair(
    pair: FilePair, methods: Sequence[Method], glare_boxes: MarkedBoxes, preparation: Preparation
) -> ItemResult:
    try:
        sources = _read_sources(pair, preparation)
        true_mask = _true_mask(pair, sources, glare_boxes)
    except (ValueError, cv2.error) as error:
        return ItemResult(pair.name, problems=[str(error)])
    measurements: list[Measurement] = []
    problems: list[str] = []
    results: dict[str, Fused] = {}
    visible, infrared = Analysed(sources.luma), Analysed(sources.infrared)
    for method in methods:
        try:
            fused = method.fuse(sources)
            figures = measures(visible, infrared, fused.grey) | _mask_figures(fused, true_mask)
        except (ValueError, cv2.error) as error:
            problems.append(f"{method.name}, {pair.name}: {error}")
            continue
        results[method.name] = fused
        measurements.append(Measurement(pair.name, pair.dataset, method.name, figures))
    fraction = overexposed_fraction(sources.luma)
    return ItemResult(pair.name, measurements, problems, fraction, tiles_of(sources, results, true_mask))


def _read_sources(pair: FilePair, preparation: Preparation) -> Sources:
    thermal = preparation.scaler()(read_thermal(pair.infrared))
    try:
        sources = _registered(pair.name, read_rgb(pair.visible), thermal, preparation)
    except RegistrationError as error:
        raise ValueError(f"{pair.infrared}: {error}") from error
    if min(sources.luma.shape) < MIN_SIDE_PX:
        raise ValueError(f"{pair.visible}: is {sources.luma.shape} pixels; expected at least {MIN_SIDE_PX} a side")
    return sources


def _registered(name: str, visible: RgbImage, thermal: GreyImage, preparation: Preparation) -> Sources:
    registered = _registration(preparation)(thermal, visible)
    return Sources(name, visible, registered.thermal, registered.coverage)


@functools.cache
def _registration(preparation: Preparation) -> Registration:
    """Return that of a process, which makes its lookups once."""
    return preparation.registration()


def _true_mask(pair: FilePair, sources: Sources, glare_boxes: MarkedBoxes) -> NDArray[np.bool_] | None:
    if pair.mask is not None:
        mask = read_mask(pair.mask, pair.mask_classes)
        if mask.shape != sources.luma.shape:
            raise ValueError(
                f"{pair.mask}: is {mask.shape}, its visible image {sources.luma.shape} pixels; expected equal sizes"
            )
        return mask
    if pair.name in glare_boxes:
        objects = outline_or_box(GrabCutOutliner(), sources.infrared, glare_boxes[pair.name])
        return objects & overexposed_region(sources.luma)
    return None


def _mask_figures(fused: Fused, true_mask: NDArray[np.bool_] | None) -> dict[str, float]:
    if true_mask is None or fused.mask is None:
        return {}
    agreement = asdict(mask_metrics(fused.mask >= MASK_THRESHOLD, true_mask))
    return {f"mask_{name}": value for name, value in agreement.items()}


def _measure_clip(task: tuple[Clip, Method], max_frames: int, preparation: Preparation) -> ItemResult:
    clip, method = task
    item = f"{VIDEO_DATASET}/{clip.name}"
    unpaired: list[str] = []
    try:
        figures = asdict(steadiness(_fused_frames(clip, method, max_frames, unpaired, preparation)))
    except (ValueError, cv2.error) as error:
        return ItemResult(item, problems=[f"{method.name}, {item}: {error}"])
    if math.isnan(figures["flicker"]):
        return ItemResult(item, problems=[f"{clip.visible}: has fewer than two frames together with {clip.infrared}"])
    return ItemResult(item, [Measurement(item, VIDEO_DATASET, method.name, figures)], unpaired)


def _fused_frames(
    clip: Clip, method: Method, max_frames: int, unpaired: list[str], preparation: Preparation
) -> Iterator[VideoFrame]:
    for visible, infrared in read_clip(clip, max_frames, problems=unpaired, scaling=preparation.scaling):
        sources = _registered(clip.name, visible, infrared, preparation)
        yield VideoFrame(sources.luma, sources.infrared, np.asarray(method.fuse(sources).grey))
