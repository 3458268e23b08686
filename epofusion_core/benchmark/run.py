"""What `epofusion bench` measures and puts together: latency, memory, share of the processor's peak, and quality."""

import importlib.util
import os
import platform
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from epofusion_core.benchmark.latency import Latency, measure_latency, peak_memory_mb, sample_pair
from epofusion_core.benchmark.subject import Subject, subjects_of
from epofusion_core.fuser import Fuser
from epofusion_core.model.card import installed_sizes
from epofusion_core.progress import Log, OpenProgress, Progress

if TYPE_CHECKING:
    from epofusion_core.benchmark.quality import Quality

_RESOLUTIONS = ((256, 320), (480, 640), (720, 1280), (1080, 1920))


@dataclass(frozen=True)
class BenchSettings:
    """What to measure.

    Attributes:
        models: named sizes or weights files; none: all whose weights ship.
        engines: none: all that are installed.
        precisions: none: all that fit the device.
        steps: values of K; none: each model's own.
        device: as `EngineOptions` takes it.
        threads: processor threads; 0 is all.
        height, width: of the images, pixels.
        rounds: runs of each, interleaved.
        resolutions: also time each model's fastest engine at other sizes.
        batches: also time each model by PyTorch on batches of pairs.
    """

    models: Sequence[str] = ()
    engines: Sequence[str] = ()
    precisions: Sequence[str] = ()
    steps: Sequence[int] = ()
    device: str = "cpu"
    threads: int = 0
    height: int = 480
    width: int = 640
    rounds: int = 50
    resolutions: bool = False
    batches: bool = False

    @property
    def thread_count(self) -> int:
        """Processor threads, counted."""
        return self.threads or len(os.sched_getaffinity(0))


@dataclass(frozen=True)
class Benchmark:
    """What came of it.

    Attributes:
        latencies: of each subject.
        results: everything, as it is written to bench.json.
    """

    latencies: Mapping[Subject, Latency]
    results: dict[str, Any]


def run_benchmark(settings: BenchSettings, report: Log, stage: OpenProgress) -> Benchmark:
    """Measure all that needs no pairs of the user's; `report` is told what is left out, `stage` what is being done.

    Raises:
        WeightsError: a model is not there.
        EngineError: an engine is unknown or not installed, or none has the precision.
        ValueError: batches are asked for, and PyTorch is not installed.
    """
    models = settings.models or installed_sizes()
    subjects = subjects_of(
        models, settings.engines, settings.steps or None, settings.device, settings.threads, settings.precisions
    )
    fusers: dict[Subject, Fuser] = {}
    with stage("loading models") as progress:
        for number, subject in enumerate(subjects, start=1):
            fusers[subject] = Fuser.load(subject.model, **asdict(subject.options), report=report)
            progress(number, len(subjects))
    with stage("timing") as progress:
        latencies = measure_latency(fusers, sample_pair(settings.height, settings.width), settings.rounds, progress)
    memory_mb: dict[Subject, float] = {}
    with stage("measuring memory") as progress:
        for number, subject in enumerate(subjects, start=1):
            memory_mb[subject] = peak_memory_mb(subject, settings.height, settings.width)
            progress(number, len(subjects))
    with stage("counting operations"):
        shares = _shares(settings, latencies, report)
    with stage("timing the parts"):
        parts_ms = _parts(models, settings)
    results: dict[str, Any] = {
        "processor": processor(),
        "threads": settings.thread_count,
        "size": [settings.width, settings.height],
        "rounds": settings.rounds,
        **shares,
        "rows": [
            {"subject": subject.label, **asdict(latencies[subject]), "memory_mb": memory_mb[subject]}
            | {"gmacs": shares["gmacs"].get(subject.label)}
            | {"share_of_peak": shares["share_of_peak"].get(subject.label)}
            for subject in subjects
        ],
        "parts_ms": parts_ms,
    }
    if settings.resolutions:
        with stage("timing other sizes") as progress:
            results["resolutions"] = _resolutions(models, latencies, settings.rounds, progress)
    if settings.batches:
        with stage("timing batches"):
            results["batches"] = _batches(models, settings)
    return Benchmark(latencies, results)


