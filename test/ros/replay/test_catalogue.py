"""The catalogue of many bags and the page of hard cases: true to the bags, whole or absent after any kill."""

import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import fsspec
import pytest
from pyarrow import dataset
from recording import drive, write_bag
from typer.testing import CliRunner, Result

from epofusion_ros.cli.main import app
from epofusion_ros.replay.catalogue import write_catalogue
from epofusion_ros.replay.rows import read_rows

WRITING = """
import os, signal, sys
from pathlib import Path
from epofusion_ros.replay.catalogue import remove_catalogue, write_catalogue

out, left = Path(sys.argv[1]), int(sys.argv[2])
folders = sorted(path.parent for path in out.glob("*/summary.json"))

def kill_before_a_change_of_files(event, _):
    global left
    if event.startswith(("os.", "shutil.")):
        left -= 1
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)

write_catalogue(out, folders)
sys.addaudithook(kill_before_a_change_of_files)
while True:
    remove_catalogue(out)
    write_catalogue(out, folders)
"""
"""Writes catalogues until it kills itself before the given change of the file system."""


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def files(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture(scope="module")
def replayed(random_weights: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What replays of two bags and of a broken one have left; one bag has the name of the catalogue."""
    folder = tmp_path_factory.mktemp("replayed")
    for name, frames in (("001", 8), ("catalogue", 12)):
        write_bag(folder / "bags" / name, drive(frames))
    (folder / "bags" / "broken.mcap").write_bytes(b"nothing")
    done = run("bag", folder / "bags" / "*", "--out", folder / "out", "--model", random_weights)
    assert done.exit_code == 1, done.output
    return folder / "out"


def test_the_tables_hold_each_pair_and_each_bag(replayed: Path) -> None:
    pairs = dataset.dataset(replayed / "catalogue" / "pairs").to_table().to_pylist()
    bags = dataset.dataset(replayed / "catalogue" / "bags").to_table().to_pylist()
    assert [(bag["bag"], bag["recording"]) for bag in bags] == [("001", "001"), ("catalogue_2", "catalogue")]
    for bag in bags:
        rows = read_rows(replayed / bag["bag"] / "metrics.csv")
        mine = [pair for pair in pairs if pair["bag"] == bag["bag"]]
        assert [pair["stamp_ns"] for pair in mine] == [row.stamp_ns for row in rows]
        assert [pair["q_oe"] for pair in mine] == [row.figures["fused"].get("q_oe") for row in rows]
        assert bag["fused"] == bag["pairs"] == len(rows)


def test_the_page_shows_the_hardest_pairs_and_leads_to_their_reports(replayed: Path) -> None:
    done = run("catalogue", replayed, "--worst", "q_oe", "--most", "overexposed_fraction", "--frames", "3")
    assert done.exit_code == 0, done.output
    page = (replayed / "hard_cases.html").read_text()
    rows = [row for bag in ("001", "catalogue_2") for row in read_rows(replayed / bag / "metrics.csv")]
    hardest = min(row.figures["fused"].get("q_oe", 9.0) for row in rows)
    assert f"Worst Q_oe: {hardest:.4g} in " in done.output
    links = re.findall(r'<a href="([^"]+)">', page)
    assert links
    assert all((replayed / link).is_file() for link in links)
    assert page.count("data:image/jpeg") >= 3 * len(links)


def test_pictures_come_from_the_fused_bag_where_the_report_shows_others(replayed: Path, tmp_path: Path) -> None:
    shutil.copytree(replayed, tmp_path / "out")
    for folder in (tmp_path / "out").glob("*/pictures"):
        shutil.rmtree(folder)
    assert run("catalogue", tmp_path / "out", "--most", "delta_ns", "--frames", "1").exit_code == 0
    page = (tmp_path / "out" / "hard_cases.html").read_text()
    assert [layer for layer in ("fused", "overlay", "mask") if f'alt="{layer} of ' in page] == [
        "fused",
        "overlay",
        "mask",
    ]


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--worst", "beauty"], "--worst beauty is no measure of quality; expected one of en, mi"),
        (["--most", "fate"], "--most fate is no number of a pair; expected one of stamp_ns"),
    ],
)
def test_what_is_no_column_is_named(arguments: list[str], sentence: str, replayed: Path) -> None:
    done = run("catalogue", replayed, *arguments)
    assert done.exit_code == 2
    assert sentence in done.output


def test_a_folder_without_a_catalogue_is_named(tmp_path: Path) -> None:
    done = run("catalogue", tmp_path)
    assert done.exit_code == 2
    assert "has no catalogue/; expected a folder that `epofusion bag` has written" in done.output
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("change", [2, 5, 9, 13])
def test_killed_at_any_change_of_files_the_catalogue_is_whole_or_absent(
    change: int, replayed: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    shutil.copytree(replayed, out, ignore=shutil.ignore_patterns("fused", "pictures"))
    whole = files(replayed / "catalogue")
    assert subprocess.run([sys.executable, "-c", WRITING, out, str(change)], check=False).returncode == -signal.SIGKILL
    assert not (out / "catalogue").exists() or files(out / "catalogue") == whole
    assert run("bag", "missing", "--out", out).exit_code == 2  # a new run clears what is left
    assert {path.name for path in out.iterdir() if path.name.startswith("catalogue.")} == set()
    write_catalogue(out, sorted(path.parent for path in out.glob("*/summary.json")))
    assert files(out / "catalogue") == whole


def test_a_run_without_the_extra_says_so_and_does_the_rest(
    drive_bag: Path, random_weights: Path, tmp_path: Path
) -> None:
    program = "import sys; sys.modules['pyarrow'] = sys.modules['fsspec'] = None\n"
    program += "from epofusion_ros.cli.main import app; app()"

    def done(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-c", program, *map(str, arguments)]
        return subprocess.run(command, capture_output=True, text=True, check=False)

    replayed = done("bag", drive_bag, drive_bag, "--out", tmp_path, "--model", random_weights, "--measure-every", "99")
    assert replayed.returncode == 0, replayed.stderr
    assert "no catalogue was written: it needs pyarrow, of epofusion_ros[fleet]" in replayed.stdout
    remote = done("bag", "s3://bucket/bag", "--out", tmp_path / "other")
    assert remote.returncode == 2
    assert "this command needs fsspec, which is not installed; expected epofusion_ros[fleet]" in remote.stderr


def test_a_bag_behind_an_address_gives_the_bytes_of_a_local_one(
    drive_bag: Path, random_weights: Path, tmp_path: Path
) -> None:
    store = fsspec.filesystem("memory")
    store.put(str(drive_bag), "/store/drive", recursive=True)
    for out, bag in (("a", drive_bag), ("b", "memory://store/drive")):
        done = run("bag", bag, "--out", tmp_path / out, "--model", random_weights, "--measure-every", "99")
        assert done.exit_code == 0, done.output
    left = [files(tmp_path / out) for out in "ab"]
    for machine in ("drive/timing.csv", "drive/task.json"):
        assert all(each.pop(machine) for each in left)
    assert left[0] == left[1]
    again = run(
        "bag",
        "memory://store/drive",
        "--out",
        tmp_path / "b",
        "--model",
        random_weights,
        "--measure-every",
        "99",
        "--resume",
    )
    assert "RGB is" not in again.output, "what is done is not done again"
    store.rm("/store", recursive=True)
