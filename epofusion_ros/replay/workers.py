"""Replays in processes of their own: one that is killed is replaced, and none outlives this one."""

import multiprocessing
import os
import signal
import threading
from collections import Counter, deque
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import lru_cache
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess

from epofusion_ros.replay.outcome import MOST_TRIES, Outcomes, lost, outcome_of
from epofusion_ros.replay.replay_bag import BagTask, load_warm_fuser

_SPAWN = multiprocessing.get_context("spawn")  # a forked PyTorch may hang
_END_TIMEOUT_S = 2.0


def replay_in_processes(tasks: Sequence[BagTask], jobs: int, say: Callable[[str], None]) -> Outcomes:
    """Yield the number of each task and what came of it, as they come; `jobs` processes work at a time.

    Each process loads the model once. A bag whose process is lost is given to another one.
    """
    tasks = [replace(task, threads=max(1, (os.cpu_count() or 1) // jobs)) for task in tasks]
    waiting = deque(range(len(tasks)))
    tries: Counter[int] = Counter()
    working: dict[Connection, tuple[int, BaseProcess]] = {}

    def give_work(connection: Connection, process: BaseProcess) -> None:
        if not waiting:
            connection.close()
            return
        number = waiting.popleft()
        tries[number] += 1
        working[connection] = number, process
        with suppress(OSError):  # it has just been lost: that is heard next
            connection.send(tasks[number])

    try:
        while waiting or working:
            while waiting and len(working) < jobs:
                give_work(*_started())
            for connection in _heard(working):
                number, process = working[connection]
                try:
                    said = connection.recv()
                except (EOFError, OSError):
                    del working[connection]
                    process.join()
                    if tries[number] < MOST_TRIES:
                        say(f"{tasks[number].name}: its process was ended ({_ending(process)}); it is begun anew")
                        waiting.appendleft(number)
                    else:
                        yield number, lost(_ending(process))
                    continue
                if isinstance(said, str):
                    say(said)
                    continue
                del working[connection]
                give_work(connection, process)
                yield number, said
    finally:
        for _, process in working.values():
            process.terminate()
        for _, process in working.values():
            process.join(_END_TIMEOUT_S)
            process.kill()


def _heard(connections: Iterable[Connection]) -> list[Connection]:
    """Return the connections that have something to say, once one has."""
    ready = set(wait(list(connections)))
    return [connection for connection in connections if connection in ready]


def _started() -> tuple[Connection, BaseProcess]:
    connection, other = _SPAWN.Pipe()
    process = _SPAWN.Process(target=_work, args=(other,), daemon=True)
    process.start()
    other.close()
    return connection, process


def _ending(process: BaseProcess) -> str:
    code = process.exitcode or 0
    return signal.Signals(-code).name if code < 0 else f"exit code {code}"


def _work(connection: Connection) -> None:
    """Replay one bag after another; sends sentences, and in the end of each the summary or an error."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the parent, which ends this process
    threading.Thread(target=_end_with_parent, daemon=True).start()
    load = lru_cache(maxsize=1)(load_warm_fuser)
    with suppress(EOFError):  # there is no more work
        while True:
            task = connection.recv()
            connection.send(outcome_of(task, connection.send, load))


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    assert parent is not None
    parent.join()
    os._exit(1)
