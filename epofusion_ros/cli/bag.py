"""`epofusion bag`: replays bags through the node's own code, without ROS, and writes a report."""

from enum import Enum
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Optional

import typer

from epofusion_ros.cli import options
from epofusion_ros.cli.console import clear_errors, error_console, interrupted_by_sigterm, note, progress

if TYPE_CHECKING:
    from epofusion_ros.replay.batch import Replays


class Executor(str, Enum):
    """Who replays the bags."""

    local = "local"
    ray = "ray"


class Mode(str, Enum):
    """Which pairs are fused."""

    every = "every"
    realtime = "realtime"


def bag(
    bags: Annotated[
        list[str],
        typer.Argument(
            help="rosbag2 folders, .mcap or .db3 files, or ROS 1 .bag files; patterns of them; addresses such as "
            "s3://BUCKET/BAG; .txt files with one of all these a line."
        ),
    ],
    out: Annotated[Path, typer.Option(help="Folder for report.html and a folder for each bag.")],
    rgb_topic: Annotated[Optional[str], typer.Option(help="RGB topic; found by encoding and name without it.")] = None,
    thermal_topic: Annotated[Optional[str], typer.Option(help="Thermal topic, likewise.")] = None,
    config: options.Config = None,
    model: options.Model = None,
    engine: options.Engine = None,
    device: options.Device = None,
    precision: options.Precision = None,
    mode: Annotated[Mode, typer.Option(help="Fuse every pair, or those a live node would have come to.")] = Mode.every,
    inference_ms: Annotated[
        Optional[float], typer.Option(min=0.0, help="With --mode realtime: time the simulated node takes for a pair.")
    ] = None,
    measure_every: Annotated[int, typer.Option(min=1, help="Measure one of so many fused pairs.")] = 1,
    compare_every: Annotated[int, typer.Option(min=1, help="Compare one of so many with the plain rules.")] = 10,
    pictures: Annotated[int, typer.Option(min=0, help="Frames that the report shows of each bag.")] = 12,
    jobs: Annotated[int, typer.Option(min=1, help="Bags at a time, a process each.")] = 1,
    executor: Annotated[Executor, typer.Option(help="Processes of this machine, or a Ray cluster.")] = Executor.local,
    ray: Annotated[
        Optional[str], typer.Option(help="With --executor ray: its address; workers on this machine without it.")
    ] = None,
    together: Annotated[bool, typer.Option("--together", help="The bags are of one drive, as `play -i -i`.")] = False,
    rrd: Annotated[bool, typer.Option("--rrd", help="Write replay.rrd for the viewer rerun, too.")] = False,
    resume: Annotated[bool, typer.Option("--resume", help="Go on from an interrupted run.")] = False,
    overwrite: options.Overwrite = False,
    quiet: options.Quiet = False,
) -> None:
    """Replay bags: a bag of fused images, metrics.csv and summary.json for each, and a report.html.

    Bags that hold one camera each are taken as one drive. catalogue/ holds the figures of all as Parquet, failed.txt
    the bags that failed, to be given back.

    Exit code 0: all done; 1: done, but a bag failed, parts of one cannot be read, or nothing of one could be fused
    (each is named); 2: nothing could be done; 130: interrupted by Ctrl-C or SIGTERM, to be resumed.
    """
    from epofusion_core.output_guard import OutputFolder, check_folders
    from epofusion_ros.parameters.parameter_file import parameters_of
    from epofusion_ros.replay import batch, checkpoint
    from epofusion_ros.replay.bag_list import bags_named, is_list
    from epofusion_ros.replay.catalogue import remove_catalogue
    from epofusion_ros.replay.remote_bag import local_copies
    from epofusion_ros.replay.report import REPORT, write_report
    from epofusion_ros.replay.rerun_recording import RERUN_FILE, write_rerun_recording
    from epofusion_ros.replay.settings import ReplaySettings

    with clear_errors():
        if rrd:
            import rerun  # noqa: F401 - that it is missing is to be said before the replay, not after it
        if executor is Executor.ray:
            import_module("ray")  # likewise
        if ray is not None and executor is not Executor.ray:
            raise ValueError("--ray is the address of a Ray cluster; expected --executor ray beside it")
        if (mode is Mode.realtime) != (inference_ms is not None):
            raise ValueError("--mode realtime and --inference-ms go together; expected both or neither")
        overrides = options.given(model=model, engine=engine, device=device, precision=precision)
        settings = ReplaySettings(
            parameters_of(config, overrides),
            rgb_topic,
            thermal_topic,
            inference_ms,
            measure_every,
            compare_every,
            pictures,
        )
        sources = bags_named(bags)
        if not together and batch.are_one_drive(sources, settings):
            together = True
            note("each bag holds one camera: they are taken as one drive")
        tasks = batch.tasks_of(sources, out, settings, resume=resume, together=together)
        outputs = [OutputFolder(out, "bag", batch.OUTPUTS)]
        outputs += [OutputFolder(task.folder, "bag", [*checkpoint.OUTPUTS, RERUN_FILE, REPORT]) for task in tasks]
        lists = [Path(name) for name in bags if is_list(name)]
        local = [source for source in sources if isinstance(source, Path)]
        check_folders(outputs, [*local, *lists, config, *settings.files()], overwrite=overwrite)
        for output in outputs:
            output.mark()
        remove_catalogue(out)
    try:
        with clear_errors(), interrupted_by_sigterm():
            cluster = (ray or "local") if executor is Executor.ray else None
            replays = batch.replay_bags(tasks, jobs, progress, note, cluster=cluster)
    except KeyboardInterrupt as interrupt:
        error_console.print("interrupted; the same command with --resume goes on from here")
        raise typer.Exit(130) from interrupt
    with clear_errors():
        batch.write_failed(out, replays.failures)
        if replays.done:
            write_report(out / REPORT, list(replays.done), replays.failures, pictures)
            _write_catalogue(out, list(replays.done))
        for task in tasks:
            if rrd and task.folder in replays.done:
                with local_copies(task.bags, task.folder / checkpoint.COPIES) as paths:
                    write_rerun_recording(paths, task.folder, settings)
    _say(replays, out)


