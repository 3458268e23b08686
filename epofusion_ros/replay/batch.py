"""Replays of several bags: one task each, in processes of their own where asked for; a bad bag stops no other."""

import multiprocessing
import os
from collections.abc import Sequence
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from dataclasses import dataclass, field, replace
from pathlib import Path

from epofusion_core.atomic_file import cannot_write, is_disk_full
from epofusion_core.progress import OpenProgress
from epofusion_ros.replay.replay_bag import BagTask, replay_bag
from epofusion_ros.replay.report import Failure
from epofusion_ros.replay.settings import ReplaySettings
from epofusion_ros.replay.summary import BagSummary

_STORAGE_SUFFIXES = {".bag", ".db3", ".mcap"}


@dataclass
class Replays:
    """What replaying several bags gave.

    Attributes:
        done: account of each bag that could be replayed, by its folder, in the order of the bags.
        failures: the others.
    """

    done: dict[Path, BagSummary] = field(default_factory=dict)
    failures: list[Failure] = field(default_factory=list)


def tasks_of(bags: Sequence[Path], out: Path, settings: ReplaySettings, *, resume: bool) -> list[BagTask]:
    """Return a task for each bag, whose folder in `out` has the bag's name; equal names are numbered."""
    tasks: list[BagTask] = []
    taken: set[str] = set()
    for bag in bags:
        name = base = bag.resolve().stem if bag.suffix in _STORAGE_SUFFIXES else bag.resolve().name
        number = 1
        while name in taken:
            number += 1
            name = f"{base}_{number}"
        taken.add(name)
        tasks.append(BagTask(bag, out / name, settings, resume))
    return tasks


def replay_bags(tasks: Sequence[BagTask], jobs: int, stage: OpenProgress) -> Replays:
    """Replay bags, `jobs` of them at a time.

    Raises:
        OSError: the disk is full; what is done can be resumed.
    """
    if jobs == 1 or len(tasks) == 1:
        return _one_by_one(tasks, stage)
    replays = Replays()
    processes = min(jobs, len(tasks))
    threads = max(1, (os.cpu_count() or 1) // processes)
    pool = ProcessPoolExecutor(processes, multiprocessing.get_context("spawn"))  # a forked PyTorch may hang
    try:
        futures = {pool.submit(replay_bag, replace(task, threads=threads)): task for task in tasks}
        with stage(f"replaying {len(tasks)} bags") as report:
            for done, _ in enumerate(as_completed(futures), start=1):
                report(done, len(tasks))
        for future, task in futures.items():
            _collect(replays, task, future)
    except KeyboardInterrupt:
        for process in multiprocessing.active_children():
            process.terminate()
        raise
    finally:
        pool.shutdown(cancel_futures=True)
    return replays


def _one_by_one(tasks: Sequence[BagTask], stage: OpenProgress) -> Replays:
    replays = Replays()
    for task in tasks:
        future: Future[BagSummary] = Future()
        try:
            with stage(task.folder.name) as report:
                future.set_result(replay_bag(task, report))
        except Exception as error:  # named in the report; the other bags are to be done
            future.set_exception(error)
        _collect(replays, task, future)
    return replays


def _collect(replays: Replays, task: BagTask, future: "Future[BagSummary]") -> None:
    error = future.exception()
    if isinstance(error, OSError) and is_disk_full(error):
        raise cannot_write(task.folder, error) from error
    if error is None:
        replays.done[task.folder] = future.result()
    else:
        known = isinstance(error, (ValueError, OSError))
        replays.failures.append(Failure(str(task.bag), str(error) if known else f"{type(error).__name__}: {error}"))
