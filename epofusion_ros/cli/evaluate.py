"""`epofusion evaluate`: models and baselines on a folder of pairs and on video."""

import itertools
import os
from pathlib import Path
from typing import Annotated, Optional

import typer

from epofusion_ros.cli import comparison, options
from epofusion_ros.cli.console import clear_errors


def evaluate(
    out: Annotated[Path, typer.Option(help="Folder for report.html, means.csv, per_image.csv and results.json.")],
    data: Annotated[
        Optional[Path], typer.Option(help="Folder of pairs: vi/ and ir/, or datasets that have them.")
    ] = None,
    list_file: Annotated[
        Optional[Path], typer.Option("--list", help="Text file with one stem or dataset/stem a line; all without it.")
    ] = None,
    split: Annotated[Optional[str], typer.Option(help="Split folder to read, such as test.")] = None,
    glare_boxes: Annotated[
        Optional[Path],
        typer.Option(help="CSV of objects marked in real glare; their outlines are true masks where there is no file."),
    ] = None,
    mask_classes: options.MaskClasses = None,
    videos: Annotated[
        Optional[Path], typer.Option(help="Folder with vi/NAME.mp4, ir/NAME.mp4, for steadiness.")
    ] = None,
    frames: Annotated[int, typer.Option(min=2, help="Frames to read of each video.")] = 100,
    config: options.Config = None,
    model: options.Models = None,
    engine: options.Engine = None,
    device: options.Device = None,
    precision: options.Precision = None,
    steps: options.Steps = None,
    untrained_steps: options.UntrainedSteps = False,
    jobs: Annotated[int, typer.Option(min=1, help="Processes, one core each.")] = os.cpu_count() or 1,
    sheet: Annotated[int, typer.Option(min=0, help="Pairs on the report's contact sheet.")] = comparison.SHEET_PAIRS,
    overwrite: options.Overwrite = False,
    quiet: options.Quiet = False,
    as_json: options.Json = False,
) -> None:
    """Measure models against the rules maximum, average and glare_maximum.

    Exit code 0: all done; 1: done, but some inputs could not be used (each is named); 2: nothing could be done.
    """
    from epofusion_core.data.annotations import read_marked_boxes
    from epofusion_core.data.clips import find_clips
    from epofusion_core.data.masks import with_mask_classes
    from epofusion_core.data.pairs import PairScan, scan_pairs
    from epofusion_core.engines.engine import EngineOptions
    from epofusion_core.evaluation.evaluate import measure_clips, measure_pairs
    from epofusion_ros.parameters.parameter_file import files_of, parameters_of
    from epofusion_ros.stream.pipeline import preparation_of

    output = comparison.output_folder(out, "evaluate")
    with clear_errors():
        chosen = options.given(engine=engine, device=device, precision=precision, steps=steps)
        parameters = parameters_of(config, chosen)
        named = [data, list_file, glare_boxes, videos, config, *files_of(parameters)]
        output.check([*named, *comparison.files_of(model or ())], overwrite=overwrite)
        if data is None and videos is None:
            raise ValueError("nothing to evaluate; expected --data or --videos")
        scan = PairScan([]) if data is None else scan_pairs(data, list_file, split)
        image_pairs = with_mask_classes(scan.pairs, mask_classes or ())
        boxes = None if glare_boxes is None else read_marked_boxes(glare_boxes)
        if boxes is not None and not any(pair.name in boxes for pair in scan.pairs):
            raise ValueError(f"glare boxes {glare_boxes} name none of the pairs; expected stem or dataset/stem")
        clips, lonely = ([], []) if videos is None else find_clips(videos)
        preparation = preparation_of(parameters)
        preparation.registration()
        options_of_engine = EngineOptions(
            parameters.engine,
            parameters.device,
            parameters.precision,
            parameters.steps or None,
            threads=1,
            untrained_steps=untrained_steps or parameters.untrained_steps,
        )
        models = model or ([parameters.model] if config else None)
        methods = comparison.methods_of(models, options_of_engine)
        output.mark()
    pairs = measure_pairs(image_pairs, methods, jobs, boxes, preparation)
    outcomes = itertools.chain(pairs, measure_clips(clips, methods, frames, jobs, preparation))
    total = len(scan.pairs) + len(clips) * len(methods)
    evaluation = comparison.run("evaluating", outcomes, total, sheet, scan.unpaired + lonely)
    names = ", ".join(source.resolve().name for source in (data, videos) if source is not None)
    comparison.write(f"Fusion quality: {names}", out, evaluation)
    comparison.show(evaluation.tables, as_json=as_json)
    comparison.exit_with(evaluation.problems)