def _write_catalogue(out: Path, folders: list[Path]) -> None:
    """Write the catalogue; of several bags, say so where what writes it is not installed."""
    from epofusion_ros.replay.catalogue import write_catalogue

    try:
        write_catalogue(out, folders)
    except ModuleNotFoundError as error:
        if len(folders) > 1:
            note(f"no catalogue was written: it needs {error.name}, of epofusion_ros[fleet]")


def _say(replays: "Replays", out: Path) -> None:
    """Print an account of each bag, name what failed, and leave with the exit code for it."""
    from epofusion_ros.replay.batch import FAILED

    for folder, summary in replays.done.items():
        fused = summary.fates["fused"]
        waiting = f", {summary.pending_rgb} waiting at the end" if summary.pending_rgb else ""
        note(
            f"{folder.name}: {summary.received_rgb} RGB images, {summary.unmatched_rgb} of them unmatched{waiting}; "
            f"{summary.pairs} pairs = {fused} fused + {summary.pairs - fused} dropped"
        )
        for problem, count in summary.problems.items():
            note(f"{folder.name}: {count} dropped: {problem}")
    missing = [sentence for summary in replays.done.values() for sentence in summary.missing]
    missing += [f"{folder.name}: {summary.cause}" for folder, summary in replays.done.items() if summary.cause]
    for sentence in [*missing, *(f"{failure.bag}: {failure.sentence}" for failure in replays.failures)]:
        error_console.print(sentence, highlight=False, markup=False, soft_wrap=True)
    if replays.failures:
        note(f"{len(replays.failures)} of {len(replays.failures) + len(replays.done)} bags failed: {out / FAILED}")
    if not replays.done:
        raise typer.Exit(2)
    note(f"look at {out / 'report.html'}")
    if missing or replays.failures:
        raise typer.Exit(1)
