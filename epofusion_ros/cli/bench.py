"""`epofusion bench`: which engine to take on this machine, and what it costs."""

import json
import os
import platform
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from epofusion_ros.cli import options
from epofusion_ros.cli.console import clear_errors, console, note

if TYPE_CHECKING:
    from epofusion_core.benchmark.latency import Latency
    from epofusion_core.benchmark.subject import Subject
    from epofusion_core.data.pairs import Pair
    from epofusion_core.evaluation.columns import Column

_TABLE_WIDTH = 120  # a cut figure cannot be read
_RESOLUTIONS = ((256, 320), (480, 640), (720, 1280), (1080, 1920))


def bench(
    out: Annotated[Path, typer.Option(help="Folder for bench.json and, with --data, pareto.png.")],
    model: Annotated[list[str] | None, typer.Option(help="Named size or weights file; repeatable.")] = None,
    engine: Annotated[list[str] | None, typer.Option(help="Repeatable; all that are installed by default.")] = None,
    steps: Annotated[list[int] | None, typer.Option(min=1, help="K, repeatable; each model's own by default.")] = None,
    device: options.Device = "cpu",
    threads: Annotated[int, typer.Option(min=0, help="Processor threads; 0 takes all.")] = 0,
    height: Annotated[int, typer.Option(min=48, help="Image height, pixels.")] = 480,
    width: Annotated[int, typer.Option(min=64, help="Image width, pixels.")] = 640,
    rounds: Annotated[int, typer.Option(min=5, help="Runs of each, interleaved.")] = 50,
    resolutions: Annotated[bool, typer.Option(help="Also time each model's fastest engine from 320x256 up.")] = False,
    batches: Annotated[bool, typer.Option(help="Also time each model by PyTorch on batches of 1 to 8 pairs.")] = False,
    data: Annotated[Path | None, typer.Option(help="Folder of pairs, for latency against quality.")] = None,
    list_file: Annotated[Path | None, typer.Option("--list", help="Text file with the pairs to take.")] = None,
    measure: Annotated[str, typer.Option(help="The quality: en, mi, vif, qabf, ssim, q_oe or n_oe.")] = "qabf",
) -> None:
    """Measure latency, memory and the share of the processor's peak, and draw latency against quality."""
    with clear_errors():
        from epofusion_core.benchmark.latency import measure_latency, peak_memory_mb, sample_pair
        from epofusion_core.benchmark.subject import subjects_of
        from epofusion_core.fuser import Fuser
        from epofusion_core.model.card import WEIGHTS_FOLDER

        chosen = _pairs_and_measure(data, list_file, measure) if data is not None else None
        models = model or sorted(file.stem for file in WEIGHTS_FOLDER.glob("*.safetensors"))
        subjects = subjects_of(models, engine or (), steps, device, threads)
        fusers = {subject: Fuser.load(subject.model, **asdict(subject.options), report=note) for subject in subjects}
        latencies = measure_latency(fusers, sample_pair(height, width), rounds)
        memory_mb = {subject: peak_memory_mb(subject, height, width) for subject in subjects}
        shares = _shares(subjects, latencies, height, width, threads, device)
        results: dict[str, Any] = {
            "processor": _processor(),
            "threads": threads or len(os.sched_getaffinity(0)),
            "size": [width, height],
            "rounds": rounds,
            **shares,
            "rows": [
                {"subject": subject.label, **asdict(latencies[subject]), "memory_mb": memory_mb[subject]}
                | {"gmacs": shares["gmacs"].get(subject.label)}
                | {"share_of_peak": shares["share_of_peak"].get(subject.label)}
                for subject in subjects
            ],
            "parts_ms": _parts(models, height, width, threads),
        }
        if resolutions:
            results["resolutions"] = _resolutions(models, subjects, latencies, rounds)
        if batches:
            results["batches"] = _batches(models, height, width, threads, rounds)
        _write(out, results)
        _show(results)
        if chosen is not None:
            results["quality"] = _pareto(out / "pareto.png", *chosen, latencies, (width, height))
            _write(out, results)
    note(f"written: {out / 'bench.json'}")


def _write(out: Path, results: dict[str, Any]) -> None:
    out.mkdir(parents=True, exist_ok=True)
    (out / "bench.json").write_text(json.dumps(results, indent=1) + "\n")


