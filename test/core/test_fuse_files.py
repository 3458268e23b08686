"""`epofusion fuse`: images, folders and videos in, pictures out, and a name for what could not be done."""

from pathlib import Path

import numpy as np
import pytest
import typer
from typer.testing import CliRunner, Result

from epofusion_core.imaging import read_grey, read_rgb, write_png
from epofusion_core.video import VideoReader, VideoWriter
from epofusion_ros.cli.fuse import fuse


def run(*arguments: object) -> Result:
    app = typer.Typer()
    app.command()(fuse)
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def picture(seed: int, *shape: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)


def test_folders_are_paired_by_stem_and_the_rest_is_named(random_weights: Path, tmp_path: Path) -> None:
    vi, ir, out = tmp_path / "vi", tmp_path / "ir", tmp_path / "out"
    for stem in ("a", "b", "broken"):
        write_png(vi / f"{stem}.png", picture(0, 32, 48, 3))
        write_png(ir / f"{stem}.png", picture(1, 32, 48))
    write_png(vi / "alone.png", picture(0, 32, 48, 3))
    (ir / "broken.png").write_bytes(b"no image")
    result = run("--vi", vi, "--ir", ir, "--out", out, "--model", random_weights)
    assert result.exit_code == 1
    assert "2 fused done, 2 not done" in result.output
    assert "alone.png" in result.output
    assert "broken.png" in result.output
    assert read_rgb(out / "fused" / "a.png").shape == (32, 48, 3)
    assert set(np.unique(read_grey(out / "mask" / "a.png"))) <= {0, 255}
    assert read_grey(out / "overexposure" / "b.png").shape == (32, 48)


def test_two_images_give_one_of_each(random_weights: Path, tmp_path: Path) -> None:
    write_png(tmp_path / "day.png", picture(0, 20, 30, 3))
    write_png(tmp_path / "day_ir.png", picture(1, 20, 30))
    paths = ("--vi", tmp_path / "day.png", "--ir", tmp_path / "day_ir.png", "--out", tmp_path / "out")
    assert run(*paths, "--model", random_weights).exit_code == 0
    assert sorted(str(p.relative_to(tmp_path / "out")) for p in (tmp_path / "out").rglob("*.png")) == [
        "fused/day.png",
        "mask/day.png",
        "overexposure/day.png",
    ]


def test_videos_give_videos_and_a_shorter_partner_is_named(random_weights: Path, tmp_path: Path) -> None:
    for name, frames in (("vi", 5), ("ir", 4)):
        with VideoWriter(tmp_path / f"{name}.mp4", 25.0) as video:
            for index in range(frames):
                video.write(picture(index, 64, 96, 3))
    out = tmp_path / "out"
    result = run("--vi", tmp_path / "vi.mp4", "--ir", tmp_path / "ir.mp4", "--out", out, "--model", random_weights)
    assert result.exit_code == 1
    assert "frame 4" in result.output
    assert "4 fused done, 1 not done" in result.output
    for kind in ("fused", "mask", "overexposure"):
        with VideoReader(out / kind / "vi.mp4") as video:
            times = [time for time, _ in video]
        assert times == [0, 40_000_000, 80_000_000, 120_000_000]


@pytest.mark.parametrize("missing", ["--vi", "--ir", "--model"])
def test_a_missing_input_is_one_clear_sentence(random_weights: Path, tmp_path: Path, missing: str) -> None:
    write_png(tmp_path / "a.png", picture(0, 20, 30, 3))
    values = {
        "--vi": tmp_path / "a.png",
        "--ir": tmp_path / "a.png",
        "--out": tmp_path / "o",
        "--model": random_weights,
    }
    values[missing] = tmp_path / "nowhere.png"
    result = run(*(part for item in values.items() for part in item))
    assert result.exit_code == 2
    assert "nowhere.png" in result.output
    assert "Traceback" not in result.output


def test_brackets_in_a_file_name_are_told_as_they_are(random_weights: Path, tmp_path: Path) -> None:
    name = tmp_path / "[bold]night[/red].png"
    result = run("--vi", name, "--ir", name, "--out", tmp_path / "out", "--model", random_weights)
    assert result.exit_code == 2
    assert str(name) in result.output


def test_a_damaged_video_is_one_clear_sentence(tmp_path: Path, random_weights: Path) -> None:
    (tmp_path / "vi.mp4").write_bytes(b"no video")
    paths = ("--vi", tmp_path / "vi.mp4", "--ir", tmp_path / "vi.mp4", "--out", tmp_path / "out")
    result = run(*paths, "--model", random_weights)
    assert result.exit_code == 2
    assert "cannot be read as a video" in result.output
