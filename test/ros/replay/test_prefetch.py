"""Stages that overlap: the order stays, errors come through, and what waits between them is bounded."""

import threading
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from epofusion_ros.replay.prefetch import prefetch, spread

LARGE = 2**27


@dataclass(frozen=True)
class Item:
    """Claims to hold so many bytes."""

    number: int
    size: int


@settings(max_examples=30, deadline=None)
@given(st.lists(st.integers(0, 2 * LARGE), max_size=20), st.integers(1, 4))
def test_items_of_any_size_come_in_their_order(sizes: list[int], depth: int) -> None:
    items = [Item(number, size) for number, size in enumerate(sizes)]
    assert list(prefetch(lambda: iter(items), depth)) == items
    assert list(spread(lambda item: item.number, items, depth)) == [item.number for item in items]


def test_large_items_are_not_computed_far_ahead() -> None:
    """Room is for two of them, and one more is in work; 16 would be allowed by their number."""
    made: list[int] = []
    third = threading.Event()

    def items() -> Iterator[Item]:
        for number in range(10):
            made.append(number)
            if number == 3:
                third.set()
            yield Item(number, LARGE)

    ahead = prefetch(items, 16)
    assert next(ahead).number == 0
    assert third.wait(10)
    assert len(made) == 4
    ahead.close()


def test_an_error_comes_through_after_the_items_before_it() -> None:
    def items() -> Iterator[Item]:
        yield Item(0, 0)
        raise OSError("disk")

    ahead = prefetch(items, 3)
    assert next(ahead).number == 0
    with pytest.raises(OSError, match="disk"):
        next(ahead)