def _shares(
    subjects: "list[Subject]",
    latencies: "dict[Subject, Latency]",
    height: int,
    width: int,
    threads: int,
    device: str,
) -> dict[str, Any]:
    """Count operations where PyTorch is there to do it; compare with the processor's peak where OpenVINO is."""
    import importlib.util

    shares: dict[str, Any] = {"peak_gmacs": {}, "gmacs": {}, "share_of_peak": {}}
    if not importlib.util.find_spec("torch"):
        note("no operations and no share of the peak: PyTorch, which counts them, is not installed")
        return shares
    shares["gmacs"] = _gmacs(subjects, height, width)
    if device != "cpu" or not importlib.util.find_spec("openvino"):
        note("no share of the peak: OpenVINO measures it, that of the processor alone")
        return shares
    from epofusion_core.benchmark.peak import measure_peak

    precisions = {"f32", "int8", *(subject.options.precision for subject in subjects)}
    peak = measure_peak(threads or len(os.sched_getaffinity(0)), tuple(sorted(precisions)))
    shares |= {"peak_gmacs": peak.gmacs, "peak_gmacs_by_operation": asdict(peak)}
    shares["share_of_peak"] = {
        s.label: shares["gmacs"][s.label] / (latencies[s].engine_ms / 1e3) / peak.gmacs[s.options.precision]
        for s in subjects
    }
    return shares


def _gmacs(subjects: "list[Subject]", height: int, width: int) -> dict[str, float]:
    """Return the GMAC of a pair, fused image and mask (`measure_complexity`), by label."""
    from epofusion_core.model.card import resolve_weights
    from epofusion_core.model.complexity import measure_complexity
    from epofusion_core.model.weights import load_weights

    counted: dict[tuple[str, int | None], float] = {}
    for model, steps in {(subject.model, subject.options.steps) for subject in subjects}:
        network, _ = load_weights(resolve_weights(model))
        counted[model, steps] = measure_complexity(network, height, width, steps).macs / 1e9
    return {subject.label: counted[subject.model, subject.options.steps] for subject in subjects}


def _parts(models: list[str], height: int, width: int, threads: int) -> dict[str, dict[str, float]]:
    import importlib.util

    if not importlib.util.find_spec("torch"):
        return {}
    from epofusion_core.benchmark.latency import sample_pair
    from epofusion_core.benchmark.parts import measure_parts

    pair = sample_pair(height, width)
    return {model: measure_parts(model, pair, threads or len(os.sched_getaffinity(0))) for model in models}


