"""Nothing is sent: no host is looked up, and of the user's files only the cache is written (and by ROS its log)."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from harness import CONFIGURE, Peer, running_node

from epofusion_core.imaging import write_png

WATCH = """
import os, sys

def watch(event, arguments):
    if event == "socket.getaddrinfo":
        with open(os.environ["LOOKED_UP"], "a") as file:
            file.write(f"{arguments[0]}\\n")

sys.addaudithook(watch)
"""
API = "from epofusion_core import Fuser; assert Fuser.load().engine.name == 'openvino'"
ONNX_RUNTIME = "from epofusion_core import Fuser; Fuser.load(engine='onnxruntime')"
QUANTISATION = "import epofusion_core.engines.quantize, nncf, openvino"
CLI = "from epofusion_ros.cli.main import app; app(['fuse', '--vi', 'a.png', '--ir', 'b.png', '--out', 'fused'])"


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty home folder for the processes of a test, whose look-ups of hosts are written to `looked_up`."""
    (tmp_path / "watch").mkdir()
    (tmp_path / "watch" / "sitecustomize.py").write_text(WATCH)
    (tmp_path / "home").mkdir()
    (tmp_path / "looked_up").touch()
    monkeypatch.setenv("LOOKED_UP", str(tmp_path / "looked_up"))
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "home" / ".cache"))
    paths = [str(tmp_path / "watch"), os.environ.get("PYTHONPATH", "")]
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(filter(None, paths)))
    monkeypatch.delenv("CI", raising=False)  # OpenVINO is silent there
    return tmp_path / "home"


def written(home: Path) -> set[str]:
    return {str(path.relative_to(home)) for path in home.glob("*/*")}


@pytest.mark.parametrize(
    "program", [API, ONNX_RUNTIME, QUANTISATION, CLI], ids=["library", "onnxruntime", "quantisation", "command line"]
)
def test_a_program_looks_up_no_host_and_writes_its_cache_alone(program: str, home: Path, tmp_path: Path) -> None:
    for name, shape in (("a.png", (64, 96, 3)), ("b.png", (64, 96))):
        write_png(tmp_path / name, np.full(shape, 90, np.uint8))
    subprocess.run([sys.executable, "-c", program], cwd=tmp_path, timeout=120, check=True)
    assert written(home) <= {".cache/epofusion"}
    assert (tmp_path / "looked_up").read_text() == ""


def test_the_node_looks_up_no_host_and_writes_its_cache_alone(home: Path, domain: int, tmp_path: Path) -> None:
    with running_node("epofusion_xs", domain, tmp_path / "log"), Peer([]) as peer:
        assert peer.transition(CONFIGURE)
    assert written(home) <= {".cache/epofusion", ".ros/log"}
    assert (tmp_path / "looked_up").read_text() == ""
