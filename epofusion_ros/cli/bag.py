"""`epofusion bag`: replays bags through the node's own code, without ROS, and writes a report."""

from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Optional

import typer

from epofusion_ros.cli import options
from epofusion_ros.cli.console import clear_errors, error_console, interrupted_by_sigterm, note, progress

if TYPE_CHECKING:
    from epofusion_ros.replay.batch import Replays


class Mode(str, Enum):
    """Which pairs are fused."""

    every = "every"
    realtime = "realtime"


def bag(
    bags: Annotated[list[Path], typer.Argument(help="rosbag2 folders, .mcap or .db3 files, or ROS 1 .bag files.")],
    out: Annotated[Path, typer.Option(help="Folder for report.html and a folder for each bag.")],
    rgb_topic: Annotated[Optional[str], typer.Option(help="RGB topic; found by encoding and name without it.")] = None,
    thermal_topic: Annotated[Optional[str], typer.Option(help="Thermal topic, likewise.")] = None,
    config: Annotated[
        Optional[Path], typer.Option(help="ROS 2 parameter file of the node; defaults without it.")
    ] = None,
    model: Annotated[Optional[str], typer.Option(help="Named size or weights file, instead of the file's.")] = None,
    device: Annotated[Optional[str], typer.Option(help="cpu, cuda or cuda:N, instead of the file's.")] = None,
    mode: Annotated[Mode, typer.Option(help="Fuse every pair, or those a live node would have come to.")] = Mode.every,
    inference_ms: Annotated[
        Optional[float], typer.Option(min=0.0, help="With --mode realtime: time the simulated node takes for a pair.")
    ] = None,
    measure_every: Annotated[int, typer.Option(min=1, help="Measure one of so many fused pairs.")] = 1,
    compare_every: Annotated[int, typer.Option(min=1, help="Compare one of so many with the plain rules.")] = 10,
    pictures: Annotated[int, typer.Option(min=0, help="Frames that the report shows of each bag.")] = 12,
    jobs: Annotated[int, typer.Option(min=1, help="Bags at a time, a process each.")] = 1,
    together: Annotated[bool, typer.Option("--together", help="The bags are of one drive, as `play -i -i`.")] = False,
    rrd: Annotated[bool, typer.Option("--rrd", help="Write replay.rrd for the viewer rerun, too.")] = False,
    resume: Annotated[bool, typer.Option("--resume", help="Go on from an interrupted run.")] = False,
    overwrite: options.Overwrite = False,
) -> None:
    """Replay bags: a bag of fused images, metrics.csv and summary.json for each, and one report.html.

    Bags that hold one camera each are taken as one drive.

    Exit code 0: all done; 1: done, but a bag failed, parts of one cannot be read, or nothing of one could be fused
    (each is named); 2: nothing could be done; 130: interrupted by Ctrl-C or SIGTERM, to be resumed.
    """
    from epofusion_core.output_guard import OutputFolder
    from epofusion_ros.replay.batch import are_one_drive, bags_in, replay_bags, tasks_of
    from epofusion_ros.replay.checkpoint import OUTPUTS
    from epofusion_ros.replay.report import write_report
    from epofusion_ros.replay.rerun_recording import RERUN_FILE, write_rerun_recording
    from epofusion_ros.replay.settings import ReplaySettings, parameters_of

    with clear_errors():
        if rrd:
            import rerun  # noqa: F401 - that it is missing is to be said before the replay, not after it
        if (mode is Mode.realtime) != (inference_ms is not None):
            raise ValueError("--mode realtime and --inference-ms go together; expected both or neither")
        overrides = {name: value for name, value in (("model", model), ("device", device)) if value is not None}
        settings = ReplaySettings(
            parameters_of(config, overrides),
            rgb_topic,
            thermal_topic,
            inference_ms,
            measure_every,
            compare_every,
            pictures,
        )
        bags = bags_in(bags)
        if not together and are_one_drive(bags, settings):
            together = True
            note("each bag holds one camera: they are taken as one drive")
        tasks = tasks_of(bags, out, settings, resume=resume, together=together)
        outputs = [OutputFolder(out, "bag", ["report.html"])]
        outputs += [OutputFolder(task.folder, "bag", [*OUTPUTS, RERUN_FILE]) for task in tasks]
        for output in outputs:
            output.check([*bags, config, *settings.files()], overwrite=overwrite)
        for output in outputs:
            output.mark()
    try:
        with clear_errors(), interrupted_by_sigterm():
            replays = replay_bags(tasks, jobs, progress, note)
    except KeyboardInterrupt as interrupt:
        error_console.print("interrupted; the same command with --resume goes on from here")
        raise typer.Exit(130) from interrupt
    if replays.done:
        with clear_errors():
            write_report(out / "report.html", list(replays.done), replays.failures, pictures)
            for task in tasks:
                if rrd and task.folder in replays.done:
                    write_rerun_recording(task.bags, task.folder, settings)
    _say(replays, out)


def _say(replays: "Replays", out: Path) -> None:
    """Print an account of each bag, name what failed, and leave with the exit code for it."""
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
    if not replays.done:
        raise typer.Exit(2)
    note(f"look at {out / 'report.html'}")
    if missing or replays.failures:
        raise typer.Exit(1)
