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
from epofusion_ros.parameters.node_parameters import NodeParameters
from epofusion_ros.replay import checkpoint
from epofusion_ros.replay.bag import Bag, BagMessage
from epofusion_ros.replay.fuse import Measures, Outcome, fuse_pairs, measure
from epofusion_ros.replay.fused_bag import FusedBag
from epofusion_ros.replay.gallery import LAYERS, Gallery
from epofusion_ros.replay.prefetch import prefetch, spread
from epofusion_ros.replay.remote_bag import BagSource, bag_name, local_copies
from epofusion_ros.replay.rows import FUSED, METHODS, PairRow, RowWriter, reopened, write_unmatched
from epofusion_ros.replay.schedule import Schedule
from epofusion_ros.replay.settings import ReplaySettings
from epofusion_ros.replay.summary import BagSummary, read_summary, summarise, write_summary
from epofusion_ros.replay.topics import TopicPair, choose_topics
from epofusion_ros.stream.frame_account import Fate
from epofusion_ros.stream.fuse_job import JobFuser
from epofusion_ros.stream.pictures import overlay, to_mono8
from epofusion_ros.stream.pipeline import FusionPipeline, load_fuser

if TYPE_CHECKING:
    from epofusion_core.fuser import Fuser

LoadFuser = Callable[[NodeParameters], "Fuser"]

_LOG = logging.getLogger(__name__)
_READ_AHEAD, _FUSE_AHEAD = 16, 4


@dataclass(frozen=True)
class BagTask:
    """What to replay.

    Attributes:
        bag: folder or file, here or behind an address.
        folder: where its files go.
        settings: what to do.
        resume: go on from what an interrupted run has left.
        threads: of the measuring, and of the network where the parameters name no number; 0 is one a core.
        beside: further bags of the same drive, recorded at the same time.
    """

    bag: BagSource
    folder: Path
    settings: ReplaySettings
    resume: bool = False
    threads: int = 0
    beside: tuple[BagSource, ...] = ()

    @property
    def bags(self) -> tuple[BagSource, ...]:
        """All bags of the drive."""
        return self.bag, *self.beside

    @property
    def name(self) -> str:
        """The bags' names."""
        return " + ".join(map(bag_name, self.bags))


def load_warm_fuser(parameters: NodeParameters) -> "Fuser":
    """Load the model that parameters ask for, and have it prepare itself.

    Raises:
        ValueError: it cannot be used; the sentence says why.
    """
    fuser = load_fuser(parameters, _LOG.info)
    FusionPipeline(fuser, parameters).warm_up(parameters.warmup.height, parameters.warmup.width)
    return fuser


def replay_bag(
    task: BagTask,
    report: Callable[[int, int], None] = lambda done, total: None,
    say: Callable[[str], None] = _LOG.info,
    load: LoadFuser = load_warm_fuser,
) -> BagSummary:
    """Replay a bag into a folder: `fused/`, `pictures/`, metrics.csv, timing.csv, unmatched.csv, summary.json.

    Equal inputs give equal bytes, but for timing.csv, which says how fast this machine was. All files come at the end.

    Args:
        task: what to replay.
        report: called with the RGB images read and their number.
        say: told what is chosen, in a sentence.
        load: returns the model that parameters ask for; whoever replays several bags keeps it.

    Raises:
        ValueError: the bag, its topics, a parameter or the weights cannot be used; the sentence says which.
    """
    parameters = task.settings.parameters
    notes = checkpoint.Checkpoint(task.folder, task.bags, task.settings)
    if task.resume and notes.finished():
        return read_summary(task.folder / checkpoint.SUMMARY)
    with local_copies(task.bags, task.folder / checkpoint.COPIES) as paths, Bag(*paths) as bag:
        topics = topics_of(bag, task.name, task.settings)
        say(f"{task.name}: RGB is {topics.rgb}, thermal is {topics.thermal}")
        info_topic = bag.camera_info_topic(topics.rgb.name)
        names = [topics.rgb.name, topics.thermal.name, *([info_topic] if info_topic else [])]
        schedule = Schedule(topics, task.settings)
        fuser = load(replace(parameters, threads=parameters.threads or task.threads))
        fuse = JobFuser(FusionPipeline(fuser, parameters), parameters)
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
            rows = _write(outcomes, task, notes.unfinished, earlier)
        summary = summarise(task.name, _described(fuser), schedule, rows, bag.damage)
    write_unmatched(notes.unfinished / checkpoint.UNMATCHED, schedule.unmatched_rgb())
    write_summary(notes.unfinished / checkpoint.SUMMARY, summary)
    notes.finish()
    return summary


def topics_of(bag: Bag, name: str, settings: ReplaySettings) -> TopicPair:
    """Return the topics of a bag that are fused.

    Raises:
        ValueError: see `choose_topics`; what of the bag cannot be read is said, too.
    """
    try:
        return choose_topics(name, bag.image_topics(), settings.rgb_topic, settings.thermal_topic, bag.other_topics())
    except ValueError as error:
        raise ValueError("; ".join([str(error), *bag.damage])) from error


def _described(fuser: "Fuser") -> str:
    engine = fuser.engine
    return f"{fuser.card.name} by {engine.name}, {engine.precision}, on {engine.device}"


def _write(outcomes: Iterator[Outcome], task: BagTask, folder: Path, earlier: checkpoint.Earlier) -> list[PairRow]:
    """Measure and write what comes, after what an earlier run has done; return all rows."""
    rows = list(earlier.rows)
    gallery = Gallery(folder / checkpoint.PICTURES, task.settings.pictures)
    measure_some = partial(_measured, settings=task.settings)
    with (
        FusedBag(folder / checkpoint.FUSED_BAG, earlier.messages) as fused_bag,
        RowWriter(folder / checkpoint.METRICS, len(rows)) as metrics,
        reopened(folder / checkpoint.TIMING, earlier.times) as timing_file,
        closing(spread(measure_some, outcomes, task.threads or os.cpu_count() or 1)) as measured,
    ):
        timing = csv.writer(timing_file)
        if not earlier.times:
            timing.writerow(["stamp_ns", "inference_ms"])
        for row in rows:
            if row.fate is Fate.FUSED:
                gallery.offer(row, None)
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
    gallery.forget_candidates()
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
    sources = to_rgb(outcome.scheduled.pair.rgb.message), outcome.fused.thermal
    pictures = *sources, result.fused_rgb, overlay(result), to_mono8(result.guidance)
    return dict(zip(LAYERS, pictures, strict=True))
