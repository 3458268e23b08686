"""Rates and percentiles over the last few seconds. Pure Python and numpy; the caller gives the time."""

from collections import deque

import numpy as np

_WINDOW_S = 10.0


class Rate:
    """Events a second over a sliding window."""

    def __init__(self) -> None:
        self._times_s: deque[float] = deque(maxlen=2000)

    def count(self, now_s: float) -> None:
        """Note an event at a time on a steady clock."""
        self._times_s.append(now_s)

    def hz(self, now_s: float) -> float:
        """Return the rate up to now; 0 with fewer than two events in the window."""
        while self._times_s and self._times_s[0] < now_s - _WINDOW_S:
            self._times_s.popleft()
        if len(self._times_s) < 2:
            return 0.0
        return (len(self._times_s) - 1) / max(now_s - self._times_s[0], 1e-9)


class Distribution:
    """Percentiles of the last values of a quantity."""

    def __init__(self, length: int = 500) -> None:
        """Keep the last `length` values."""
        self._values: deque[float] = deque(maxlen=length)

    def add(self, value: float) -> None:
        """Note a value."""
        self._values.append(value)

    def clear(self) -> None:
        """Forget all values."""
        self._values.clear()

    def percentiles(self, *shares: float) -> list[float]:
        """Return percentiles, in [0, 100]; NaN where there is no value yet."""
        if not self._values:
            return [float("nan")] * len(shares)
        return [float(value) for value in np.percentile(np.asarray(self._values), shares)]