def _resolutions(
    models: list[str], subjects: "list[Subject]", latencies: "dict[Subject, Latency]", rounds: int
) -> list[dict[str, Any]]:
    from epofusion_core.benchmark.latency import measure_latency, sample_pair
    from epofusion_core.fuser import Fuser

    fastest = [
        min((s for s in subjects if s.model == model), key=lambda each: latencies[each].p50_ms) for model in models
    ]
    rows: list[dict[str, Any]] = []
    for height, width in _RESOLUTIONS:
        fusers = {subject: Fuser.load(subject.model, **asdict(subject.options)) for subject in fastest}
        timed = measure_latency(fusers, sample_pair(height, width), max(5, rounds // 5))
        rows += [{"subject": s.label, "width": width, "height": height, "p50_ms": timed[s].p50_ms} for s in fastest]
    return rows


def _batches(models: list[str], height: int, width: int, threads: int, rounds: int) -> dict[str, dict[int, float]]:
    import importlib.util

    if not importlib.util.find_spec("torch"):
        raise ValueError("--batches needs PyTorch; expected it installed, or no --batches")
    from epofusion_core.benchmark.batch import measure_batches

    threads = threads or len(os.sched_getaffinity(0))
    return {model: measure_batches(model, height, width, threads, max(5, rounds // 5)) for model in models}


def _pairs_and_measure(data: Path, list_file: Path | None, measure: str) -> "tuple[list[Pair], Column]":
    """Look for all that the plot needs before the measuring, which takes minutes, begins."""
    import epofusion_core.benchmark.pareto  # noqa: F401
    from epofusion_core.data.pairs import find_pairs
    from epofusion_core.evaluation.columns import COLUMNS

    column = next((each for each in COLUMNS if each.key == measure), None)
    if column is None:
        raise ValueError(f"measure {measure!r} is unknown; expected one of {', '.join(each.key for each in COLUMNS)}")
    return find_pairs(data, list_file), column


def _pareto(
    path: Path,
    pairs: "list[Pair]",
    column: "Column",
    latencies: "dict[Subject, Latency]",
    size: tuple[int, int],
) -> dict[str, float]:
    from rich.progress import track

    from epofusion_core.benchmark.pareto import Point, plot_pareto
    from epofusion_core.evaluation.evaluate import measure_pairs
    from epofusion_core.evaluation.methods import ModelMethod
    from epofusion_core.evaluation.summary import collect

    quality: dict[tuple[str, str, int], float] = {}
    for subject in track(latencies, "quality", console=console, transient=True):
        # Engines of one precision give one picture. One at a time: dozens of models in each worker fill the memory.
        if _picture(subject) not in quality:
            method = ModelMethod(subject.label, subject.model, replace(subject.options, threads=1))
            evaluation = collect(measure_pairs(pairs, [method], len(os.sched_getaffinity(0))), 0)
            for sentence in evaluation.problems:
                note(sentence)
            if not evaluation.tables:
                raise ValueError(f"{subject.label} fused none of the {len(pairs)} pairs; expected at least one")
            quality[_picture(subject)] = evaluation.tables[0].rows[0].figures[column.key]
    points = [
        Point(s.model, s.options.engine, s.options.precision, s.options.steps or 0, timed.p50_ms, quality[_picture(s)])
        for s, timed in latencies.items()
    ]
    plot_pareto(path, points, f"{column.heading}, mean of {len(pairs)} pairs", f"{_processor()}, {size[0]}x{size[1]}")
    return {subject.label: quality[_picture(subject)] for subject in latencies}


def _picture(subject: "Subject") -> tuple[str, str, int]:
    """Return all that the fused image depends on."""
    return subject.model, subject.options.precision, subject.options.steps or 0


def _processor() -> str:
    """Return the processor's name as Linux tells it."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.is_file() else []
    return next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), platform.machine())


def _show(results: dict[str, Any]) -> None:
    width, height = results["size"]
    title = f"{width}x{height}, {results['processor']}, {results['threads']} threads; ms but where told"
    table = Table("model", "p50", "p95", "p99", "engine", "pairs/s", "memory MB", "GMAC", "of peak", title=title)
    for row in results["rows"]:
        times = (f"{row[key]:.1f}" for key in ("p50_ms", "p95_ms", "p99_ms", "engine_ms", "fps"))
        share, gmacs = row["share_of_peak"], row["gmacs"]
        known = (f"{gmacs:.2f}" if gmacs is not None else "", f"{share:.0%}" if share is not None else "")
        table.add_row(row["subject"], *times, f"{row['memory_mb']:.0f}", *known)
    Console(width=max(console.width, _TABLE_WIDTH)).print(table)
    if results["peak_gmacs"]:
        peaks = results["peak_gmacs_by_operation"]
        by_precision = Table("precision", *peaks, title="measured peak of the processor, GMAC/s")
        for precision in results["peak_gmacs"]:
            by_precision.add_row(precision, *(f"{rates[precision]:.0f}" for rates in peaks.values()))
        console.print(by_precision)
    for model, parts in results["parts_ms"].items():
        by_part = Table("part", "one call", title=f"{model}: where PyTorch's time goes, ms")
        for name, value in parts.items():
            by_part.add_row(name, f"{value:.2f}")
        console.print(by_part)
    if "resolutions" in results:
        by_size = Table("model", "size", "p50", title="cost by resolution, ms")
        for row in results["resolutions"]:
            by_size.add_row(row["subject"], f"{row['width']}x{row['height']}", f"{row['p50_ms']:.1f}")
        console.print(by_size)
    for model, costs in results.get("batches", {}).items():
        by_batch = Table("pairs in a batch", "a pair", title=f"{model}: cost by batch, PyTorch, network alone, ms")
        for batch, cost_ms in costs.items():
            by_batch.add_row(str(batch), f"{cost_ms:.1f}")
        console.print(by_batch)
