"""Replays of several bags: one task each, in processes of their own where asked for; a bad bag stops no other."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from epofusion_core.atomic_file import cannot_write, is_disk_full
from epofusion_core.progress import OpenProgress
from epofusion_ros.replay.bag import Bag
from epofusion_ros.replay.replay_bag import BagTask, replay_bag
from epofusion_ros.replay.report import Failure
from epofusion_ros.replay.settings import ReplaySettings
from epofusion_ros.replay.storage.metadata import METADATA
from epofusion_ros.replay.storage.recording import is_storage_file
from epofusion_ros.replay.summary import BagSummary
from epofusion_ros.replay.topics import candidates
from epofusion_ros.replay.workers import replay_in_processes

Say = Callable[[str], None]


@dataclass
class Replays:
    """What replaying several bags gave.

    Attributes:
        done: account of each bag that could be replayed, by its folder, in the order of the bags.
        failures: the others.
    """

    done: dict[Path, BagSummary] = field(default_factory=dict)
    failures: list[Failure] = field(default_factory=list)


def bags_in(paths: Sequence[Path]) -> list[Path]:
    """Return paths with the bags directly in it in place of each folder that is no bag itself, but holds some."""
    return [bag for path in paths for bag in _bags_in(path)]


def tasks_of(
    bags: Sequence[Path], out: Path, settings: ReplaySettings, *, resume: bool, together: bool = False
) -> list[BagTask]:
    """Return a task for each bag, whose folder in `out` has the bag's name; equal names are numbered.

    Args:
        bags: folders and files.
        out: folder of all.
        settings: of each.
        resume: go on from what an interrupted run has left.
        together: all bags are of one drive, and make one task.
    """
    if together:
        return [BagTask(bags[0], out / _stem(bags[0]), settings, resume, beside=tuple(bags[1:]))]
    tasks: list[BagTask] = []
    taken: set[str] = set()
    for bag in bags:
        name = base = _stem(bag)
        number = 1
        while name in taken:
            number += 1
            name = f"{base}_{number}"
        taken.add(name)
        tasks.append(BagTask(bag, out / name, settings, resume))
    return tasks


def are_one_drive(bags: Sequence[Path], settings: ReplaySettings) -> bool:
    """Tell whether each of several bags has the images of one camera only, and all of them together of both."""
    found_rgb = found_thermal = False
    for path in bags if len(bags) > 1 else ():
        try:
            with Bag(path) as bag:
                thermal, rgb = candidates(bag.image_topics(), settings.rgb_topic, settings.thermal_topic)
                names = bag.image_names()
        except (ValueError, OSError):
            return False
        has_rgb, has_thermal = bool(names & set(rgb)), bool(names & set(thermal))
        if has_rgb == has_thermal:
            return False
        found_rgb, found_thermal = found_rgb or has_rgb, found_thermal or has_thermal
    return found_rgb and found_thermal


def replay_bags(tasks: Sequence[BagTask], jobs: int, stage: OpenProgress, say: Say = lambda sentence: None) -> Replays:
    """Replay bags, `jobs` of them at a time.

    Args:
        tasks: the bags.
        jobs: how many at a time.
        stage: shows progress.
        say: told what is chosen, in sentences.

    Raises:
        OSError: the disk is full; what is done can be resumed.
    """
    outcomes = (
        _one_by_one(tasks, stage, say)
        if jobs == 1 or len(tasks) == 1
        else replay_in_processes(tasks, min(jobs, len(tasks)), stage, say)
    )
    replays = Replays()
    for task, outcome in zip(tasks, outcomes, strict=True):
        if isinstance(outcome, BagSummary):
            replays.done[task.folder] = outcome
            continue
        if isinstance(outcome, OSError) and is_disk_full(outcome):
            raise cannot_write(task.folder, outcome) from outcome
        known = isinstance(outcome, (ValueError, OSError))
        sentence = str(outcome) if known else f"{type(outcome).__name__}: {outcome}"
        replays.failures.append(Failure(task.folder.name, _without_folders(sentence, task)))
    return replays


def _one_by_one(tasks: Sequence[BagTask], stage: OpenProgress, say: Say) -> list[BagSummary | Exception]:
    outcomes: list[BagSummary | Exception] = []
    for task in tasks:
        try:
            with stage(task.folder.name) as report:
                outcomes.append(replay_bag(task, report, say))
        except Exception as error:  # named in the report; the other bags are to be done
            outcomes.append(error)
            if is_disk_full(error):
                break
    return outcomes


def _bags_in(path: Path) -> list[Path]:
    if not path.is_dir() or any(_is_bag_file(file) for file in path.iterdir()):
        return [path]
    inner = sorted(each for each in path.iterdir() if each.is_dir() and any(map(_is_bag_file, each.iterdir())))
    return inner or [path]


def _is_bag_file(path: Path) -> bool:
    return path.name == METADATA or is_storage_file(path)


def _stem(bag: Path) -> str:
    name = bag.resolve().name
    while not bag.is_dir() and Path(name).suffix in {".bag", ".db3", ".mcap", ".zstd", ".active"}:
        name = Path(name).stem
    return name


def _without_folders(sentence: str, task: BagTask) -> str:
    """Return a sentence with names in place of paths: a report that is passed on says nothing of where files lie."""
    files = (*task.bags, task.folder, *task.settings.files())
    folders = {str(folder) for file in files for folder in (file.parent, file.resolve().parent)}
    for folder in sorted(folders - {"/", "."}, key=len, reverse=True):
        sentence = sentence.replace(f"{folder}/", "")
    return sentence
