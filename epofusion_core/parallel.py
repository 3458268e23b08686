"""Work on many items in processes of one core each."""

import multiprocessing
import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from typing import TypeVar

import cv2

_Task = TypeVar("_Task")
_Result = TypeVar("_Result")


def map_in_processes(work: Callable[[_Task], _Result], tasks: Sequence[_Task], jobs: int) -> Iterator[_Result]:
    """Yield the result of each task, in order, computed by `jobs` processes; in this one where it is one."""
    if jobs == 1:
        yield from map(work, tasks)
        return
    context = multiprocessing.get_context("spawn")  # a forked PyTorch may hang
    with ProcessPoolExecutor(jobs, mp_context=context, initializer=_use_one_thread) as pool:
        yield from pool.map(work, tasks)


def _use_one_thread() -> None:
    """Keep a worker to one core, since there is one worker a core; PyTorch reads the variable when it is imported."""
    os.environ["OMP_NUM_THREADS"] = "1"
    cv2.setNumThreads(1)
