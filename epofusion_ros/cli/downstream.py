"""`epofusion downstream`: what detectors and segmentation networks see in the fused images (paper VI-A)."""

import os
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Optional

import typer

from epofusion_ros.cli import comparison, options
from epofusion_ros.cli.console import clear_errors, note, progress, watched

if TYPE_CHECKING:
    from epofusion_core.data.annotations import Annotations
    from epofusion_core.data.pairs import FilePair
    from epofusion_core.downstream.detect import ImageMaker
    from epofusion_core.downstream.judges import Judge
    from epofusion_core.engines.engine import EngineOptions
    from epofusion_core.evaluation.methods import Method

downstream = typer.Typer(help="Detectors and segmentation networks judge fused images.", no_args_is_help=True)

_CORES = os.cpu_count() or 1


class GlareName(str, Enum):
    """What is added to the visible images of a test."""

    none = "none"
    spots = "spots"
    overexposure = "overexposure"


DataOption = Annotated[Path, typer.Option(help="Folder of pairs: vi/, ir/ and boxes/, or datasets that have them.")]
ListOption = Annotated[
    Optional[Path], typer.Option("--list", help="Text file with one stem or dataset/stem a line; all without it.")
]
TrainOption = Annotated[Path, typer.Option(help="Folder of the pairs to train on.")]
TrainListOption = Annotated[Optional[Path], typer.Option(help="Text file with the pairs to train on; all without it.")]
TestOption = Annotated[Path, typer.Option(help="Folder of the pairs to judge on.")]
TestListOption = Annotated[Optional[Path], typer.Option(help="Text file with the pairs to judge on; all without it.")]
FusedOption = Annotated[
    Optional[list[str]], typer.Option(help="Folder of images that another method fused, or NAME=FOLDER; repeatable.")
]
GlareOption = Annotated[
    GlareName, typer.Option(help="Added to visible images: nothing, spots over half of the objects, or overexposure.")
]
SeedOption = Annotated[int, typer.Option(help="Seed of all that is random.")]
CorrectionsOption = Annotated[Optional[Path], typer.Option(help="CSV file of what is wrong with the boxes of pairs.")]
ClassesOption = Annotated[str, typer.Option(help="Names of the classes of the pairs' boxes, by number.")]
IterationsOption = Annotated[int, typer.Option(min=1, help="Optimiser steps for each method.")]
BatchOption = Annotated[int, typer.Option(min=1, help="Images a step.")]
JobsOption = Annotated[int, typer.Option(min=1, help="Processes, one core each.")]

_CLASSES = "person,bicycle,car"


