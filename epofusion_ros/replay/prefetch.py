"""Overlapping stages: each computes ahead of the next one, in threads of its own. The order never changes."""

import threading
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from queue import Empty, Full, Queue
from typing import Any, TypeVar

T = TypeVar("T")
R = TypeVar("R")

_END = object()
_POLL_S = 0.1


def prefetch(items: Callable[[], Iterator[T]], depth: int) -> Generator[T, None, None]:
    """Yield what an iterator yields, computed by a thread that is up to `depth` items ahead.

    What the iterator raises is raised here. Closing this iterator ends the thread.
    """
    queue: Queue[tuple[Any, BaseException | None]] = Queue(depth)
    stopped = threading.Event()

    def put(item: Any, error: BaseException | None = None) -> bool:  # noqa: ANN401 - T or the end
        while not stopped.is_set():
            try:
                queue.put((item, error), timeout=_POLL_S)
            except Full:
                continue
            return True
        return False

    def work() -> None:
        source = items()
        try:
            for item in source:
                if not put(item):
                    break
            put(_END)
        except BaseException as error:
            put(_END, error)
        finally:
            if isinstance(source, Generator):
                source.close()

    thread = threading.Thread(target=work, name="replay stage", daemon=True)
    thread.start()
    try:
        while True:
            try:
                item, error = queue.get(timeout=_POLL_S)  # a wait without end could not be interrupted everywhere
            except Empty:
                continue
            if error is not None:
                raise error
            if item is _END:
                return
            yield item
    finally:
        stopped.set()
        thread.join()


def spread(function: Callable[[T], R], items: Iterable[T], workers: int) -> Generator[R, None, None]:
    """Yield the function's value of each item, in order, computed by several threads."""
    waiting: deque[Future[R]] = deque()
    with ThreadPoolExecutor(workers, thread_name_prefix="replay stage") as pool:
        for item in items:
            waiting.append(pool.submit(function, item))
            if len(waiting) > workers:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
