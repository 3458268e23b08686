"""Overlapping stages: each computes ahead of the next one, in threads of its own. The order never changes."""

import threading
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Generic, Protocol, TypeVar

_MOST_BYTES = 2**28
"""That a stage is ahead; at least one item, whatever its size."""

_POLL_S = 0.1


class Sized(Protocol):
    """What stages hand on."""

    @property
    def size(self) -> int:
        """Bytes that it holds."""
        ...


T = TypeVar("T", bound=Sized)
R = TypeVar("R")


class _Ahead(Generic[T]):
    """Items between two stages, bounded in number and in bytes."""

    def __init__(self, depth: int) -> None:
        self._depth, self._bytes = depth, 0
        self._items: deque[T] = deque()
        self._changed = threading.Condition()
        self._is_over = self._is_stopped = False
        self._error: BaseException | None = None

    def put(self, item: T) -> bool:
        """Wait until there is room; False if nobody wants any more."""
        with self._changed:
            self._changed.wait_for(lambda: self._is_stopped or self._has_room(item.size))
            self._items.append(item)
            self._bytes += item.size
            self._changed.notify_all()
            return not self._is_stopped

    def _has_room(self, size: int) -> bool:
        return not self._items or (len(self._items) < self._depth and self._bytes + size <= _MOST_BYTES)

    def end(self, error: BaseException | None = None) -> None:
        with self._changed:
            self._is_over, self._error = True, error
            self._changed.notify_all()

    def stop(self) -> None:
        with self._changed:
            self._is_stopped = True
            self._changed.notify_all()

    def __iter__(self) -> Iterator[T]:
        while True:
            with self._changed:
                # A wait without end could not be interrupted everywhere.
                if not self._changed.wait_for(lambda: self._items or self._is_over, timeout=_POLL_S):
                    continue
                if not self._items:
                    if self._error is not None:
                        raise self._error
                    return
                item = self._items.popleft()
                self._bytes -= item.size
                self._changed.notify_all()
            yield item


def prefetch(items: Callable[[], Iterator[T]], depth: int) -> Generator[T, None, None]:
    """Yield what an iterator yields, computed by a thread that is up to `depth` items ahead.

    What the iterator raises is raised here. Closing this iterator ends the thread.
    """
    ahead: _Ahead[T] = _Ahead(depth)

    def work() -> None:
        source = items()
        try:
            for item in source:
                if not ahead.put(item):
                    break
            ahead.end()
        except BaseException as error:
            ahead.end(error)
        finally:
            if isinstance(source, Generator):
                source.close()

    thread = threading.Thread(target=work, name="replay stage", daemon=True)
    thread.start()
    try:
        yield from ahead
    finally:
        ahead.stop()
        thread.join()


def spread(function: Callable[[T], R], items: Iterable[T], workers: int) -> Generator[R, None, None]:
    """Yield the function's value of each item, in order, computed by several threads."""
    waiting: deque[tuple[int, Future[R]]] = deque()
    with ThreadPoolExecutor(workers, thread_name_prefix="replay stage") as pool:
        for item in items:
            waiting.append((item.size, pool.submit(function, item)))
            while len(waiting) > workers or sum(size for size, _ in waiting) > _MOST_BYTES:
                yield waiting.popleft()[1].result()
        while waiting:
            yield waiting.popleft()[1].result()