@downstream.command()
def detect(
    data: DataOption,
    out: Annotated[Path, typer.Option(help="Folder for ap50.csv, ap50.png and misses/, sheets of the worst misses.")],
    list_file: ListOption = None,
    judge: Annotated[
        Optional[list[str]],
        typer.Option(
            help="hog, ssdlite, a YAML file that describes a detector, ultralytics:WEIGHTS.pt or "
            "torchvision:MODEL:WEIGHTS.pth, or NAME=one of these; repeatable. What is installed by default."
        ),
    ] = None,
    glare: GlareOption = GlareName.none,
    seed: Annotated[
        Optional[list[int]], typer.Option(help="Seed of the added glare; repeatable. 0 by default.")
    ] = None,
    model: options.Models = None,
    fused: FusedOption = None,
    box_corrections: CorrectionsOption = None,
    object_boxes: Annotated[
        Optional[Path], typer.Option(help="CSV file of pairs without boxes, all of whose objects are marked.")
    ] = None,
    glare_boxes: Annotated[
        Optional[Path], typer.Option(help="CSV file of pairs without boxes whose objects in the glare are marked.")
    ] = None,
    classes: ClassesOption = _CLASSES,
    engine: options.Engine = None,
    device: options.Device = None,
    precision: options.Precision = None,
    misses: Annotated[int, typer.Option(min=0, help="Objects on each sheet of the worst misses.")] = 12,
    jobs: JobsOption = _CORES,
    overwrite: options.Overwrite = False,
    quiet: options.Quiet = False,
    as_json: options.Json = False,
) -> None:
    """Let frozen detectors judge the sources, rules, models and others: AP50 by class, in the glare and elsewhere.

    Exit code 0: all done; 1: done, but some inputs could not be used (each is named); 2: nothing could be done.
    """
    from epofusion_core.data.pairs import scan_pairs
    from epofusion_core.engines.engine import EngineOptions
    from epofusion_core.output_guard import OutputFolder

    with clear_errors():
        from epofusion_core.downstream.detect import ImageMaker, judge_pairs, scores_of
        from epofusion_core.downstream.detection_report import DETECTION_FILES, tables, write_detection_report
        from epofusion_core.downstream.glare import Glare

        output = OutputFolder(out, "downstream detect", DETECTION_FILES)
        output.check(
            [data, list_file, box_corrections, object_boxes, glare_boxes, *_inputs(model, fused, judge)],
            overwrite=overwrite,
        )
        scan = scan_pairs(data, list_file)
        annotations = _annotations(box_corrections, object_boxes, glare_boxes)
        maker = ImageMaker(annotations, Glare(glare.value), tuple(classes.split(",")))
        judges = _judges(judge)
        given = options.given(engine=engine, device=device, precision=precision)
        methods = _methods(model, fused, maker, EngineOptions(**given, threads=1))
        seeds = [0] if maker.glare is Glare.NONE else sorted(set(seed or [0]))
        work = judge_pairs(scan.pairs, seeds, maker, methods, judges, jobs)
        judged = list(watched("judging", work, len(scan.pairs) * len(seeds)))
        problems = [*scan.unpaired, *(problem for each in judged for problem in each.problems)]
        scores = scores_of(judged, judges, [method.name for method in methods])
        if not scores:
            raise ValueError("\n".join([*problems, "no pair has an object that a judge knows"]))
        output.mark()
        title = f"{data.resolve().name}, glare added: {maker.glare.value}"
        write_detection_report(out, title, scores, judged, maker, methods, misses)
    comparison.show(tables(scores), "objects", as_json=as_json)
    note(f"written: {out / 'ap50.csv'}, {out / 'ap50.png'} and sheets of the worst misses")
    comparison.exit_with(problems)


@downstream.command()
def prepare(
    data: DataOption,
    out: Annotated[Path, typer.Option(help="New folder to write [dataset/]vi/, ir/ and boxes/ to.")],
    list_file: ListOption = None,
    glare: GlareOption = GlareName.spots,
    seed: SeedOption = 0,
    box_corrections: CorrectionsOption = None,
    classes: ClassesOption = _CLASSES,
    jobs: JobsOption = _CORES,
    quiet: options.Quiet = False,
) -> None:
    """Write the pairs of a test, with glare added, for other methods to fuse: `detect --data OUT --fused NAME=FOLDER`.

    Exit code 0: all done; 1: done, but some inputs could not be used (each is named); 2: nothing could be done.
    """
    from epofusion_core.data.pairs import scan_pairs
    from epofusion_core.output_guard import refuse_overlap

    with clear_errors():
        from epofusion_core.downstream.detect import ImageMaker
        from epofusion_core.downstream.glare import Glare
        from epofusion_core.downstream.image_sets import write_pairs

        refuse_overlap([out], [data, list_file, box_corrections])
        scan = scan_pairs(data, list_file)
        maker = ImageMaker(_annotations(box_corrections), Glare(glare.value), tuple(classes.split(",")))
        problems = [*scan.unpaired, *write_pairs(scan.pairs, maker, seed, out, jobs)]
    note(f"pairs written to {out}")
    comparison.exit_with(problems)


