"""The replay of one bag: read, pair, fuse, measure and write, overlapping. A pure function of bag and settings."""

import csv
import logging
import os
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from epofusion_ros.messages.conversion import to_rgb
from epofusion_ros.replay import checkpoint
from epofusion_ros.replay.bag import Bag, BagMessage
from epofusion_ros.replay.fuse import Measures, Outcome, fuse_pairs, measure
from epofusion_ros.replay.fused_bag import FusedBag
from epofusion_ros.replay.gallery import LAYERS, Gallery
from epofusion_ros.replay.prefetch import prefetch, spread
from epofusion_ros.replay.rows import FUSED, METHODS, PairRow, RowWriter, write_unmatched
from epofusion_ros.replay.schedule import Schedule
from epofusion_ros.replay.settings import ReplaySettings
from epofusion_ros.replay.summary import BagSummary, read_summary, summarise, write_summary
from epofusion_ros.replay.topics import choose_topics
from epofusion_ros.stream.frame_account import Fate
from epofusion_ros.stream.fuse_job import JobFuser
from epofusion_ros.stream.pictures import to_mono8
from epofusion_ros.stream.pipeline import FusionPipeline, load_fuser

if TYPE_CHECKING:
    from epofusion_core.fuser import Fuser

_LOG = logging.getLogger(__name__)
_READ_AHEAD, _FUSE_AHEAD = 16, 4


@dataclass(frozen=True)
class BagTask:
    """What to replay.

    Attributes:
        bag: folder or file.
        folder: where its files go.
        settings: what to do.
        resume: go on from what an interrupted run has left.
        threads: of the measuring, and of the network where the parameters name no number; 0 is one a core.
    """

    bag: Path
    folder: Path
    settings: ReplaySettings
    resume: bool = False
    threads: int = 0


def replay_bag(task: BagTask, report: Callable[[int, int], None] = lambda done, total: None) -> BagSummary:
    """Replay a bag into a folder: `fused/`, `pictures/`, metrics.csv, timing.csv, unmatched.csv, summary.json.

    Equal inputs give equal bytes, but for timing.csv, which says how fast this machine was.

    Args:
        task: what to replay.
        report: called with the RGB images read and their number.

    Raises:
        ValueError: the bag, its topics, a parameter or the weights cannot be used; the sentence says which.
    """
    parameters = task.settings.parameters
    notes = checkpoint.Checkpoint(task.folder, task.bag, task.settings)
    if task.resume and notes.finished():
        return read_summary(task.folder / checkpoint.SUMMARY)
    with Bag(task.bag) as bag:
        topics = choose_topics(str(task.bag), bag.image_topics(), task.settings.rgb_topic, task.settings.thermal_topic)
        info_topic = bag.camera_info_topic(topics.rgb.name)
        names = [topics.rgb.name, topics.thermal.name, *([info_topic] if info_topic else [])]
        schedule = Schedule(topics, task.settings)
        fuser = load_fuser(replace(parameters, threads=parameters.threads or task.threads), _LOG.info)
        pipeline = FusionPipeline(fuser, parameters)
        pipeline.warm_up(parameters.warmup.height, parameters.warmup.width)
        fuse = JobFuser(pipeline, parameters)
        earlier = notes.begin(resume=task.resume)

        def watched() -> Iterator[BagMessage]:
            read = 0
            for message in bag.messages(names):
                read += message.topic == topics.rgb.name
                report(read, topics.rgb.messages)
                yield message

        with (
            closing(prefetch(lambda: schedule.pairs(watched()), _READ_AHEAD)) as scheduled,
            closing(prefetch(lambda: fuse_pairs(scheduled, fuse, earlier.rows), _FUSE_AHEAD)) as outcomes,
        ):
            rows = _write(outcomes, task, earlier)
        summary = summarise(task.bag, _described(fuser), schedule, rows, bag.damage)
    write_unmatched(task.folder / checkpoint.UNMATCHED, schedule.unmatched_rgb())
    write_summary(task.folder / checkpoint.SUMMARY, summary)
    return summary


def _described(fuser: "Fuser") -> str:
    engine = fuser.engine
    return f"{fuser.card.name} by {engine.name}, {engine.precision}, on {engine.device}"


def _write(outcomes: Iterator[Outcome], task: BagTask, earlier: checkpoint.Earlier) -> list[PairRow]:
    """Measure and write what comes, after what an earlier run has done; return all rows."""
    rows = list(earlier.rows)
    gallery = Gallery(task.folder / checkpoint.PICTURES, task.settings.pictures)
    measure_some = partial(_measured, settings=task.settings)
    with (
        FusedBag(task.folder / checkpoint.FUSED_BAG) as fused_bag,
        RowWriter(task.folder / checkpoint.METRICS) as metrics,
        (task.folder / checkpoint.TIMING).open("w", newline="", encoding="utf-8") as timing_file,
        closing(spread(measure_some, outcomes, task.threads or os.cpu_count() or 1)) as measured,
    ):
        timing = csv.writer(timing_file)
        timing.writerow(["stamp_ns", "inference_ms"])
        for message in earlier.written():
            fused_bag.copy(message)
        for row in rows:
            metrics.write(row)
            if row.fate is Fate.FUSED:
                gallery.offer(row, None)
        fused_rows = (row for row in rows if row.fate is Fate.FUSED)
        timing.writerows(zip((row.stamp_ns for row in fused_rows), earlier.times_ms, strict=False))
        for outcome, measures in measured:
            row = outcome.row
            if outcome.result is not None and measures is not None:
                header, info = outcome.scheduled.pair.rgb.header, outcome.scheduled.camera_info
                row = replace(
                    row,
                    bag_messages=fused_bag.write(outcome.result, header, info, row.published_ns),
                    overexposed_fraction=measures.overexposed_fraction,
                    figures=measures.figures,
                )
                timing.writerow([row.stamp_ns, f"{outcome.inference_ms:.3f}"])
                timing_file.flush()
                gallery.offer(row, partial(_pictures, outcome))
            metrics.write(row)
            rows.append(row)
    earlier.forget()
    return rows


def _measured(outcome: Outcome, settings: ReplaySettings) -> tuple[Outcome, Measures | None]:
    methods: tuple[str, ...] = ()
    if outcome.number % settings.compare_every == 0:
        methods = METHODS
    elif outcome.number % settings.measure_every == 0:
        methods = (FUSED,)
    return outcome, measure(outcome, methods)


def _pictures(outcome: Outcome) -> dict[str, NDArray[np.uint8]]:
    """Return the layers of a fused pair for the gallery."""
    assert outcome.fused is not None
    result = outcome.fused.result
    pictures = to_rgb(outcome.scheduled.pair.rgb.message), outcome.fused.thermal, result.fused_rgb
    return dict(zip(LAYERS, (*pictures, to_mono8(result.guidance)), strict=True))
