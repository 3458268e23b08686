"""The account of a running node: what became of every frame, how fast, and how late. Thread-safe."""

import threading
from collections import Counter
from dataclasses import dataclass

from epofusion_ros.statistics import Distribution, Rate

FATES = (
    "fused",
    "superseded",
    "unwatched",
    "stale",
    "convert_errors",
    "size_errors",
    "inference_errors",
    "stopped",
)
"""What can become of a pair: published, replaced by a newer one, fused for nobody, dropped for a reason, or waiting
when the node is stopped."""


@dataclass(frozen=True)
class PairTiming:
    """Times of one published pair.

    Attributes:
        latency_ms: from the RGB stamp to the publication, on the node's clock.
        inference_ms: within the pipeline.
        sync_delta_ms: between the stamps of the pair, without sign.
    """

    latency_ms: float
    inference_ms: float
    sync_delta_ms: float


class Account:
    """Counts pairs and keeps the windows behind rates and percentiles."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._fates: Counter[str] = Counter()
        self._pairs = 0
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

    def ended(self, fate: str) -> None:
        """Note what became of a pair; `fate` is one of `FATES` but "fused"."""
        with self._lock:
            self._fates[fate] += 1

    def published(self, timing: PairTiming, overexposed_fraction: float, now_s: float) -> None:
        """Note that a pair has been fused and published."""
        with self._lock:
            self._fates["fused"] += 1
            self._rates["output"].count(now_s)
            self._overexposed_fraction = overexposed_fraction
            for name, window in self._windows.items():
                window.add(getattr(timing, name))

    def time_reset(self) -> None:
        """Note that time has jumped back; the latency window starts anew."""
        with self._lock:
            self._resets += 1
            self._windows["latency_ms"].clear()

    def snapshot(self, now_s: float) -> dict[str, float]:
        """Return all figures by name; pairs = the sum over `FATES` + in_flight, always."""
        with self._lock:
            figures: dict[str, float] = {f"{name}_hz": rate.hz(now_s) for name, rate in self._rates.items()}
            figures["pairs"] = self._pairs
            figures.update({fate: self._fates[fate] for fate in FATES})
            figures["in_flight"] = self._pairs - sum(self._fates[fate] for fate in FATES)
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