@downstream.command()
def train_detect(
    train: TrainOption,
    test: TestOption,
    out: Annotated[Path, typer.Option(help="Folder for images/, detectors/, ap50.csv and ap50.png.")],
    train_list: TrainListOption = None,
    test_list: TestListOption = None,
    detector: Annotated[
        str, typer.Option(help="A detection model of torchvision, or ultralytics:MODEL, such as yolo11n.yaml.")
    ] = "ssdlite320_mobilenet_v3_large",
    iterations: IterationsOption = 20_000,
    batch: BatchOption = 8,
    glare: GlareOption = GlareName.spots,
    seed: SeedOption = 0,
    model: options.Models = None,
    fused: FusedOption = None,
    box_corrections: CorrectionsOption = None,
    classes: ClassesOption = _CLASSES,
    engine: options.Engine = None,
    precision: options.Precision = None,
    device: options.TorchDevice = "cpu",
    jobs: JobsOption = _CORES,
    overwrite: options.Overwrite = False,
    quiet: options.Quiet = False,
    as_json: options.Json = False,
) -> None:
    """Train a detector equally long on each method's images and judge it on that method's test images (Table VII).

    Run again to resume: images and detectors that are there already are kept. Exit codes are those of detect.
    """
    from epofusion_core.engines.engine import EngineOptions
    from epofusion_core.output_guard import OutputFolder

    with clear_errors():
        from epofusion_core.downstream.detect import ImageMaker
        from epofusion_core.downstream.detection_report import plot, tables, write_csv
        from epofusion_core.downstream.glare import Glare
        from epofusion_core.downstream.schedule import TrainingSchedule
        from epofusion_core.downstream.trained_detection import DETECTORS, IMAGES, judge_method, train_detector

        output = OutputFolder(out, "downstream train-detect", ("ap50.csv", "ap50.png", IMAGES, DETECTORS))
        output.check([train, train_list, test, test_list, box_corrections, *_inputs(model, fused)], overwrite=overwrite)
        maker = ImageMaker(_annotations(box_corrections), Glare(glare.value), tuple(classes.split(",")))
        given = options.given(engine=engine, precision=precision)
        methods = _methods(model, fused, maker, EngineOptions(**given, threads=1))
        output.mark()
        pairs, problems = _write_sets((train, train_list), (test, test_list), maker, methods, seed, out / IMAGES, jobs)
        schedule = TrainingSchedule(iterations, batch, seed=seed, device=device)
        scores = []
        for method in methods:
            note(f"training on the images of {method.name}")
            judge = train_detector(out, method.name, maker.classes, detector, schedule)
            judged, of_method = judge_method(pairs, seed, maker, out, method.name, judge)
            problems += [problem for each in judged for problem in each.problems]
            scores += of_method
            write_csv(out / "ap50.csv", scores)
        plot(out / "ap50.png", scores, f"{detector}, {iterations} iterations on each method's images")
    comparison.show(tables(scores), "objects", as_json=as_json)
    note(f"written: {out / 'ap50.csv'} and {out / 'ap50.png'}")
    comparison.exit_with(list(dict.fromkeys(problems)))


@downstream.command()
def segment(
    train: TrainOption,
    test: TestOption,
    labels: Annotated[
        Path, typer.Option(help="Folder of labels, NAME.png or dataset/NAME.png: the number of each pixel's class.")
    ],
    out: Annotated[Path, typer.Option(help="Folder for images/, iou.csv and iou.json.")],
    train_list: TrainListOption = None,
    test_list: TestListOption = None,
    iterations: IterationsOption = 20_000,
    batch: BatchOption = 8,
    crop: Annotated[int, typer.Option(min=32, help="Side of the training crops, pixels.")] = 480,
    start: Annotated[
        Optional[Path], typer.Option(help="Folder of pretrained weights that transformers saved; random without it.")
    ] = None,
    glare: GlareOption = GlareName.spots,
    seed: SeedOption = 0,
    model: options.Models = None,
    fused: FusedOption = None,
    classes: Annotated[str, typer.Option(help="Names of the classes, by number; those of MSRS by default.")] = "",
    engine: options.Engine = None,
    precision: options.Precision = None,
    device: options.TorchDevice = "cpu",
    jobs: JobsOption = _CORES,
    overwrite: options.Overwrite = False,
    quiet: options.Quiet = False,
    as_json: options.Json = False,
) -> None:
    """Train SegFormer equally long on each method's images and judge it on that method's test images (Table VI).

    Run again to resume: images that are there already are kept. Exit codes are those of detect.
    """
    from epofusion_core.engines.engine import EngineOptions
    from epofusion_core.output_guard import OutputFolder

    with clear_errors():
        from epofusion_core.downstream.detect import ImageMaker
        from epofusion_core.downstream.glare import Glare
        from epofusion_core.downstream.image_sets import images_of
        from epofusion_core.downstream.labels import MSRS_CLASSES
        from epofusion_core.downstream.schedule import TrainingSchedule
        from epofusion_core.downstream.segmentation import agreement, labelled_images, train_segformer
        from epofusion_core.downstream.segmentation_report import table, write_iou

        images = out / "images"
        output = OutputFolder(out, "downstream segment", ("iou.csv", "iou.json", images.name))
        output.check([train, train_list, test, test_list, labels, start, *_inputs(model, fused)], overwrite=overwrite)
        names = tuple(classes.split(",")) if classes else MSRS_CLASSES
        maker = ImageMaker(glare=Glare(glare.value), classes=names, labels=labels)
        given = options.given(engine=engine, precision=precision)
        methods = _methods(model, fused, maker, EngineOptions(**given, threads=1))
        output.mark()
        pairs, problems = _write_sets((train, train_list), (test, test_list), maker, methods, seed, images, jobs)
        schedule = TrainingSchedule(iterations, batch, seed=seed, device=device)
        results = {}
        for method in methods:
            note(f"training on the images of {method.name}")
            to_train, to_judge = (
                labelled_images(images_of(images, method.name, split), labels) for split in ("train", "test")
            )
            network = train_segformer(to_train, len(names), schedule, crop, start)
            results[method.name] = agreement(network, to_judge, len(names))
            write_iou(out, names, results)
    comparison.show([table(names, results, len(pairs))], "images", as_json=as_json)
    note(f"written: {out / 'iou.csv'}")
    comparison.exit_with(list(dict.fromkeys(problems)))


