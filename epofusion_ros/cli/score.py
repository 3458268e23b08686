"""`epofusion score`: measures fused images of any method, a folder each, against the sources."""

import os
from pathlib import Path
from typing import Annotated, Optional

import typer

from epofusion_ros.cli import comparison, options
from epofusion_ros.cli.console import clear_errors


def score(
    vi: Annotated[Path, typer.Option(help="Folder of visible images.")],
    thermal: Annotated[
        Path, typer.Option("--thermal", "--ir", help="Folder of thermal images, with the same file stems.")
    ],
    fused: Annotated[
        list[str],
        typer.Option(help="A method's folder of images, or what `epofusion fuse` wrote, or NAME=FOLDER; repeatable."),
    ],
    out: Annotated[Path, typer.Option(help="Folder for report.html, means.csv, per_image.csv and results.json.")],
    mask: Annotated[
        Optional[Path], typer.Option(help="Folder of true masks of infrared objects inside overexposed regions.")
    ] = None,
    mask_classes: options.MaskClasses = None,
    jobs: Annotated[int, typer.Option(min=1, help="Processes, one core each.")] = os.cpu_count() or 1,
    sheet: Annotated[int, typer.Option(min=0, help="Pairs on the report's contact sheet.")] = comparison.SHEET_PAIRS,
    overwrite: options.Overwrite = False,
    quiet: options.Quiet = False,
    as_json: options.Json = False,
) -> None:
    """Measure fused images of any methods against the rules maximum, average and glare_maximum.

    Exit code 0: all done; 1: done, but some inputs could not be used (each is named); 2: nothing could be done.
    """
    from epofusion_core.data.masks import with_mask_classes
    from epofusion_core.data.pairs import pair_folders
    from epofusion_core.evaluation.baselines import RULES
    from epofusion_core.evaluation.evaluate import measure_pairs
    from epofusion_core.evaluation.methods import FolderMethod, Method, RuleMethod

    output = comparison.output_folder(out, "score")
    with clear_errors():
        folders = comparison.folders_of(fused)
        output.check([vi, thermal, mask, *(folder for _, folder in folders)], overwrite=overwrite)
        scan = pair_folders(vi, thermal, mask)
        pairs = with_mask_classes(scan.pairs, mask_classes or ())
        output.mark()
    methods: list[Method] = [RuleMethod(name) for name in RULES]
    methods += [FolderMethod(name, folder) for name, folder in folders]
    outcomes = measure_pairs(pairs, methods, jobs)
    evaluation = comparison.run("scoring", outcomes, len(pairs), sheet, scan.unpaired)
    comparison.write("Fusion quality", out, evaluation)
    comparison.show(evaluation.tables, as_json=as_json)
    comparison.exit_with(evaluation.problems)
