"""DDS tests run in a domain of their own, with room for big images in shared memory."""

import os
from pathlib import Path

import pytest
import torch

from epofusion_core import Fuser
from epofusion_core.model.card import ModelCard
from epofusion_core.model.config import named_config
from epofusion_core.model.epofusion import EPOFusion
from epofusion_core.model.weights import save_weights
from epofusion_ros.installed_files import DDS_PROFILE_VARIABLE

PROFILE = Path(__file__).resolve().parents[2] / "config" / "fastdds_shm.xml"

# Fast DDS reads its profile once a process, when the first participant is created. A test that creates one before the
# variable is set would have all later tests send images over UDP, which loses many of them.
os.environ[DDS_PROFILE_VARIABLE] = str(PROFILE)


@pytest.fixture(scope="session")
def random_weights(random_weights: Path) -> Path:
    """Those of all tests, with their graph made: on busy cores it takes longer than a client waits for a node."""
    Fuser.load(random_weights, engine="openvino")
    return random_weights


@pytest.fixture
def domain(monkeypatch: pytest.MonkeyPatch) -> int:
    """A ROS domain that no other test process uses at the same time."""
    number = 1 + os.getpid() % 100
    monkeypatch.setenv("ROS_DOMAIN_ID", str(number))
    return number


@pytest.fixture(scope="session")
def slow_weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A real model that takes several frame times of a camera."""
    torch.manual_seed(0)
    config = named_config("epofusion_s")
    path = tmp_path_factory.mktemp("slow") / "slow.safetensors"
    save_weights(path, EPOFusion(config), ModelCard("slow", config))
    return path
