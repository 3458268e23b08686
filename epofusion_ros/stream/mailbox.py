"""A mailbox of one slot and the thread that empties it. The newest pair replaces an older one, which bounds latency."""

import threading
from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")


class Mailbox(Generic[T]):
    """Holds at most one item; a newer one takes the place of an older one that nobody has fetched."""

    def __init__(self) -> None:
        self._condition = threading.Condition()
        self._item: T | None = None
        self._closed = False

    def put(self, item: T) -> bool:
        """Put an item in; True if it took the place of another. A closed mailbox takes nothing and returns True."""
        with self._condition:
            if self._closed:
                return True
            superseded = self._item is not None
            self._item = item
            self._condition.notify()
            return superseded

    def take(self) -> T | None:
        """Wait for an item and fetch it; None once the mailbox is closed."""
        with self._condition:
            self._condition.wait_for(lambda: self._item is not None or self._closed)
            item, self._item = self._item, None
            return None if self._closed else item

    def close(self) -> bool:
        """Wake the reader for good; True if an item was lost by it."""
        with self._condition:
            self._closed = True
            lost, self._item = self._item is not None, None
            self._condition.notify_all()
            return lost

    def __len__(self) -> int:
        with self._condition:
            return int(self._item is not None)


class Worker(Generic[T]):
    """A thread that handles what comes into a mailbox; it reports an exception of the handler and goes on."""

    def __init__(
        self, mailbox: Mailbox[T], handle: Callable[[T], None], on_error: Callable[[T, Exception], None], name: str
    ) -> None:
        """Start the thread.

        Args:
            mailbox: where items come from; closing it ends the thread.
            handle: called with each item, on the worker's thread.
            on_error: called with the item and the exception that `handle` raised, on the worker's thread.
            name: of the thread.
        """
        self._mailbox, self._handle, self._on_error = mailbox, handle, on_error
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    def join(self, timeout_s: float) -> bool:
        """Wait for the thread to end, after the mailbox was closed; False if it has not within the time."""
        self._thread.join(timeout_s)
        return not self._thread.is_alive()

    def _run(self) -> None:
        while (item := self._mailbox.take()) is not None:
            try:
                self._handle(item)
            except Exception as error:
                self._on_error(item, error)