def plot_quality(
    path: Path,
    quality_of_model: "Quality",
    benchmark: Benchmark,
    report: Log,
    track: Callable[[Collection[Subject]], Iterable[Subject]] = iter,
) -> dict[str, float]:
    """Measure the quality of each subject, draw it against the latency, and return it by label.

    Args:
        path: picture to write.
        quality_of_model: what to measure.
        benchmark: with the latencies.
        report: told of pairs that could not be used.
        track: may show the progress.

    Raises:
        ValueError: a subject fused none of the pairs.
    """
    from epofusion_core.benchmark.pareto import Point, plot_pareto
    from epofusion_core.evaluation.methods import ModelMethod

    quality: dict[tuple[str, str, int], float] = {}
    for subject in track(list(benchmark.latencies)):
        # Engines of one precision give one picture. One at a time: dozens of models in each worker fill the memory.
        if _picture(subject) not in quality:
            method = ModelMethod(subject.label, subject.model, replace(subject.options, threads=1))
            quality[_picture(subject)] = quality_of_model(method, report)
    points = [
        Point(s.model, s.options.engine, s.options.precision, s.options.steps or 0, timed.p50_ms, quality[_picture(s)])
        for s, timed in benchmark.latencies.items()
    ]
    width, height = benchmark.results["size"]
    plot_pareto(path, points, quality_of_model.heading, f"{processor()}, {width}x{height}")
    return {subject.label: quality[_picture(subject)] for subject in benchmark.latencies}


def _picture(subject: Subject) -> tuple[str, str, int]:
    """Return all that the fused image depends on."""
    return subject.model, subject.options.precision, subject.options.steps or 0


def _shares(settings: BenchSettings, latencies: Mapping[Subject, Latency], report: Log) -> dict[str, Any]:
    """Count operations where PyTorch is there to do it; compare with the processor's peak where OpenVINO is."""
    shares: dict[str, Any] = {"peak_gmacs": {}, "gmacs": {}, "share_of_peak": {}}
    if not importlib.util.find_spec("torch"):
        report("no operations and no share of the peak: PyTorch, which counts them, is not installed")
        return shares
    shares["gmacs"] = _gmacs(latencies, settings.height, settings.width)
    if settings.device != "cpu" or not importlib.util.find_spec("openvino"):
        report("no share of the peak: OpenVINO measures it, that of the processor alone")
        return shares
    from epofusion_core.benchmark.peak import measure_peak

    precisions = {"f32", "int8", *(subject.options.precision for subject in latencies)}
    peak = measure_peak(settings.thread_count, tuple(sorted(precisions)))
    shares |= {"peak_gmacs": peak.gmacs, "peak_gmacs_by_operation": asdict(peak)}
    shares["share_of_peak"] = {
        s.label: shares["gmacs"][s.label] / (timed.engine_ms / 1e3) / peak.gmacs[s.options.precision]
        for s, timed in latencies.items()
    }
    return shares


def _gmacs(subjects: Collection[Subject], height: int, width: int) -> dict[str, float]:
    """Return the GMAC of a pair, fused image and mask (`measure_complexity`), by label."""
    from epofusion_core.benchmark.complexity import measure_complexity
    from epofusion_core.model.card import resolve_weights
    from epofusion_core.model.weights import load_weights

    counted: dict[tuple[str, int | None], float] = {}
    for model, steps in {(subject.model, subject.options.steps) for subject in subjects}:
        network, _ = load_weights(resolve_weights(model))
        counted[model, steps] = measure_complexity(network, height, width, steps).macs / 1e9
    return {subject.label: counted[subject.model, subject.options.steps] for subject in subjects}


def _parts(models: Sequence[str], settings: BenchSettings) -> dict[str, dict[str, float]]:
    if not importlib.util.find_spec("torch"):
        return {}
    from epofusion_core.benchmark.parts import measure_parts

    pair = sample_pair(settings.height, settings.width)
    return {model: measure_parts(model, pair, settings.thread_count) for model in models}


def _resolutions(
    models: Sequence[str], latencies: Mapping[Subject, Latency], rounds: int, progress: Progress
) -> list[dict[str, Any]]:
    fastest = [
        min((s for s in latencies if s.model == model), key=lambda each: latencies[each].p50_ms) for model in models
    ]
    rows: list[dict[str, Any]] = []
    for number, (height, width) in enumerate(_RESOLUTIONS, start=1):
        fusers = {subject: Fuser.load(subject.model, **asdict(subject.options)) for subject in fastest}
        timed = measure_latency(fusers, sample_pair(height, width), max(5, rounds // 5))
        rows += [{"subject": s.label, "width": width, "height": height, "p50_ms": timed[s].p50_ms} for s in fastest]
        progress(number, len(_RESOLUTIONS))
    return rows


def _batches(models: Sequence[str], settings: BenchSettings) -> dict[str, dict[int, float]]:
    if not importlib.util.find_spec("torch"):
        raise ValueError("--batches needs PyTorch; expected it installed, or no --batches")
    from epofusion_core.benchmark.batch import measure_batches

    rounds = max(5, settings.rounds // 5)
    return {
        model: measure_batches(model, settings.height, settings.width, settings.thread_count, rounds)
        for model in models
    }


def processor() -> str:
    """Return the processor's name as Linux tells it."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.is_file() else []
    return next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), platform.machine())
