"""The mailbox and its worker: the newest item wins, and nothing stops the worker."""

import threading

from epofusion_ros.stream.mailbox import Mailbox, Worker

TIMEOUT_S = 10.0


def test_the_newest_item_wins_and_the_old_one_is_reported() -> None:
    mailbox: Mailbox[int] = Mailbox()
    assert [mailbox.put(item) for item in (1, 2, 3)] == [False, True, True]
    assert mailbox.take() == 3
    assert len(mailbox) == 0


def test_every_item_is_handled_or_reported_as_superseded() -> None:
    mailbox: Mailbox[int] = Mailbox()
    handled: list[int] = []
    finished = threading.Event()

    def handle(item: int) -> None:
        handled.append(item)
        if item == 9999:
            finished.set()

    worker = Worker(mailbox, handle, lambda *_: None, "test")
    superseded = sum(mailbox.put(item) for item in range(10_000))
    assert finished.wait(TIMEOUT_S)
    assert len(handled) + superseded == 10_000
    assert handled == sorted(handled)
    mailbox.close()
    assert worker.join(TIMEOUT_S)


def test_an_exception_is_reported_and_the_worker_goes_on() -> None:
    mailbox: Mailbox[str] = Mailbox()
    failed, good = threading.Event(), threading.Event()
    errors: list[tuple[str, str]] = []

    def handle(item: str) -> None:
        if item == "bad":
            raise RuntimeError("no")
        good.set()

    def on_error(item: str, error: Exception) -> None:
        errors.append((item, str(error)))
        failed.set()

    worker = Worker(mailbox, handle, on_error, "test")
    mailbox.put("bad")
    assert failed.wait(TIMEOUT_S)
    mailbox.put("good")
    assert good.wait(TIMEOUT_S)
    assert errors == [("bad", "no")]
    mailbox.close()
    assert worker.join(TIMEOUT_S)


def test_closing_reports_a_lost_item_and_ends_the_worker() -> None:
    mailbox: Mailbox[int] = Mailbox()
    mailbox.put(1)
    assert mailbox.close()
    assert mailbox.take() is None
    assert mailbox.put(2), "what comes after closing is lost, and said to be"
    assert not mailbox.close()
