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
import pytest
import torch

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
