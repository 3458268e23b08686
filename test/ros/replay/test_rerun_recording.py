"""A replay for the viewer rerun: written where rerun is installed, and said to be missing before anything is done."""

import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest
from recording import drive, write_bag

from epofusion_ros.replay.replay_bag import BagTask, replay_bag
from epofusion_ros.replay.rerun_recording import RERUN_FILE, write_rerun_recording
from epofusion_ros.replay.settings import ReplaySettings


def test_without_rerun_the_command_says_so_before_it_begins(tmp_path: Path) -> None:
    bag = write_bag(tmp_path / "bag", drive(2))
    program = "import sys; sys.modules['rerun'] = None; from epofusion_ros.cli.main import app; app(sys.argv[1:])"
    command = [sys.executable, "-c", program, "bag", str(bag), "--out", str(tmp_path / "out"), "--rrd"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 2
    assert "this command needs rerun, which is not installed; expected epofusion_ros[rerun]" in done.stderr
    assert not (tmp_path / "out").exists()


@pytest.mark.skipif(find_spec("rerun") is None, reason="rerun-sdk is not installed")
def test_the_recording_has_every_image_and_figure_and_rerun_can_read_it(
    settings: ReplaySettings, tmp_path: Path
) -> None:
    bag = write_bag(tmp_path / "bag", drive(4))
    replay_bag(BagTask(bag, tmp_path / "out", settings))
    write_rerun_recording((bag,), tmp_path / "out", settings)
    command = [sys.executable, "-m", "rerun_cli", "rrd", "print", str(tmp_path / "out" / RERUN_FILE)]
    printed = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True).stdout
    for entity in ("/epofusion/fused/image", "/epofusion/overlay", "/figures/en", "/fate"):
        assert f" - {entity} - " in printed
