"""Every command with the libraries that rosdep installs on Ubuntu 24.04: no PyTorch, typer 0.9, OpenCV 4.6, no PyAV."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer
from typer.core import TyperGroup

from epofusion_ros.cli.main import app

REPOSITORY = Path(__file__).resolve().parents[3]
PYTHON = REPOSITORY / ".venv-noble" / "bin" / "python"

DONE = {
    "simulate": "simulate --out drive --frames 4 --height 96 --width 128 --bag recording",
    "fuse": "fuse --vi drive/vi --ir drive/ir --out fused",
    "score": "score --vi drive/vi --ir drive/ir --fused fused --out scores --jobs 1",
    "evaluate": "evaluate --data drive --model epofusion_xs --out evaluation --jobs 1",
    "bag": "bag recording --out replay",
    "calibrate": "calibrate --data drive --out calibration.yaml",
    "ivoe build": "ivoe build drive overexposed",
    "ivoe outline": "ivoe outline drive outlines",
    "downstream prepare": "downstream prepare --data drive --out prepared",
    "cache": "cache",
    "info": "info",
    "bench": "bench --model epofusion_xs --rounds 5 --height 96 --width 128 --out bench",
}
LACKS = {
    "export": ("export --out graphs", "onnx"),
    "view": ("view", "aiohttp"),
    "catalogue": ("catalogue replay", "pyarrow"),
    "train": ("train --config xs.yaml --out run", "torch"),
    "ablate": ("ablate --data drive --out ablation", "torch"),
    "demo": ("demo", "sensor_msgs"),
    "downstream detect": ("downstream detect --data drive --out detections", "pydantic"),
    "downstream segment": ("downstream segment --train drive --test drive --labels drive --out segments", "torch"),
    "downstream train-detect": ("downstream train-detect --train drive --test drive --out detectors", "torch"),
}
"""A command that needs what rosdep does not install, and the library that it names."""


def run(command: str, folder: Path) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY)}
    words = [str(PYTHON), "-m", "epofusion_ros.cli.main", *command.split()]
    return subprocess.run(words, cwd=folder, env=environment, capture_output=True, text=True, timeout=120, check=False)


@pytest.fixture(scope="module")
def workplace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the commands write; the ones that read need the drive."""
    if not PYTHON.exists():
        pytest.skip("no .venv-noble: scripts/setup_release_venvs makes it, where Python is 3.10 to 3.12")
    folder = tmp_path_factory.mktemp("noble")
    drive = run(DONE["simulate"], folder)
    assert drive.returncode == 0, drive.stderr
    (folder / "drive" / "boxes").mkdir()
    for image in (folder / "drive" / "vi").iterdir():
        (folder / "drive" / "boxes" / f"{image.stem}.txt").write_text("0 0.5 0.5 0.2 0.4")
    return folder


def names_below(group: TyperGroup, prefix: str = "") -> Iterator[str]:
    """Yield the commands of a group, with those of the groups in it."""
    for word, command in group.commands.items():
        if isinstance(command, TyperGroup):
            yield from names_below(command, f"{word} ")
        else:
            yield prefix + word


def test_every_command_is_tried() -> None:
    program = typer.main.get_command(app)
    assert isinstance(program, TyperGroup)
    assert set(names_below(program)) == DONE.keys() | LACKS.keys()


@pytest.mark.parametrize("name", [name for name in DONE if name != "simulate"])
def test_a_command_runs_with_the_versions_of_noble(name: str, workplace: Path) -> None:
    done = run(DONE[name], workplace)
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("name", LACKS)
def test_a_command_that_needs_more_says_so_in_one_sentence(name: str, workplace: Path) -> None:
    command, library = LACKS[name]
    done = run(command, workplace)
    assert done.returncode == 2
    (sentence,) = done.stderr.splitlines()
    assert sentence.startswith(f"error: this command needs {library}, which is not installed; expected ")
