"""Fixtures that all tests share."""

import os
import resource
import shutil
import signal
import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import cv2
import numpy as np
import onnx
import pytest
import torch
from onnx import TensorProto, helper, numpy_helper

from epofusion_core.imaging import write_png
from epofusion_core.model.card import ModelCard
from epofusion_core.model.config import named_config
from epofusion_core.model.epofusion import EPOFusion
from epofusion_core.model.weights import save_weights

# Graphs and compiled models of this run alone; processes that the tests start share them.
_CACHE = tempfile.TemporaryDirectory(prefix="epofusion_test_cache_")
os.environ["XDG_CACHE_HOME"] = _CACHE.name

# A shell's background job ignores SIGINT, and so would every process that a test starts and interrupts.
signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def random_weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A real weights file of the smallest size, untrained: for tests that need a model and not its quality."""
    torch.manual_seed(0)
    path = tmp_path_factory.mktemp("weights") / "untrained_xs.safetensors"
    config = named_config("epofusion_xs")
    save_weights(path, EPOFusion(config), ModelCard("untrained_xs", config))
    return path


@pytest.fixture(scope="session")
def room_for() -> Callable[[int], AbstractContextManager[None]]:
    """Let no file of this process grow beyond so many bytes for a while, as on a disk that is full by then."""

    @contextmanager
    def limited(size: int) -> Iterator[None]:
        before = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
        try:
            yield
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, before)

    return limited


@pytest.fixture(scope="session")
def real_data() -> Path:
    """Folder of the real image pairs, which are never part of the repository."""
    beside = Path(__file__).resolve().parents[2] / "shared" / "data"
    folder = Path(os.environ.get("EPOFUSION_DATA", beside))
    if not folder.is_dir():
        pytest.skip("no real image pairs: EPOFUSION_DATA is not set and ../shared/data is not there")
    return folder


@pytest.fixture(scope="session")
def chromium() -> str:
    """A browser to open reports in."""
    browser = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if browser is None:
        pytest.skip("no Chromium is installed to open the report in")
    return browser


@pytest.fixture
def glare_pairs(tmp_path: Path) -> Path:
    """Folder with datasets town/{vi,ir,mask} (3 pairs) and country/{vi,ir} (2): a growing glare on a warm car."""
    root = tmp_path / "pairs"
    for number in range(5):
        dataset = root / ("town" if number < 3 else "country")
        noise = np.random.default_rng(number).integers(0, 30, (64, 96)).astype(np.uint8)
        visible, infrared, mask = 40 + noise, 60 + noise[::-1], np.zeros((64, 96), np.uint8)
        cv2.circle(visible, (48, 32), 10 + 4 * number, 255, -1)
        for image, value in ((infrared, 220), (mask, 255)):
            cv2.rectangle(image, (40, 30), (56, 38), value, -1)
        write_png(dataset / "vi" / f"{number}.png", np.dstack([visible, visible, visible // 4 * 3]))
        write_png(dataset / "ir" / f"{number}.png", infrared)
        if dataset.name == "town":
            write_png(dataset / "mask" / f"{number}.png", mask)
    return root


_SQUARE_PX = 8


@pytest.fixture(scope="session")
def bright_square_judge(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The description of a real detector network that finds white squares of 8 pixels: it calls each a person."""
    return write_bright_square_detector(tmp_path_factory.mktemp("judge"))


@pytest.fixture
def walkers(tmp_path: Path) -> Path:
    """Folder of pairs {vi,ir,boxes} of a dark street: three people a pair, white squares in the infrared alone."""
    root = tmp_path / "street"
    for number in range(4):
        visible, infrared = np.full((2, 64, 96), 30, np.uint8)
        lines = []
        for column in range(3):
            left, top = _SQUARE_PX * (1 + 4 * column), _SQUARE_PX * (1 + number)
            infrared[top : top + _SQUARE_PX, left : left + _SQUARE_PX] = 255
            x, y = (left + _SQUARE_PX / 2) / 96, (top + _SQUARE_PX / 2) / 64
            lines.append(f"0 {x} {y} {_SQUARE_PX / 96} {_SQUARE_PX / 64}")
        write_png(root / "vi" / f"{number}.png", np.dstack([visible] * 3))
        write_png(root / "ir" / f"{number}.png", infrared)
        (root / "boxes").mkdir(exist_ok=True)
        (root / "boxes" / f"{number}.txt").write_text("\n".join(lines))
    return root


def write_bright_square_detector(folder: Path) -> Path:
    """Write the network and its description, and return the latter."""
    cells = (64 // _SQUARE_PX) * (96 // _SQUARE_PX)
    geometry = np.tile(np.array([0.5, 0.5, 0.0, 0.0, 1.0], np.float32), (1, cells, 1))
    constants = {"geometry": geometry, "white": np.float32(255), "shape": np.array([1, cells, 1], np.int64)}
    nodes = [
        helper.make_node("ReduceMean", ["images"], ["grey"], axes=[1], keepdims=1),
        helper.make_node("AveragePool", ["grey"], ["means"], kernel_shape=[8, 8], strides=[8, 8]),
        helper.make_node("Div", ["means", "white"], ["scores"]),
        helper.make_node("Reshape", ["scores", "shape"], ["column"]),
        helper.make_node("Concat", ["geometry", "column"], ["output"], axis=2),
    ]
    graph = helper.make_graph(
        nodes,
        "bright_squares",
        [helper.make_tensor_value_info("images", TensorProto.FLOAT, [1, 3, 64, 96])],
        [helper.make_tensor_value_info("output", TensorProto.FLOAT, [1, cells, 6])],
        [numpy_helper.from_array(np.asarray(value), name) for name, value in constants.items()],
    )
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8), folder / "net.onnx")
    description = folder / "bright_squares.yaml"
    description.write_text(
        "network: net.onnx\n"
        "input: {size: [64, 96], resize: stretch}\n"
        "output: {kind: yolo, objectness: true, strides: [8]}\n"
        "classes: {person: [0]}\n"
        "min_score: 0.5\n"
    )
    return description
