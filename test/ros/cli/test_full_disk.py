"""A disk without room: one sentence, exit code 1, and no half file under its final name."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner, Result

from epofusion_core.imaging import read_rgb, write_png
from epofusion_core.simulation import Drive
from epofusion_core.video import VideoWriter
from epofusion_ros.cli.main import app
from epofusion_ros.replay.drive_bag import write_drive_bag

Room = Callable[[int], AbstractContextManager[None]]


def run(*words: object) -> Result:
    return CliRunner().invoke(app, [str(word) for word in words])


def assert_one_sentence(done: Result) -> None:
    assert done.exit_code == 1, done.output
    assert isinstance(done.exception, SystemExit)
    sentences = [line for line in done.output.splitlines() if line.startswith("error:")]
    assert len(sentences) == 1
    assert "cannot be written" in sentences[0]
    assert "Traceback" not in done.output


def files(folder: Path) -> set[str]:
    """Every file below a folder but our marker."""
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()} - {".epofusion.json"}


def test_fuse_leaves_whole_pictures_only(random_weights: Path, tmp_path: Path, room_for: Room) -> None:
    """The second picture is of noise, and so has no room."""
    noise = np.random.default_rng(0).integers(0, 256, (64, 96, 3), dtype=np.uint8)
    for name, image in (("a", np.zeros_like(noise)), ("b", noise)):
        write_png(tmp_path / "vi" / f"{name}.png", image)
        write_png(tmp_path / "ir" / f"{name}.png", image[:, :, 0])
    arguments = ("--vi", tmp_path / "vi", "--ir", tmp_path / "ir", "--out", tmp_path / "out")
    with room_for(5000):
        done = run("fuse", *arguments, "--model", random_weights, "--engine", "torch")
    assert_one_sentence(done)
    assert "b.png" in done.output
    assert files(tmp_path / "out") == {"fused/a.png", "mask/a.png", "overexposure/a.png"}
    assert read_rgb(tmp_path / "out" / "fused" / "a.png").shape == noise.shape


def test_fuse_leaves_no_half_video(random_weights: Path, tmp_path: Path, room_for: Room) -> None:
    with VideoWriter(tmp_path / "vi.mp4", 10.0) as video:
        for seed in range(4):
            video.write(np.random.default_rng(seed).integers(0, 256, (64, 96, 3), dtype=np.uint8))
    arguments = ("--vi", tmp_path / "vi.mp4", "--ir", tmp_path / "vi.mp4", "--out", tmp_path / "out")
    with room_for(5000):
        done = run("fuse", *arguments, "--model", random_weights, "--engine", "torch")
    assert_one_sentence(done)
    assert "fused/vi.mp4" not in files(tmp_path / "out")
    assert not any(name.endswith(".part") for name in files(tmp_path / "out"))


def test_simulate_leaves_no_half_bag(tmp_path: Path, room_for: Room) -> None:
    arguments = ("--out", tmp_path / "drive", "--frames", 2, "--height", 64, "--width", 96)
    with room_for(5000):
        done = run("simulate", *arguments, "--bag", tmp_path / "bag")
    assert done.exit_code == 1, done.output
    assert not (tmp_path / "bag").exists()


def test_score_leaves_whole_tables_only(glare_pairs: Path, tmp_path: Path, room_for: Room) -> None:
    town = glare_pairs / "town"
    arguments = ("--vi", town / "vi", "--ir", town / "ir", "--fused", town / "vi", "--jobs", 1)
    with room_for(3000):
        done = run("score", *arguments, "--out", tmp_path / "out")
    assert_one_sentence(done)
    assert files(tmp_path / "out") < {"means.csv", "per_image.csv", "results.json", "report.html"}


@pytest.fixture
def bag(tmp_path: Path) -> Path:
    drive = Drive(0, 64, 96, "night")
    write_drive_bag(tmp_path / "recording", (drive.frame(index) for index in range(4)))
    return tmp_path / "recording"


def test_bag_says_so_and_goes_on_once_there_is_room(
    bag: Path, random_weights: Path, tmp_path: Path, room_for: Room
) -> None:
    parameters = tmp_path / "parameters.yaml"
    parameters.write_text("/**:\n  ros__parameters:\n    engine: torch\n")
    arguments = ("bag", bag, "--out", tmp_path / "out", "--model", random_weights, "--config", parameters)
    with room_for(5000):
        assert_one_sentence(run(*arguments))
    assert not (tmp_path / "out" / "recording" / "summary.json").exists()
    assert run(*arguments, "--resume").exit_code == 0
    report = tmp_path / "out" / "report.html"
    whole = report.read_text()
    with room_for(len(whole.encode()) // 2):
        assert_one_sentence(run(*arguments, "--resume"))
    assert report.read_text() == whole
    report.unlink()
    with room_for(len(whole.encode()) // 2):
        assert_one_sentence(run(*arguments, "--resume"))
    assert not report.exists()
