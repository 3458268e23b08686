"""Replays of several bags: one task each, here, in other processes or on a cluster; a bad bag stops no other."""

from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

from epofusion_core.atomic_file import cannot_write, is_disk_full
from epofusion_core.progress import OpenProgress
from epofusion_ros.replay import catalogue
from epofusion_ros.replay.bag import Bag
from epofusion_ros.replay.bag_list import write_bag_list
from epofusion_ros.replay.outcome import BagOutcome, Outcomes
from epofusion_ros.replay.ray_workers import replay_on_ray
from epofusion_ros.replay.remote_bag import BagSource, RemoteBag, bag_name
from epofusion_ros.replay.replay_bag import BagTask, load_warm_fuser, replay_bag
from epofusion_ros.replay.report import REPORT, Failure
from epofusion_ros.replay.settings import ReplaySettings
from epofusion_ros.replay.summary import BagSummary
from epofusion_ros.replay.topics import candidates
from epofusion_ros.replay.workers import replay_in_processes

Say = Callable[[str], None]

FAILED = "failed.txt"
OUTPUTS = (REPORT, FAILED, *catalogue.OUTPUTS)
"""All that is written beside the folders of the bags."""


@dataclass
class Replays:
    """What replaying several bags gave.

    Attributes:
        done: account of each bag that could be replayed, by its folder, in the order of the bags.
        failures: the others.
    """

    done: dict[Path, BagSummary] = field(default_factory=dict)
    failures: list[Failure] = field(default_factory=list)


def tasks_of(
    bags: Sequence[BagSource], out: Path, settings: ReplaySettings, *, resume: bool, together: bool = False
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
    taken: set[str] = set(OUTPUTS)
    numbers: dict[str, int] = {}
    for bag in bags:
        name = base = _stem(bag)
        while name in taken:
            numbers[base] = numbers.get(base, 1) + 1
            name = f"{base}_{numbers[base]}"
        taken.add(name)
        tasks.append(BagTask(bag, out / name, settings, resume))
    return tasks


def are_one_drive(bags: Sequence[BagSource], settings: ReplaySettings) -> bool:
    """Tell whether each of several bags has the images of one camera only, and all of them together of both.

    Bags behind addresses are not looked into.
    """
    found_rgb = found_thermal = False
    for path in bags if len(bags) > 1 else ():
        if isinstance(path, RemoteBag):
            return False
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


def replay_bags(
    tasks: Sequence[BagTask],
    jobs: int,
    stage: OpenProgress,
    say: Say = lambda sentence: None,
    *,
    cluster: str | None = None,
) -> Replays:
    """Replay bags, `jobs` of them at a time.

    Args:
        tasks: the bags.
        jobs: how many at a time.
        stage: shows progress.
        say: told what is chosen, in sentences.
        cluster: address of a Ray cluster that does it, "local" for one that is started here; None: this machine.

    Raises:
        OSError: the disk is full; what is done can be resumed.
        ValueError: the cluster cannot be reached.
    """
    outcomes: dict[int, BagOutcome] = {}
    with closing(_outcomes(tasks, min(jobs, len(tasks)), stage, say, cluster)) as found:
        for number, outcome in found:
            if isinstance(outcome, OSError) and is_disk_full(outcome):
                raise cannot_write(tasks[number].folder, outcome) from outcome
            outcomes[number] = outcome
    replays = Replays()
    for number, task in enumerate(tasks):
        outcome = outcomes[number]
        if isinstance(outcome, BagSummary):
            replays.done[task.folder] = outcome
            continue
        known = isinstance(outcome, (ValueError, OSError))
        sentence = str(outcome) if known else f"{type(outcome).__name__}: {outcome}"
        replays.failures.append(Failure(task.folder.name, _without_folders(sentence, task), task.bags))
    return replays


def write_failed(out: Path, failures: Sequence[Failure]) -> None:
    """Write the list of the bags that could not be replayed, to be given back; without any, remove an earlier one."""
    if failures:
        write_bag_list(out / FAILED, ((bag, failure.sentence) for failure in failures for bag in failure.sources))
    else:
        (out / FAILED).unlink(missing_ok=True)


def _outcomes(tasks: Sequence[BagTask], jobs: int, stage: OpenProgress, say: Say, cluster: str | None) -> Outcomes:
    if cluster is None and jobs == 1:
        yield from _one_by_one(tasks, stage, say)
        return
    done = replay_in_processes(tasks, jobs, say) if cluster is None else replay_on_ray(tasks, jobs, cluster, say)
    with closing(done), stage(f"replaying {len(tasks)} bags") as report:
        for count, (number, outcome) in enumerate(done, start=1):
            report(count, len(tasks))
            yield number, outcome


def _one_by_one(tasks: Sequence[BagTask], stage: OpenProgress, say: Say) -> Outcomes:
    load = lru_cache(maxsize=1)(load_warm_fuser)
    for number, task in enumerate(tasks):
        try:
            with stage(task.folder.name) as report:
                outcome: BagOutcome = replay_bag(task, report, say, load)
        except Exception as error:  # named in the report; the other bags are to be done
            outcome = error
        yield number, outcome


def _stem(bag: BagSource) -> str:
    name = bag_name(bag)
    is_folder = isinstance(bag, Path) and bag.is_dir()
    while not is_folder and Path(name).suffix in {".bag", ".db3", ".mcap", ".zstd", ".active"}:
        name = Path(name).stem
    return name


def _without_folders(sentence: str, task: BagTask) -> str:
    """Return a sentence with names in place of paths: a report that is passed on says nothing of where files lie."""
    addresses = [bag.address for bag in task.bags if isinstance(bag, RemoteBag)]
    files = (*(bag for bag in task.bags if isinstance(bag, Path)), task.folder, *task.settings.files())
    folders = {str(folder) for file in files for folder in (file.parent, file.resolve().parent)}
    folders |= {address.rpartition("/")[0] for address in addresses}
    for folder in sorted(folders - {"/", "."}, key=len, reverse=True):
        sentence = sentence.replace(f"{folder}/", "")
    return sentence
