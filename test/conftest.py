"""Fixtures that all tests share."""

import os
from pathlib import Path

import pytest
import torch

from epofusion_core.model.config import named_config
from epofusion_core.model.epofusion import EPOFusion
from epofusion_core.model.weights import ModelCard, save_weights


@pytest.fixture(scope="session")
def random_weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A real weights file of the smallest size, untrained: for tests that need a model and not its quality."""
    torch.manual_seed(0)
    path = tmp_path_factory.mktemp("weights") / "untrained_xs.safetensors"
    config = named_config("epofusion_xs")
    save_weights(path, EPOFusion(config), ModelCard("untrained_xs", config))
    return path


@pytest.fixture(scope="session")
def real_data() -> Path:
    """Folder of the real image pairs, which are never part of the repository."""
    beside = Path(__file__).resolve().parents[2] / "shared" / "data"
    folder = Path(os.environ.get("EPOFUSION_DATA", beside))
    if not folder.is_dir():
        pytest.skip("no real image pairs: EPOFUSION_DATA is not set and ../shared/data is not there")
    return folder
