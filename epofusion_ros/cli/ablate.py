"""`epofusion ablate`: the model without each of its parts (Table IV), and over the number of steps K (Fig. 8)."""

import itertools
import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Optional

import typer

from epofusion_ros.cli import comparison, options
from epofusion_ros.cli.console import clear_errors, note, print_json

if TYPE_CHECKING:
    from epofusion_core.data.clips import Clip
    from epofusion_core.data.pairs import FilePair
    from epofusion_core.evaluation.methods import ModelMethod
    from epofusion_core.evaluation.summary import Evaluation


@dataclass(frozen=True)
class _Comparison:
    """What all models are measured on.

    Attributes:
        pairs: for all measures but those of steadiness.
        clips: for those.
        frames: how many of each clip.
        jobs: processes.
        sheet: pairs on the contact sheet.
        as_json: tables are not shown.
    """

    pairs: "Sequence[FilePair]"
    clips: "Sequence[Clip]"
    frames: int
    jobs: int
    sheet: int
    as_json: bool

    def run(self, title: str, models: "Sequence[ModelMethod]", out: Path) -> "Evaluation":
        """Measure the models beside the rules, and write and show the tables."""
        from epofusion_core.evaluation.baselines import RULES
        from epofusion_core.evaluation.evaluate import measure_clips, measure_pairs
        from epofusion_core.evaluation.methods import Method, RuleMethod

        methods: list[Method] = [*(RuleMethod(name) for name in RULES), *models]
        outcomes = itertools.chain(
            measure_pairs(self.pairs, methods, self.jobs), measure_clips(self.clips, methods, self.frames, self.jobs)
        )
        total = len(self.pairs) + len(self.clips) * len(methods)
        evaluation = comparison.run(title, outcomes, total, self.sheet, [])
        comparison.write(title, out, evaluation)
        if not self.as_json:
            comparison.show(evaluation.tables)
        return evaluation


def ablate(
    data: Annotated[Path, typer.Option(help="Folder of pairs: vi/ and ir/, or datasets that have them.")],
    out: Annotated[Path, typer.Option(help="Folder to write parts/ (Table IV) and steps/ (Fig. 8) to.")],
    list_file: Annotated[
        Optional[Path], typer.Option("--list", help="Text file with one stem or dataset/stem a line; all without it.")
    ] = None,
    model: Annotated[
        str,
        typer.Option(help="The complete model: named size or weights file.", autocompletion=options.models_that_ship),
    ] = "epofusion_s",
    without_gm: Annotated[Optional[Path], typer.Option(help="Weights trained without the guidance module.")] = None,
    without_al: Annotated[Optional[Path], typer.Option(help="Weights trained without the adaptive loss.")] = None,
    without_ddm: Annotated[Optional[Path], typer.Option(help="Weights trained without denoising diffusion.")] = None,
    without_mscf: Annotated[Optional[Path], typer.Option(help="Weights trained without multi-scale fusion.")] = None,
    videos: Annotated[
        Optional[Path], typer.Option(help="Folder with vi/NAME.mp4, ir/NAME.mp4, for steadiness.")
    ] = None,
    frames: Annotated[int, typer.Option(min=2, help="Frames to read of each video.")] = 100,
    max_steps: Annotated[int, typer.Option(min=1, help="Try K = 1 to this many sampling steps.")] = 8,
    device: options.TorchDevice = "cpu",
    precision: options.Precision = None,
    jobs: Annotated[int, typer.Option(min=1, help="Processes, one core each.")] = os.cpu_count() or 1,
    sheet: Annotated[int, typer.Option(min=0, help="Pairs on each report's contact sheet.")] = comparison.SHEET_PAIRS,
    mask_classes: options.MaskClasses = None,
    overwrite: options.Overwrite = False,
    quiet: options.Quiet = False,
    as_json: options.Json = False,
) -> None:
    """Measure a trained model without each of its parts, and with K = 1, 2, ... sampling steps.

    Exit code 0: all done; 1: done, but some inputs could not be used (each is named); 2: nothing could be done.
    """
    from epofusion_core.data.clips import find_clips
    from epofusion_core.data.masks import with_mask_classes
    from epofusion_core.data.pairs import scan_pairs
    from epofusion_core.engines.engine import EngineOptions
    from epofusion_core.evaluation.methods import ModelMethod
    from epofusion_core.evaluation.summary import as_plain
    from epofusion_core.model.card import read_card, resolve_weights
    from epofusion_core.output_guard import OutputFolder

    given = [("w/o GM", without_gm), ("w/o AL", without_al), ("w/o DDM", without_ddm), ("w/o MSCF", without_mscf)]
    # PyTorch takes any weights and any K; other engines would export a graph for each.
    engine = EngineOptions("torch", device, **options.given(precision=precision), threads=1, untrained_steps=True)
    parts = [ModelMethod(name, str(path), engine) for name, path in given if path]
    complete = ModelMethod("EPOFusion", model, engine)
    output = OutputFolder(out, "ablate", ("parts", "steps"))
    with clear_errors():
        weights = [path for _, path in given]
        output.check([data, list_file, videos, *weights, *comparison.files_of([model])], overwrite=overwrite)
        import torch  # noqa: F401  what it needs, before the hours of measuring

        import epofusion_core.evaluation.ablation  # noqa: F401

        cards = [read_card(resolve_weights(method.model)) for method in [*parts, complete]]
        scan = scan_pairs(data, list_file)
        pairs = with_mask_classes(scan.pairs, mask_classes or ())
        clips, lonely = ([], []) if videos is None else find_clips(videos)
        output.mark()
    measured = _Comparison(pairs, clips, frames, jobs, sheet, as_json)
    evaluation = measured.run("Table IV: parts left out", [*parts, complete], out / "parts")
    problems = [*scan.unpaired, *lonely, *evaluation.problems]
    tables = {"parts": [as_plain(table) for table in evaluation.tables]}
    if cards[-1].config.diffusion:
        by_steps = [ModelMethod(f"K = {k}", model, replace(engine, steps=k)) for k in range(1, max_steps + 1)]
        evaluation = measured.run("Fig. 8: sampling steps", by_steps, out / "steps")
        problems += evaluation.problems
        tables["steps"] = [as_plain(table) for table in evaluation.tables]
        _write_steps(pairs, by_steps, evaluation, out / "steps")
    if as_json:
        print_json(tables)
    comparison.exit_with(list(dict.fromkeys(problems)))


def _write_steps(pairs: "list[FilePair]", methods: "list[ModelMethod]", evaluation: "Evaluation", out: Path) -> None:
    """Time the methods on a pair that could be read, one after the other, and write the curves."""
    from epofusion_core.evaluation.ablation import StepResult, time_ms, write_steps

    if not evaluation.tables:
        return
    figures = {row.method: row.figures for row in evaluation.tables[0].rows}
    measured = {measurement.item for measurement in evaluation.measurements}
    readable = next(pair for pair in pairs if pair.name in measured)
    results = [
        StepResult(k, time_ms(method, readable), figures[method.name])
        for method in methods
        if (k := method.engine.steps)
    ]
    with clear_errors():
        write_steps(out, f"Quality over sampling steps (time: {readable.name}, {methods[0].engine.device})", results)
    note(f"plot: {out / 'steps.png'}")
