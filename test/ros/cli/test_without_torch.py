"""The command where only what runs the models is installed, as `scripts/demo` installs it."""

import subprocess
import sys
from pathlib import Path

import pytest

from epofusion_core.imaging import write_png
from epofusion_core.simulation import Drive

PROGRAM = """
import sys
for name in ("torch", "torchvision", "timm", "nncf", "accelerate", "matplotlib"):
    sys.modules[name] = None  # whoever imports it gets a ModuleNotFoundError
from epofusion_ros.cli.main import app
app(sys.argv[1:])
"""


def run(*arguments: str, folder: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", PROGRAM, *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=120, check=False)


@pytest.mark.parametrize(
    "arguments",
    [("info", "--cost"), ("export", "--out", "graphs"), ("train", "--config", "xs.yaml", "--out", "run")],
    ids=lambda arguments: arguments[0],
)
def test_a_command_that_needs_pytorch_says_so_in_one_sentence(arguments: tuple[str, ...], tmp_path: Path) -> None:
    done = run(*arguments, folder=tmp_path)
    assert done.returncode == 2
    assert done.stderr.splitlines() == [
        "error: this command needs torch, which is not installed; expected epofusion_ros[torch]: "
        "`source scripts/setup_venv all` installs everything"
    ]


def test_the_benchmark_asks_for_what_plots_before_it_measures(tmp_path: Path) -> None:
    done = run("bench", "--out", "bench", "--data", "drive", folder=tmp_path)
    assert done.returncode == 2
    assert "needs matplotlib, which is not installed; expected epofusion_ros[train]" in done.stderr
    assert not (tmp_path / "bench").exists()


def test_images_are_fused_and_judged(tmp_path: Path) -> None:
    frame = Drive(5, 96, 128).frame(60)
    write_png(tmp_path / "drive" / "vi" / "a.png", frame.visible)
    write_png(tmp_path / "drive" / "ir" / "a.png", frame.thermal)
    fused = run("fuse", "--vi", "drive/vi", "--ir", "drive/ir", "--out", "fused", folder=tmp_path)
    assert fused.returncode == 0, fused.stderr
    judged = run("evaluate", "--data", "drive", "--out", "evaluation", folder=tmp_path)
    assert judged.returncode == 0, judged.stderr
    assert (tmp_path / "fused" / "fused" / "a.png").is_file()
    assert (tmp_path / "evaluation" / "report.html").is_file()
