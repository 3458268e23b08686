"""`epofusion fuse`: images, folders and videos in, pictures out, and a name for what could not be done."""

import sys
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
import typer
from numpy.typing import NDArray
from typer.testing import CliRunner, Result

from epofusion_core.imaging import read_grey, read_rgb, read_thermal, write_png
from epofusion_core.thermal import ThermalScaler, ThermalScaling
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


def test_without_pyav_images_are_fused_and_videos_are_refused_in_one_sentence(
    random_weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "av", None)
    write_png(tmp_path / "vi.png", picture(0, 32, 48, 3))
    write_png(tmp_path / "ir.png", picture(1, 32, 48))
    images = run(
        "--vi", tmp_path / "vi.png", "--ir", tmp_path / "ir.png", "--out", tmp_path / "out", "--model", random_weights
    )
    assert images.exit_code == 0, images.output
    (tmp_path / "vi.mp4").touch()
    (tmp_path / "ir.mp4").touch()
    videos = run(
        "--vi", tmp_path / "vi.mp4", "--ir", tmp_path / "ir.mp4", "--out", tmp_path / "out", "--model", random_weights
    )
    assert videos.exit_code == 2
    assert "vi.mp4: a video needs PyAV, which is not installed; pip install av" in videos.output


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


ROAD = np.random.default_rng(2).integers(20_000, 21_000, (64, 96)).astype(np.uint16)


def a_hot_object_comes_in() -> list[np.ndarray]:
    """Return four thermal images of 16 bits: the road, and from the third on something hot on its left."""
    hot = ROAD.copy()
    hot[:, :30] = 40_000
    return [ROAD, ROAD, hot, hot]


def of_the_node(frames: list[np.ndarray]) -> list[np.ndarray]:
    scale = ThermalScaler(ThermalScaling())
    return [scale(frame) for frame in frames]


def fused_folder(model: Path, folder: Path, thermal: list[np.ndarray], *options: str) -> list[np.ndarray]:
    """Fuse images of 16 bits with black visible ones; the fused image then says how warm a pixel was shown."""
    (folder / "ir").mkdir(parents=True)
    for number, frame in enumerate(thermal):
        write_png(folder / "vi" / f"{number}.png", np.zeros((*frame.shape, 3), np.uint8))
        assert cv2.imwrite(str(folder / "ir" / f"{number}.png"), frame)
    done = run("--vi", folder / "vi", "--ir", folder / "ir", "--out", folder / "out", "--model", model, *options)
    assert done.exit_code == 0, done.output
    return [read_rgb(folder / "out" / "fused" / f"{number}.png") for number in range(len(thermal))]


def test_a_folder_of_16_bit_images_is_scaled_as_the_node_scales_its_stream(
    random_weights: Path, tmp_path: Path
) -> None:
    frames = a_hot_object_comes_in()
    raw = fused_folder(random_weights, tmp_path / "counts", frames)
    scaled = fused_folder(random_weights, tmp_path / "grey", of_the_node(frames))
    for from_counts, from_grey in zip(raw, scaled, strict=True):
        assert np.array_equal(from_counts, from_grey)
    road = np.abs(raw[2].astype(int) - raw[1])[:, 64:]
    assert road.max() <= 4, "a hot object elsewhere changes the road"


def test_snapshots_are_scaled_each_by_itself(random_weights: Path, tmp_path: Path) -> None:
    night, noon = ROAD, ROAD + np.uint16(20_000)
    first, second = fused_folder(random_weights, tmp_path, [night, noon], "--snapshots")
    assert np.array_equal(first, second)


def test_a_video_of_16_bits_is_scaled_as_the_node_scales_its_stream(random_weights: Path, tmp_path: Path) -> None:
    frames = a_hot_object_comes_in()
    with VideoWriter(tmp_path / "vi.mp4", 25.0) as video:
        for _ in frames:
            video.write(np.zeros((*ROAD.shape, 3), np.uint8))
    for name, layout, thermal in (("counts", "gray16le", frames), ("grey", "gray", of_the_node(frames))):
        with av.open(str(tmp_path / f"{name}.mkv"), "w") as container:
            stream = container.add_stream("ffv1", rate=25)
            stream.height, stream.width, stream.pix_fmt = *ROAD.shape, layout
            for frame in thermal:
                container.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format=layout)))
            container.mux(stream.encode())
        paths = ("--vi", tmp_path / "vi.mp4", "--ir", tmp_path / f"{name}.mkv", "--out", tmp_path / name)
        assert run(*paths, "--model", random_weights).exit_code == 0
    results = []
    for name in ("counts", "grey"):
        with VideoReader(tmp_path / name / "fused" / "vi.mp4") as video:
            results.append([frame for _, frame in video])
    assert len(results[0]) == len(frames)
    for from_counts, from_grey in zip(*results, strict=True):
        assert np.array_equal(from_counts, from_grey)


@pytest.mark.parametrize(("dtype", "suffix"), [(np.uint8, "png"), (np.uint16, "png"), (np.float32, "tiff")])
def test_a_thermal_file_is_read_with_the_values_that_it_holds(
    dtype: type[np.uint8 | np.uint16 | np.float32], suffix: str, tmp_path: Path
) -> None:
    values: NDArray[np.integer | np.floating] = np.arange(48).reshape(6, 8).astype(dtype)
    assert cv2.imwrite(str(tmp_path / f"a.{suffix}"), values)
    read = read_thermal(tmp_path / f"a.{suffix}")
    assert read.dtype == dtype
    assert np.array_equal(read, values)
