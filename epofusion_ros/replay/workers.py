"""Replays in processes of their own: each can be killed without harm to another, and none outlives this one."""

import multiprocessing
import os
import signal
import threading
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess

from epofusion_core.progress import OpenProgress
from epofusion_ros.replay.replay_bag import BagTask, replay_bag
from epofusion_ros.replay.summary import BagSummary

_SPAWN = multiprocessing.get_context("spawn")  # a forked PyTorch may hang
_END_TIMEOUT_S = 2.0


def replay_in_processes(
    tasks: Sequence[BagTask], jobs: int, stage: OpenProgress, say: Callable[[str], None]
) -> list[BagSummary | Exception]:
    """Return the summary of each task, or why there is none; `jobs` processes work at a time."""
    threads = max(1, (os.cpu_count() or 1) // jobs)
    waiting = deque(enumerate(tasks))
    running: dict[Connection, tuple[int, BaseProcess]] = {}
    outcomes: dict[int, BagSummary | Exception] = {}
    try:
        with stage(f"replaying {len(tasks)} bags") as report:
            while waiting or running:
                while waiting and len(running) < jobs:
                    number, task = waiting.popleft()
                    receiver, process = _started(replace(task, threads=threads))
                    running[receiver] = number, process
                for receiver in _heard(running):
                    number, process = running[receiver]
                    try:
                        said = receiver.recv()
                    except EOFError:
                        process.join()
                        said = ValueError(f"its process was ended ({_ending(process)}); the memory may have been short")
                    if isinstance(said, str):
                        say(said)
                        continue
                    del running[receiver]
                    outcomes[number] = said
                    process.join()
                    report(len(outcomes), len(tasks))
    finally:
        for _, process in running.values():
            process.terminate()
        for _, process in running.values():
            process.join(_END_TIMEOUT_S)
            process.kill()
    return [outcomes[number] for number in range(len(tasks))]


def _heard(connections: Iterable[Connection]) -> list[Connection]:
    """Return the connections that have something to say, once one has."""
    ready = set(wait(list(connections)))
    return [connection for connection in connections if connection in ready]


def _started(task: BagTask) -> tuple[Connection, BaseProcess]:
    receiver, sender = _SPAWN.Pipe(duplex=False)
    process = _SPAWN.Process(target=_work, args=(task, sender), name=task.name, daemon=True)
    process.start()
    sender.close()
    return receiver, process


def _ending(process: BaseProcess) -> str:
    code = process.exitcode or 0
    return signal.Signals(-code).name if code < 0 else f"exit code {code}"


def _work(task: BagTask, sender: Connection) -> None:
    """Replay one bag; sends sentences, and in the end the summary or an error."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the parent, which ends this process
    threading.Thread(target=_end_with_parent, daemon=True).start()
    try:
        outcome: BagSummary | Exception = replay_bag(task, say=sender.send)
    except OSError as error:
        outcome = OSError(error.errno, str(error.strerror or error))
    except ValueError as error:
        outcome = ValueError(str(error))
    except Exception as error:  # whatever it is, it can be sent
        outcome = RuntimeError(f"{type(error).__name__}: {error}")
    sender.send(outcome)


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    assert parent is not None
    parent.join()
    os._exit(1)
