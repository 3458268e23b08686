"""`epofusion bench`: latency, memory and quality of each engine on this machine."""

import json
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Optional

import typer
from rich.console import Console
from rich.table import Table

from epofusion_core.atomic_file import write_text
from epofusion_ros.cli import comparison, options
from epofusion_ros.cli.console import clear_errors, console, note, print_json, progress, watched

if TYPE_CHECKING:
    from epofusion_core.benchmark.quality import Quality

_TABLE_WIDTH = 120  # a cut figure cannot be read


def _measures(incomplete: str) -> list[str]:
    from epofusion_core.evaluation.columns import COLUMNS

    return [key for key in ("ap_glare", *(column.key for column in COLUMNS)) if key.startswith(incomplete)]


def bench(
    out: Annotated[Path, typer.Option(help="Folder for bench.json and, with --data, pareto.png.")],
    model: Annotated[
        Optional[list[str]],
        typer.Option(help="Named size or weights file; repeatable.", autocompletion=options.models_that_ship),
    ] = None,
    engine: Annotated[
        Optional[list[options.EngineName]], typer.Option(help="Repeatable; all that are installed by default.")
    ] = None,
    precision: Annotated[
        Optional[list[options.PrecisionName]], typer.Option(help="Repeatable; all that fit the device by default.")
    ] = None,
    steps: Annotated[
        Optional[list[int]], typer.Option(min=1, help="K, repeatable; each model's own by default.")
    ] = None,
    device: options.Device = None,
    threads: Annotated[int, typer.Option(min=0, help="Processor threads; 0 takes all.")] = 0,
    height: Annotated[int, typer.Option(min=48, help="Image height, pixels.")] = 480,
    width: Annotated[int, typer.Option(min=64, help="Image width, pixels.")] = 640,
    rounds: Annotated[int, typer.Option(min=5, help="Runs of each, interleaved.")] = 50,
    resolutions: Annotated[bool, typer.Option(help="Also time each model's fastest engine from 320x256 up.")] = False,
    batches: Annotated[bool, typer.Option(help="Also time each model by PyTorch on batches of 1 to 8 pairs.")] = False,
    data: Annotated[Optional[Path], typer.Option(help="Folder of pairs, for latency against quality.")] = None,
    list_file: Annotated[Optional[Path], typer.Option("--list", help="Text file with the pairs to take.")] = None,
    measure: Annotated[
        str,
        typer.Option(
            help="The quality: ap_glare, AP of a judge in the glare, or mi, vif, qabf, ssim, q_oe or n_oe.",
            autocompletion=_measures,
        ),
    ] = "ap_glare",
    judge: Annotated[
        Optional[str],
        typer.Option(help="For ap_glare, as `downstream detect` takes it; the first installed by default."),
    ] = None,
    box_corrections: Annotated[
        Optional[Path], typer.Option(help="CSV file of what is wrong with the boxes of pairs, for ap_glare.")
    ] = None,
    overwrite: options.Overwrite = False,
    quiet: options.Quiet = False,
    as_json: options.Json = False,
) -> None:
    """Measure latency, memory and the share of the processor's peak, and draw latency against quality."""
    from epofusion_core.output_guard import OutputFolder

    output = OutputFolder(out, "bench", ("bench.json", "pareto.png"))
    with clear_errors():
        output.check([data, list_file, box_corrections, *comparison.files_of(model or ())], overwrite=overwrite)
        from epofusion_core.benchmark.run import BenchSettings, plot_quality, run_benchmark

        chosen = _quality(data, list_file, measure, judge, box_corrections) if data is not None else None
        settings = BenchSettings(
            models=model or (),
            engines=[options.plain(each) for each in engine or ()],
            precisions=[options.plain(each) for each in precision or ()],
            steps=steps or (),
            device=device or "cpu",
            threads=threads,
            height=height,
            width=width,
            rounds=rounds,
            resolutions=resolutions,
            batches=batches,
        )
        benchmark = run_benchmark(settings, note, partial(progress, moving=False))
        results = benchmark.results
        output.mark()
        _write(out, results)
        if not as_json:
            _show(results)
        if chosen is not None:
            quality = plot_quality(out / "pareto.png", chosen, benchmark, note, partial(watched, "quality"))
            results = results | {"quality": quality}
            _write(out, results)
        if as_json:
            print_json(results)
    note(f"written: {out / 'bench.json'}")


def _quality(
    data: Path, list_file: Path | None, measure: str, judge: str | None, box_corrections: Path | None
) -> "Quality":
    from epofusion_core.benchmark.quality import quality_of
    from epofusion_core.downstream.judges import Judge, installed_judges

    chosen = Judge(*comparison.split_name(judge)) if judge else next(iter(installed_judges()), None)
    return quality_of(data, list_file, measure, chosen, box_corrections)


def _write(out: Path, results: dict[str, Any]) -> None:
    write_text(out / "bench.json", json.dumps(results, indent=1) + "\n")


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
