"""What a call costs, in terms of another one."""

import time
from collections.abc import Callable

_ROUNDS = 30


def times_as_long(call: Callable[[], object], reference: Callable[[], object]) -> float:
    """Return how many times as long a call takes as a reference: each in turn, the quickest of each."""
    quickest = {call: float("inf"), reference: float("inf")}
    for _ in range(_ROUNDS):
        for each in quickest:
            started_s = time.perf_counter()
            each()
            quickest[each] = min(quickest[each], time.perf_counter() - started_s)
    return quickest[call] / quickest[reference]
