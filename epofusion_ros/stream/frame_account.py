"""The account of a running node: what became of every frame, how fast, and how late. Thread-safe."""

import threading
from collections import Counter
from dataclasses import dataclass
from enum import Enum
from math import isnan

from epofusion_ros.stream.statistics import Distribution, Rate


class Fate(str, Enum):
    """What becomes of a pair, or of a frame without a partner; the values are names of figures in diagnostics."""

    FUSED = "fused"  # fused and published
    PASSED_THROUGH = "passed_through"  # one camera's frame, published without the other
    SUPERSEDED = "superseded"  # replaced by a newer one before its turn
    UNWATCHED = "unwatched"  # no output has a subscriber
    STALE = "stale"  # older than max_input_age
    CONVERT_ERRORS = "convert_errors"  # a message could not be converted to an image
    SIZE_ERRORS = "size_errors"  # thermal could not be registered to RGB
    INFERENCE_ERRORS = "inference_errors"  # the engine failed
    STOPPED = "stopped"  # waiting or in work when the node was stopped

    def __str__(self) -> str:
        return self.value


@dataclass(frozen=True)
class PairTiming:
    """Times of what is published; NaN where there is none.

    Attributes:
        latency_ms: from the stamp to the publication, on the node's clock.
        inference_ms: within the pipeline.
        sync_delta_ms: between the stamps of the pair, without sign.
    """

    latency_ms: float = float("nan")
    inference_ms: float = float("nan")
    sync_delta_ms: float = float("nan")


class Account:
    """Counts pairs and keeps the windows behind rates and percentiles."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._fates: Counter[Fate] = Counter()
        self._pairs = 0
        self._passed = 0
        self._resets = 0
        self._rates = {name: Rate() for name in ("rgb", "thermal", "output")}
        self._windows = {name: Distribution() for name in ("latency_ms", "inference_ms", "sync_delta_ms")}
        self._overexposed_fraction = 0.0

    def arrived(self, name: str, now_s: float) -> None:
        """Note a frame of input "rgb" or "thermal", at a time on a steady clock."""
        with self._lock:
            self._rates[name].count(now_s)

    def paired(self) -> None:
        """Note that a pair has been found."""
        with self._lock:
            self._pairs += 1

    def passed(self) -> None:
        """Note that a frame is handed on alone."""
        with self._lock:
            self._passed += 1

    def ended(self, fate: Fate) -> None:
        """Note what became of a pair or a frame that is not published."""
        with self._lock:
            self._fates[fate] += 1

    def published(self, fate: Fate, timing: PairTiming, overexposed_fraction: float, now_s: float) -> None:
        """Note that a pair was FUSED, or a frame PASSED_THROUGH, and published."""
        with self._lock:
            self._fates[fate] += 1
            self._rates["output"].count(now_s)
            self._overexposed_fraction = overexposed_fraction
            for name, window in self._windows.items():
                if not isnan(value := getattr(timing, name)):
                    window.add(value)

    def time_reset(self) -> None:
        """Note that time has jumped back; the latency window starts anew."""
        with self._lock:
            self._resets += 1
            self._windows["latency_ms"].clear()

    def snapshot(self, now_s: float) -> dict[str, float]:
        """Return all figures by name; pairs + passed = the sum over `Fate` + in_flight, always."""
        with self._lock:
            figures: dict[str, float] = {f"{name}_hz": rate.hz(now_s) for name, rate in self._rates.items()}
            figures["pairs"] = self._pairs
            figures.update({fate.value: self._fates[fate] for fate in Fate})
            figures["passed"] = self._passed
            figures["in_flight"] = self._pairs + self._passed - sum(self._fates.values())
            figures["time_resets"] = self._resets
            for name, shares in _PERCENTILES.items():
                for share, value in zip(shares, self._windows[name].percentiles(*shares), strict=True):
                    figures[f"{name}_{'max' if share == 100 else f'p{share:.0f}'}"] = value
            figures["overexposed_fraction"] = self._overexposed_fraction
            return figures


_PERCENTILES = {
    "sync_delta_ms": (50.0, 95.0),
    "latency_ms": (50.0, 95.0, 99.0, 100.0),
    "inference_ms": (50.0, 95.0, 99.0),
}
