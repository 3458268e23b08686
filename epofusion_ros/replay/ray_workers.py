"""Replays as tasks of a Ray cluster, whose machines see the same folders; one whose worker is lost is begun anew."""

import logging
import os
import signal
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Any

from epofusion_ros.replay.outcome import MOST_TRIES, BagOutcome, Outcomes, lost, outcome_of
from epofusion_ros.replay.replay_bag import BagTask, load_warm_fuser

_load = lru_cache(maxsize=1)(load_warm_fuser)
"""The model of a worker: its process does one task after another."""


def replay_on_ray(tasks: Sequence[BagTask], jobs: int, address: str, say: Callable[[str], None]) -> Outcomes:
    """Yield the number of each task and what came of it, as they come; `jobs` of them at a time, of one core each.

    Args:
        tasks: the bags.
        jobs: how many at a time.
        address: of a cluster that runs, as for `ray.init`; "local" starts workers on this machine.
        say: told what is chosen, in sentences, when a bag is done.

    Raises:
        ModuleNotFoundError: ray is not installed.
        ValueError: the cluster cannot be reached.
    """
    import ray

    _connect(ray, address, jobs)
    try:
        replay = ray.remote(num_cpus=1, max_retries=MOST_TRIES - 1)(_replay)
        waiting = deque(enumerate(tasks))
        running: dict[Any, int] = {}
        while waiting or running:
            while waiting and len(running) < jobs:
                number, task = waiting.popleft()
                running[replay.remote(replace(task, threads=1), Path.cwd())] = number
            for result in ray.wait(list(running))[0]:
                try:
                    outcome, said = ray.get(result)
                except ray.exceptions.RayError as error:
                    outcome, said = lost(type(error).__name__), []
                for sentence in said:
                    say(sentence)
                yield running.pop(result), outcome
    finally:
        ray.shutdown()


def _connect(ray: Any, address: str, jobs: int) -> None:  # noqa: ANN401 - it is not installed everywhere
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # it would report to its makers
    on_sigterm = signal.getsignal(signal.SIGTERM)
    local: dict[str, Any] = {} if address != "local" else {"num_cpus": jobs, "include_dashboard": False}
    try:
        ray.init(address=address, log_to_driver=False, logging_level=logging.ERROR, **local)
    except Exception as error:  # each way of not being there raises its own
        why = " ".join(str(error).split())
        raise ValueError(f"--ray {address} cannot be reached ({why}); expected a Ray cluster") from error
    finally:
        signal.signal(signal.SIGTERM, on_sigterm)  # Ray sets its own, which resumes nothing


def _replay(task: BagTask, folder: Path) -> tuple[BagOutcome, list[str]]:
    """Replay one bag in a worker, whose relative paths count from `folder`."""
    os.chdir(folder)
    said: list[str] = []
    return outcome_of(task, said.append, _load), said
