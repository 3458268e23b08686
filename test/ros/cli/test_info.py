"""`epofusion info`: what is installed, and what each size costs, as the paper's Table V tells it."""

import json
import os
import platform
import subprocess
import sys
from pathlib import Path

from typer.testing import CliRunner

from epofusion_core import __version__
from epofusion_core.model.config import MODELS
from epofusion_ros.cli.main import app


def test_info_names_versions_weights_engines_and_devices() -> None:
    done = CliRunner().invoke(app, ["info", "--json"])
    assert done.exit_code == 0, done.output
    found = json.loads(done.stdout)
    assert found["versions"]["epofusion"] == __version__
    assert found["versions"]["Python"] == platform.python_version()
    assert {"ROS 2", "openvino", "torch"} <= found["versions"].keys()
    assert {each["name"] for each in found["weights"]} == {"epofusion_s", "epofusion_xs"}
    assert all(any("int8" in graph for graph in each["graphs"]) for each in found["weights"])
    engines = {each["name"]: each for each in found["engines"]}
    assert engines.keys() == {"torch", "onnxruntime", "openvino"}
    assert all("cpu" in each["devices"] and not each["problem"] for each in engines.values())
    shown = CliRunner().invoke(app, ["info"], env={"COLUMNS": "160"}).output
    assert all(f"{name} {each['version']}" in shown for name, each in engines.items())


def test_an_engine_that_is_missing_is_left_out_and_one_that_cannot_be_loaded_is_told_of(tmp_path: Path) -> None:
    (tmp_path / "onnxruntime.py").write_text("raise OSError('libcudart.so: cannot open shared object file')")
    program = "import sys; sys.modules['torch'] = None; from epofusion_ros.cli.main import app; app(['info', '--json'])"
    environment = {**os.environ, "PYTHONPATH": f"{tmp_path}:{os.environ.get('PYTHONPATH', '')}"}
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=True)
    broken, sound = json.loads(done.stdout)["engines"]
    assert (broken["name"], broken["devices"]) == ("onnxruntime", {})
    assert "libcudart.so" in broken["problem"]
    assert (sound["name"], sound["problem"]) == ("openvino", "")


def test_info_has_a_row_for_each_size_and_a_table_of_its_parts() -> None:
    arguments = ["info", "--cost", "--height", "64", "--width", "96"]
    done = CliRunner().invoke(app, arguments, env={"COLUMNS": "120"})
    assert done.exit_code == 0, done.output
    for name, config in MODELS.items():
        (row,) = [line for line in done.output.splitlines() if name in line and "64x96" in line]
        assert [cell.strip() for cell in row.strip("\u2502").split("\u2502")][1:3] == ["64x96", str(config.steps)]
    for part in ("encoder", "neck", "guidance", "refinement", "mscf context and tail"):
        assert done.output.count(f"\u2502 {part} ") == len(MODELS)
