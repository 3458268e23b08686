"""Waits until a condition holds."""

import time
from collections.abc import Callable

_LOOK_S = 0.02


def wait_until(condition: Callable[[], object], what: str, timeout_s: float = 60.0) -> None:
    """Look again and again; the test fails where the condition does not hold in time."""
    deadline_s = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline_s, f"waited {timeout_s} s for {what}"
        time.sleep(_LOOK_S)
