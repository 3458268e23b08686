"""What all subcommands have in common: names of options, help, versions, completion, silence and JSON."""

import contextlib
import json
import os
import pty
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer
from typer.core import TyperCommand, TyperGroup
from typer.testing import CliRunner, Result

from epofusion_core import __version__
from epofusion_core.downstream.glare import Glare
from epofusion_core.engines.engine import ENGINES, PRECISIONS
from epofusion_core.imaging import write_png
from epofusion_core.simulation import Drive
from epofusion_core.simulation.drive import SCENES
from epofusion_ros.cli.downstream import GlareName
from epofusion_ros.cli.main import app
from epofusion_ros.cli.options import EngineName, PrecisionName
from epofusion_ros.cli.simulate import Scene

FUSES = ("fuse", "evaluate", "bag", "demo", "bench", "downstream detect")
FUSES_AND_TRAINS = ("ablate", "downstream train-detect", "downstream segment")
TABLES = ("evaluate", "score", "ablate", "bench", "cache", "info", "downstream detect", "downstream segment")


def run(*words: object) -> Result:
    return CliRunner().invoke(app, [str(word) for word in words])


def commands(group: TyperGroup, prefix: str = "") -> Iterator[tuple[str, TyperCommand]]:
    for word, command in group.commands.items():
        if isinstance(command, TyperGroup):
            yield from commands(command, f"{word} ")
        else:
            assert isinstance(command, TyperCommand)
            yield prefix + word, command


PROGRAM = typer.main.get_command(app)
assert isinstance(PROGRAM, TyperGroup)
OPTIONS = {name: {opt for param in command.params for opt in param.opts} for name, command in commands(PROGRAM)}


@pytest.fixture
def drive(tmp_path: Path) -> Path:
    frame = Drive(5, 96, 128).frame(60)
    write_png(tmp_path / "drive" / "vi" / "a.png", frame.visible)
    write_png(tmp_path / "drive" / "ir" / "a.png", frame.thermal)
    return tmp_path / "drive"


def test_options_have_one_name_everywhere() -> None:
    assert all("--quiet" in taken for taken in OPTIONS.values())
    assert all({"--engine", "--device", "--precision"} <= OPTIONS[name] for name in FUSES)
    assert all({"--device", "--precision"} <= OPTIONS[name] for name in FUSES_AND_TRAINS)
    assert all("--config" in OPTIONS[name] for name in ("fuse", "evaluate", "bag", "demo"))
    assert all("--json" in OPTIONS[name] for name in TABLES)
    assert all("--thermal" in taken for taken in OPTIONS.values() if "--vi" in taken)
    assert {name for name, taken in OPTIONS.items() if "--ir" in taken} == {"fuse", "score"}


def test_choices_are_those_of_the_packages() -> None:
    assert tuple(EngineName) == ENGINES
    assert tuple(PrecisionName) == (*PRECISIONS, "fp32", "fp16")
    assert tuple(Scene) == SCENES
    assert [each.value for each in GlareName] == [each.value for each in Glare]


@pytest.mark.parametrize("words", [[], ["fuse"], ["downstream"], ["downstream", "detect"]], ids=" ".join)
def test_h_is_help(words: list[str]) -> None:
    short, long = run(*words, "-h"), run(*words, "--help")
    assert short.exit_code == 0
    assert short.output == long.output


def test_the_version_is_shown() -> None:
    assert run("--version").output.split() == ["epofusion", __version__]


@pytest.mark.parametrize(
    ("typed", "offered"),
    [
        ("fuse --engine o", {"onnxruntime", "openvino"}),
        ("fuse --model ", {"epofusion_s", "epofusion_xs"}),
        ("bag --device c", {"cpu", "cuda"}),
        ("bag --mode ", {"every", "realtime"}),
        ("demo --precision fp", {"fp16", "fp32"}),
        ("downstream detect --glare s", {"spots"}),
        ("bench --measure q", {"qabf", "q_oe"}),
    ],
)
def test_the_shell_completes_choices(typed: str, offered: set[str]) -> None:
    words = f"epofusion {typed}"
    asked = {"_EPOFUSION_COMPLETE": "complete_bash", "COMP_WORDS": words, "COMP_CWORD": str(len(words.split(" ")) - 1)}
    program = "import sys; sys.argv = ['epofusion']; from epofusion_ros.cli.main import app; app(prog_name='epofusion')"
    done = subprocess.run(
        [sys.executable, "-c", program], env={**os.environ, **asked}, capture_output=True, text=True, check=False
    )
    assert set(done.stdout.split()) == offered, done.stderr


def test_quiet_says_nothing_where_all_is_well_and_names_what_is_not(drive: Path, tmp_path: Path) -> None:
    words = ("fuse", "--vi", drive / "vi", "--thermal", drive / "ir", "--quiet")
    assert run(*words, "--out", tmp_path / "out").output == ""
    write_png(drive / "vi" / "b.png", Drive(5, 96, 128).frame(0).visible)
    failed = run(*words, "--out", tmp_path / "out")
    assert failed.exit_code == 1
    assert failed.output.count("b.png") == len(failed.output.splitlines()) == 1
    assert "fused done" in run(*words[:-1], "--out", tmp_path / "out").output, "the next command is not silent"


def test_json_is_all_that_goes_to_standard_output(drive: Path, tmp_path: Path) -> None:
    words = ("evaluate", "--data", drive, "--model", "epofusion_xs", "--jobs", 1, "--out", tmp_path / "out")
    command = [sys.executable, "-m", "epofusion_ros.cli.main", *map(str, words), "--json"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    (table,) = json.loads(done.stdout)
    assert [row["method"] for row in table["rows"]][-1] == "epofusion_xs"
    assert table == json.loads((tmp_path / "out" / "results.json").read_text())["tables"][0]
    assert "report: " in done.stderr


@pytest.mark.parametrize("alias", ["--thermal", "--ir"])
def test_a_path_is_checked_before_the_model_is_loaded(alias: str, drive: Path, tmp_path: Path) -> None:
    """The model is not there either, and would be named first if it were opened first."""
    done = run("fuse", "--vi", drive / "vi", alias, "nowhere", "--model", "no.safetensors", "--out", tmp_path / "out")
    assert done.exit_code == 2
    assert "thermal path nowhere does not exist" in done.output


def test_a_precision_by_its_other_name_is_taken_or_refused_in_one_sentence(drive: Path, tmp_path: Path) -> None:
    words = ("fuse", "--vi", drive / "vi", "--thermal", drive / "ir", "--precision", "fp16")
    taken = run(*words, "--engine", "torch", "--out", tmp_path / "torch")
    assert taken.exit_code == 0, taken.output
    refused = run(*words, "--engine", "openvino", "--out", tmp_path / "openvino")
    if refused.exit_code:
        (sentence,) = refused.output.splitlines()
        assert sentence.startswith("error: precision f16 is not one that device 'cpu' computes in with OpenVINO")


@pytest.mark.parametrize(("option", "shown"), [([], True), (["--quiet"], False)])
def test_progress_is_shown_on_a_terminal_unless_that_is_unwanted(
    option: list[str], shown: bool, tmp_path: Path
) -> None:
    words = ["simulate", "--out", str(tmp_path), "--frames", "1", "--height", "96", "--width", "128", *option]
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "epofusion_ros.cli.main", *words]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=theirs) as process:
        os.close(theirs)
        said = b""
        with contextlib.suppress(OSError):  # how a terminal ends that nobody writes to any more
            while part := os.read(ours, 10_000):
                said += part
    os.close(ours)
    assert process.returncode == 0
    assert (b"rendering" in said) is shown
