"""`--config`: files and demo are prepared as the node prepares its stream, by the same parameter file."""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
from sensor_msgs.msg import Image
from typer.testing import CliRunner, Result

from epofusion_core.imaging import read_rgb, write_png
from epofusion_core.simulation import Drive
from epofusion_ros.cli.main import app
from epofusion_ros.parameters.parameter_file import parameters_of
from epofusion_ros.stream.pipeline import FusionPipeline, load_fuser

HALF = """/**:
  ros__parameters:
    registration: {mode: homography, file: FOLDER/thermal_to_rgb.yaml}
    thermal: {scale_mode: fixed, min: 0.0, max: 40000.0, polarity: black_hot}
"""
"""Thermal images of half the size, which reach the left three quarters of the RGB images, in 16 bits, hot is dark."""
CALIBRATION = """homography: [2, 0, 0, 0, 2, 0, 0, 0, 1]
thermal_size: {height: 48, width: 48}
rgb_size: {height: 96, width: 128}
"""


def run(*words: object) -> Result:
    return CliRunner().invoke(app, [str(word) for word in words])


@pytest.fixture(scope="module")
def drive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Pairs as two cameras leave them."""
    folder, scene = tmp_path_factory.mktemp("drive"), Drive(5, 96, 128)
    for number in range(3):
        frame = scene.frame(20 * number)
        write_png(folder / "vi" / f"{number}.png", frame.visible)
        small = np.asarray(cv2.resize(frame.thermal[:, :96], (48, 48), interpolation=cv2.INTER_AREA))
        (folder / "ir").mkdir(exist_ok=True)
        cv2.imwrite(str(folder / "ir" / f"{number}.png"), (255 - small).astype(np.uint16) * 157)
    return folder


@pytest.fixture
def place(drive: Path, tmp_path: Path) -> Path:
    """A copy of the pairs, and the parameters that fit them."""
    shutil.copytree(drive, tmp_path / "drive")
    (tmp_path / "params.yaml").write_text(HALF.replace("FOLDER", str(tmp_path)))
    (tmp_path / "thermal_to_rgb.yaml").write_text(CALIBRATION)
    return tmp_path


def as_message(image: np.ndarray, encoding: str) -> Image:
    height, width = image.shape[:2]
    step = image.strides[0]
    return Image(height=height, width=width, encoding=encoding, step=step, data=image.tobytes())


def test_fuse_makes_of_files_what_the_node_makes_of_a_stream(place: Path) -> None:
    words = ("fuse", "--vi", place / "drive" / "vi", "--thermal", place / "drive" / "ir", "--out", place / "fused")
    done = run(*words, "--config", place / "params.yaml")
    assert done.exit_code == 0, done.output
    parameters = parameters_of(place / "params.yaml", {})
    node = FusionPipeline(load_fuser(parameters, lambda _: None), parameters)
    for number in range(3):
        visible = read_rgb(place / "drive" / "vi" / f"{number}.png")
        counts = cv2.imread(str(place / "drive" / "ir" / f"{number}.png"), cv2.IMREAD_UNCHANGED)
        expected = node(as_message(visible, "rgb8"), as_message(np.asarray(counts), "mono16")).result.fused_rgb
        fused = read_rgb(place / "fused" / "fused" / f"{number}.png")
        assert np.array_equal(fused, expected)
        assert np.array_equal(fused[:, 100:], visible[:, 100:]), "thermal does not reach there"
        assert not np.array_equal(fused[:, :90], visible[:, :90])


def test_evaluate_measures_what_fuse_writes(place: Path) -> None:
    config = ("--config", place / "params.yaml")
    words = ("--vi", place / "drive" / "vi", "--thermal", place / "drive" / "ir", "--out", place / "fused")
    assert run("fuse", *words, *config, "--snapshots").exit_code == 0
    evaluated = run("evaluate", "--data", place / "drive", "--out", place / "out", "--jobs", 1, "--json", *config)
    assert evaluated.exit_code == 0, evaluated.output
    (table,) = json.loads(evaluated.stdout)
    assert [row["method"] for row in table["rows"]][-1] == "epofusion_xs", "the model of the parameters alone"
    vi = place / "drive" / "vi"
    other = shutil.copytree(vi, place / "other")  # the entropy of a fused image does not ask for its sources
    inputs = ("--vi", vi, "--thermal", other, "--fused", place / "fused")
    scored = run("score", *inputs, "--out", place / "score", "--jobs", 1, "--json")
    assert scored.exit_code == 0, scored.output
    of_fused = json.loads(scored.stdout)[0]["rows"][-1]["figures"]
    assert table["rows"][-1]["figures"]["en"] == of_fused["en"]


@pytest.mark.parametrize("command", ["fuse", "evaluate"])
def test_unequal_sizes_are_named_with_the_way_out(command: str, place: Path) -> None:
    inputs = {
        "fuse": ("--vi", place / "drive" / "vi", "--thermal", place / "drive" / "ir"),
        "evaluate": ("--data", place / "drive", "--jobs", 1),
    }
    done = run(command, *inputs[command], "--out", place / "out")
    assert done.exit_code == 1
    assert done.output.count("thermal is 48x48, RGB 128x96 pixels; expected equal sizes") == 3
    assert "--config" in done.output
    assert "epofusion calibrate" in done.output


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("/**: {ros__parameters: {registration: {mode: homography, file: nowhere.yaml}}}", "nowhere.yaml"),
        ("/**: {ros__parameters: {registration: {mode: upside_down}}}", "registration.mode is 'upside_down'"),
        ("/**: {ros__parameters: {registration: {model: none}}}", "registration.model, which the node has not"),
        ("[", "cannot be read"),
    ],
)
@pytest.mark.parametrize("command", ["fuse", "evaluate"])
def test_parameters_that_cannot_be_used_are_one_sentence_before_anything_is_written(
    command: str, text: str, sentence: str, place: Path
) -> None:
    (place / "params.yaml").write_text(text)
    inputs = {
        "fuse": ("--vi", place / "drive" / "vi", "--thermal", place / "drive" / "ir"),
        "evaluate": ("--data", place / "drive"),
    }
    done = run(command, *inputs[command], "--config", place / "params.yaml", "--out", place / "out")
    assert done.exit_code == 2, done.output
    assert sentence in done.output
    assert len(done.output.splitlines()) == 1
    assert not (place / "out").exists()


@pytest.mark.parametrize("name", ["params.yaml", "thermal_to_rgb.yaml"])
def test_a_parameter_file_and_what_it_names_are_inputs(name: str, place: Path) -> None:
    (place / "out").mkdir()
    (place / name).rename(place / "out" / name)
    text = HALF.replace("FOLDER", str(place / "out" if name == "thermal_to_rgb.yaml" else place))
    config = place / "out" / name if name == "params.yaml" else place / "params.yaml"
    config.write_text(text)
    words = ("--vi", place / "drive" / "vi", "--thermal", place / "drive" / "ir", "--config", config)
    done = run("fuse", *words, "--out", place / "out")
    assert done.exit_code == 2
    assert f"{name}; expected an output apart from all inputs" in done.output


def test_the_demo_hands_the_parameters_to_the_node(place: Path, domain: int) -> None:
    """Without them the node would refuse each pair for its sizes; raw images come whatever the file says."""
    config = place / "params.yaml"
    config.write_text(config.read_text() + "    rgb: {transport: compressed}\n    autostart: true\n")
    inputs = ["--vi", place / "drive" / "vi", "--thermal", place / "drive" / "ir"]
    command = [sys.executable, "-m", "epofusion_ros.cli.main", "demo", *inputs, "--config", config]
    done = subprocess.run(
        [str(word) for word in [*command, "--out", place / "demo"]],
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(r"= [1-3] fused .* 0 dropped", done.stdout), done.stdout
