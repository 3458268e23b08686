"""The command where no ROS is installed or sourced."""

import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = """
import sys
for name in ("builtin_interfaces", "lifecycle_msgs", "rcl_interfaces", "rclpy", "sensor_msgs", "std_msgs"):
    sys.modules[name] = None  # whoever imports it gets a ModuleNotFoundError
from epofusion_ros.cli.main import app
app(sys.argv[1:])
"""


@pytest.mark.parametrize("subcommand", ["demo", "view"])
def test_a_command_says_in_one_sentence_what_it_lacks(subcommand: str, tmp_path: Path) -> None:
    command = [sys.executable, "-c", PROGRAM, subcommand]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 2
    (sentence,) = done.stderr.splitlines()
    assert sentence.endswith(
        "which is not installed; expected a sourced ROS 2, or epofusion_ros[ros-wheels]: "
        "`source scripts/setup_venv all` installs everything"
    )
    assert not any(tmp_path.iterdir())


def test_the_view_says_in_one_sentence_that_it_lacks_its_web_server(tmp_path: Path) -> None:
    program = PROGRAM.replace("for name in (", 'for name in ("aiohttp",')
    command = [sys.executable, "-c", program, "view"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 2
    (sentence,) = done.stderr.splitlines()
    assert "this command needs aiohttp, which is not installed; expected epofusion_ros[view]" in sentence
