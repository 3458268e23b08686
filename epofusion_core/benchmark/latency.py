"""Latency of `Fuser`, interleaved: every subject has its turn in each round, so that ratios hold on a noisy machine."""

import multiprocessing
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from epofusion_core.benchmark.subject import Subject
from epofusion_core.engines.engine import Engine, GreyInput
from epofusion_core.fuser import Fuser
from epofusion_core.progress import Progress
from epofusion_core.simulation import Drive

_WARM_UP_RUNS = 3


@dataclass(frozen=True)
class Latency:
    """Times of one subject for one pair of images.

    Attributes:
        p50_ms, p95_ms, p99_ms: of `Fuser`, conversions included.
        engine_ms: median of the part within the engine.
        fps: pairs a second, one after the other.
    """

    p50_ms: float
    p95_ms: float
    p99_ms: float
    engine_ms: float
    fps: float


def sample_pair(height: int, width: int) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Return a pair of the simulated drive, with glare."""
    frame = Drive(0, height, width).frame(60)
    return frame.visible, frame.thermal


def measure_latency(
    fusers: Mapping[Subject, Fuser],
    pair: tuple[NDArray[np.uint8], NDArray[np.uint8]],
    rounds: int,
    report: Progress = lambda *_: None,
) -> dict[Subject, Latency]:
    """Time every subject in turn, round by round, after a warm-up.

    A turn is two runs, and the second is timed. The first one refills the caches and threads that another subject has
    used; a vehicle runs one model alone. `report` is told of progress between rounds.
    """
    totals: dict[Subject, list[float]] = {subject: [] for subject in fusers}
    inside: dict[Subject, list[float]] = {subject: [] for subject in fusers}
    for number in range(_WARM_UP_RUNS + rounds):
        for subject, fuser in fusers.items():
            fuser(*pair)
            with _timed_engine(fuser) as engine_s:
                started = time.perf_counter()
                fuser(*pair)
                elapsed = time.perf_counter() - started
            if number >= _WARM_UP_RUNS:
                totals[subject].append(1e3 * elapsed)
                inside[subject].append(1e3 * engine_s[0])
        report(number + 1, _WARM_UP_RUNS + rounds)
    return {subject: _summary(totals[subject], inside[subject]) for subject in fusers}


def peak_memory_mb(subject: Subject, height: int, width: int) -> float:
    """Return the peak of resident memory of a fresh process that loads and runs a subject, MB."""
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        return pool.submit(_run_alone, subject, height, width).result()


def _run_alone(subject: Subject, height: int, width: int) -> float:
    fuser = Fuser.load(subject.model, **asdict(subject.options))
    for _ in range(_WARM_UP_RUNS):
        fuser(np.zeros((height, width, 3), np.uint8), np.zeros((height, width), np.uint8))
    # Not getrusage: its peak is inherited from the parent process.
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM:")) / 1e3


class _TimedEngine:
    """An engine that notes how long its last run took."""

    def __init__(self, engine: Engine, seconds: list[float]) -> None:
        self.name, self.device, self.precision = engine.name, engine.device, engine.precision
        self.prepare = engine.prepare
        self._run, self._seconds = engine.run, seconds

    def run(self, luma: GreyInput, infrared: GreyInput) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        started = time.perf_counter()
        result = self._run(luma, infrared)
        self._seconds[0] = time.perf_counter() - started
        return result


@contextmanager
def _timed_engine(fuser: Fuser) -> Iterator[list[float]]:
    """Measure the seconds that a call of the fuser spends in its engine."""
    engine, seconds = fuser.engine, [0.0]
    fuser.engine = _TimedEngine(engine, seconds)
    try:
        yield seconds
    finally:
        fuser.engine = engine


def _summary(totals_ms: Sequence[float], engine_ms: Sequence[float]) -> Latency:
    p50, p95, p99 = (float(value) for value in np.percentile(totals_ms, (50, 95, 99)))
    return Latency(p50, p95, p99, float(np.median(engine_ms)), 1e3 / float(np.mean(totals_ms)))
