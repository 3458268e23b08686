"""What commands write to: no command touches an input, or a file that it did not make, and each says so first."""

import hashlib
import shutil
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner, Result

from epofusion_core.imaging import write_png
from epofusion_core.video import VideoWriter
from epofusion_ros.cli.main import app
from epofusion_ros.replay.drive_bag import write_drive_bag


def run(*words: object) -> Result:
    return CliRunner().invoke(app, [str(word) for word in words])


def digests(folder: Path) -> dict[str, str]:
    """Everything below a folder but our own marker files."""
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name != ".epofusion.json"
    }


def picture(*shape: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)


@pytest.fixture(scope="module")
def belongings(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Pairs, a pair of videos, a bag and a configuration of training that a user has, in one folder."""
    folder = tmp_path_factory.mktemp("belongings")
    for name, shape in (("vi", (64, 64, 3)), ("ir", (64, 64)), ("fused", (64, 64, 3)), ("mask", (64, 64))):
        write_png(folder / name / "x.png", picture(*shape))
    for name in ("fused", "ir"):
        with VideoWriter(folder / "video" / name / "a.mp4", 10.0) as video:
            for _ in range(3):
                video.write(picture(64, 64, 3))
    (folder / "replay" / "fused").mkdir(parents=True)
    write_drive_bag(folder / "replay" / "fused" / "fused", [])
    (folder / "train.yaml").write_text("model: epofusion_xs\ndata: {root: x}\niterations: 1\n")
    return folder


@pytest.fixture
def place(belongings: Path, tmp_path: Path) -> Path:
    """A copy of them, to be endangered."""
    return Path(shutil.copytree(belongings, tmp_path / "place"))


OVERLAPPING = {
    "bag replaces its source": ("bag {D}/replay/fused/fused --out {D}/replay", "contains the input"),
    "bag writes into its source": ("bag {D}/replay/fused/fused --out {D}/replay/fused/fused/o", "lies in the input"),
    "fuse replaces images": ("fuse --vi {D}/vi --ir {D}/mask --out {D}", "contains the input"),
    "fuse replaces a video": (
        "fuse --vi {D}/video/fused/a.mp4 --ir {D}/video/ir/a.mp4 --out {D}/video",
        "contains the input",
    ),
    "fuse writes into a folder of images": ("fuse --vi {D}/vi --ir {D}/ir --out {D}/ir/o", "lies in the input"),
    "demo replaces": ("demo --vi {D}/vi --thermal {D}/mask --out {D}", "contains the input"),
    "ivoe build onto itself": ("ivoe build {D} {D}", "is the input"),
    "ivoe outline onto masks": ("ivoe outline {D} {D}/mask", "lies in the input"),
    "evaluate": ("evaluate --data {D} --out {D}", "is the input"),
    "score": ("score --vi {D}/vi --ir {D}/ir --fused {D}/fused --out {D}/fused", "is the input"),
    "ablate": ("ablate --data {D} --out {D}/o", "lies in the input"),
    "bench": ("bench --data {D} --out {D}/o", "lies in the input"),
    "calibrate over its configuration": ("calibrate --data {D}/video --config {D}/vi --out {D}/vi", "is the input"),
    "calibrate in its bag": ("calibrate --bag {D}/replay/fused/fused --out {D}/replay/fused/fused/c", "lies in"),
    "train over its data": ("train --config {D}/train.yaml --data {D}/vi --out {D}/vi", "is the input"),
    "train over its configuration": ("train --config {D}/train.yaml --data {D}/vi --out {D}", "contains the input"),
}


@pytest.mark.parametrize("case", OVERLAPPING)
@pytest.mark.parametrize("linked", [False, True])
def test_an_output_that_is_or_holds_or_lies_in_an_input_is_refused(case: str, place: Path, *, linked: bool) -> None:
    """The second time, the output is given through a link to the place; --overwrite makes no difference."""
    line, sentence = OVERLAPPING[case]
    link = place.with_name(f"{place.name}_link")
    link.symlink_to(place)
    *options, output = line.split()
    words = [option.format(D=place) for option in options] + [output.format(D=link if linked else place)]
    before = digests(place)
    done = run(*words, "--overwrite")
    assert done.exit_code == 2, done.output
    assert sentence in done.output
    assert len(done.output.strip().splitlines()) == 1
    assert digests(place) == before


def test_an_input_is_found_behind_links_inside_of_folders(place: Path) -> None:
    """The visible image is a link to what an earlier run has fused: fusing again would replace it."""
    out = place / "out"
    write_png(out / "fused" / "x.png", picture(64, 64, 3))
    (place / "links").mkdir()
    (place / "links" / "x.png").symlink_to(out / "fused" / "x.png")
    before = digests(out)
    done = run("fuse", "--vi", place / "links", "--ir", place / "ir", "--out", out, "--overwrite")
    assert done.exit_code == 2
    assert "contains the input" in done.output
    assert digests(out) == before


FOREIGN = {
    "fuse": ("fuse --vi {D}/vi --ir {D}/ir --out {O}", ["fused/x.png"]),
    "demo": ("demo --vi {D}/vi --thermal {D}/ir --out {O}", ["masks/labels.txt"]),
    "demo's video": ("demo --vi {D}/vi --thermal {D}/ir --out {O}", ["fused.mp4"]),
    "bag's report": ("bag {D}/replay/fused/fused --out {O}", ["report.html"]),
    "bag's pictures": ("bag {D}/replay/fused/fused --out {O}", ["fused/pictures/mine.jpg"]),
    "bag's unfinished": ("bag {D}/replay/fused/fused --out {O}", ["fused/unfinished/mine.csv"]),
    "bag's fused": ("bag {D}/replay/fused/fused --out {O}", ["fused/fused/mine.mcap"]),
    "ivoe build": ("ivoe build {D} {O}", ["manifest.jsonl"]),
    "ivoe outline": ("ivoe outline {D} {O}", ["x.png"]),
    "simulate": ("simulate --out {O} --frames 1", ["vi/mine.png"]),
    "evaluate": ("evaluate --data {D} --out {O}", ["report.html"]),
    "score": ("score --vi {D}/vi --ir {D}/ir --fused {D}/fused --out {O}", ["means.csv"]),
    "ablate": ("ablate --data {D} --out {O}", ["steps/steps.csv"]),
    "bench": ("bench --out {O}", ["bench.json"]),
    "calibrate": ("calibrate --data {D} --out {O}/camera.yaml", ["camera.yaml"]),
    "calibrate's picture": ("calibrate --data {D} --out {O}/camera.yaml", ["camera.png"]),
    "train": ("train --config {D}/train.yaml --data {D}/vi --out {O}", ["checkpoint/mine"]),
    "train's weights": ("train --config {D}/train.yaml --data {D}/vi --out {O}", ["epofusion_xs.safetensors"]),
}


@pytest.mark.parametrize("case", FOREIGN)
def test_what_a_command_did_not_make_stays(case: str, place: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    line, files = FOREIGN[case]
    out = tmp_path_factory.mktemp("out")
    for file in files:
        (out / file).parent.mkdir(parents=True, exist_ok=True)
        (out / file).write_text("a week of work")
    before = digests(out)
    done = run(*line.format(D=place, O=out).split())
    assert done.exit_code == 2, done.output
    assert "--overwrite" in done.output
    assert len(done.output.strip().splitlines()) == 1
    assert digests(out) == before
    assert not (out / ".epofusion.json").exists()


def test_what_a_command_made_itself_is_replaced_by_it_and_other_files_stay(place: Path, random_weights: Path) -> None:
    out = place / "out"
    arguments = ("--vi", place / "vi", "--ir", place / "ir", "--out", out, "--model", random_weights)
    assert run("fuse", *arguments).exit_code == 0
    first = digests(out)
    (out / "fused" / "notes.txt").write_text("mine")
    (out / "fused" / "x.png").write_bytes(b"")
    assert run("fuse", *arguments).exit_code == 0
    assert digests(out) == first | {"fused/notes.txt": hashlib.sha256(b"mine").hexdigest()}


def test_overwrite_replaces_what_is_in_the_way_and_no_other_file(place: Path, random_weights: Path) -> None:
    out = place / "out"
    for name in ("x.png", "notes.txt"):
        (out / "fused").mkdir(parents=True, exist_ok=True)
        (out / "fused" / name).write_text("mine")
    arguments = ("--vi", place / "vi", "--ir", place / "ir", "--out", out, "--model", random_weights)
    assert run("fuse", *arguments).exit_code == 2
    assert run("fuse", *arguments, "--overwrite").exit_code == 0
    assert (out / "fused" / "x.png").read_bytes()[1:4] == b"PNG"
    assert (out / "fused" / "notes.txt").read_text() == "mine"


def test_an_exported_graph_is_replaced_only_where_that_is_meant(random_weights: Path, tmp_path: Path) -> None:
    weights = tmp_path / "mine.safetensors"
    weights.write_bytes(random_weights.read_bytes())
    assert run("export", "--model", weights).exit_code == 0
    (graph,) = tmp_path.glob("*.onnx")
    graph.write_bytes(b"mine")
    refused = run("export", "--model", weights)
    assert (refused.exit_code, graph.read_bytes()) == (2, b"mine")
    assert "--overwrite" in refused.output
    assert run("export", "--model", weights, "--overwrite").exit_code == 0
    assert graph.read_bytes() != b"mine"


def test_a_run_of_training_is_begun_anew_only_where_that_is_meant(place: Path) -> None:
    out = place / "run"
    (out / "checkpoint").mkdir(parents=True)
    (out / ".epofusion.json").write_text('{"train": ["checkpoint"]}')
    done = run("train", "--config", place / "train.yaml", "--data", place / "vi", "--out", out)
    assert done.exit_code == 2
    assert "--resume" in done.output
    assert {path.name for path in out.iterdir()} == {".epofusion.json", "checkpoint"}


@pytest.mark.parametrize("command", ["fuse --vi {D}/vi --ir {D}/ir --out {D}/train.yaml/o", "bench --out {D}/vi/x.png"])
def test_a_file_where_a_folder_should_be_is_one_sentence(command: str, place: Path) -> None:
    before = digests(place)
    done = run(*command.format(D=place).split())
    assert done.exit_code == 2, done.output
    assert len(done.output.strip().splitlines()) == 1
    assert digests(place) == before