def _inputs(models: list[str] | None, fused: list[str] | None, judges: list[str] | None = None) -> list[Path]:
    """Return the files and folders among what is named on the command line."""
    named = [Path(comparison.split_name(argument)[1]) for argument in [*(fused or []), *(judges or [])]]
    return [*comparison.files_of(models or ()), *(path for path in named if path.exists())]


def _methods(
    models: list[str] | None, fused: list[str] | None, maker: "ImageMaker", engine: "EngineOptions"
) -> "list[Method]":
    """Return what is compared; images fused elsewhere must show the glare of the test already."""
    from epofusion_core.downstream.glare import Glare

    if fused and maker.glare is not Glare.NONE:
        raise ValueError(
            f"images in {fused[0]} cannot show glare that is added here; expected the pairs that "
            "`epofusion downstream prepare` writes, fused, and --glare none"
        )
    return comparison.methods_of(models, engine, fused, sources=True)


def _judges(given: list[str] | None) -> "list[Judge]":
    """Return the judges, each loaded once to know that it can be."""
    from epofusion_core.downstream.judges import FORMS, Judge, installed_judges

    judges = [Judge(*_named(argument)) for argument in given] if given else installed_judges()
    if not judges:
        raise ValueError(f"no judge is given, and none is installed; expected --judge with {FORMS}")
    names = [judge.name for judge in judges]
    if repeated := next((name for name in names if names.count(name) > 1), None):
        raise ValueError(f"{repeated!r} names two judges; expected a name of its own: --judge NAME=SOURCE")
    for judge in judges:
        judge.load()
    return judges


def _named(argument: str) -> tuple[str, str]:
    name, source = comparison.split_name(argument)
    return name if "=" in argument else Path(name.replace(":", "_")).stem, source


def _annotations(
    corrections: Path | None = None, objects: Path | None = None, glare: Path | None = None
) -> "Annotations":
    from epofusion_core.data.annotations import Annotations, read_box_corrections, read_marked_boxes

    return Annotations(
        box_corrections=read_box_corrections(corrections) if corrections else {},
        object_boxes=read_marked_boxes(objects) if objects else {},
        glare_boxes=read_marked_boxes(glare) if glare else {},
    )


def _write_sets(
    train: tuple[Path, Path | None],
    test: tuple[Path, Path | None],
    maker: "ImageMaker",
    methods: "list[Method]",
    seed: int,
    out: Path,
    jobs: int,
) -> "tuple[list[FilePair], list[str]]":
    """Write each method's images to train and to judge on; return the latter pairs, and what could not be used."""
    from epofusion_core.data.pairs import scan_pairs
    from epofusion_core.downstream.image_sets import write_fused

    scans = {"train": scan_pairs(*train), "test": scan_pairs(*test)}
    problems: list[str] = []
    for split, scan in scans.items():
        with progress(f"fusing the images of {split}") as report:
            problems += scan.unpaired + write_fused(scan.pairs, maker, methods, seed, out, split, jobs, report)
    return scans["test"].pairs, problems
