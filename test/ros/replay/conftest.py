"""Recorded drives for the tests of the replay."""

from pathlib import Path

import pytest
from recording import drive, write_bag

from epofusion_ros.parameters.parameter_file import parameters_of
from epofusion_ros.replay.settings import ReplaySettings


@pytest.fixture(scope="session")
def drive_bag(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bag of 24 RGB and 21 thermal images."""
    return write_bag(tmp_path_factory.mktemp("recorded") / "drive", drive(24))


@pytest.fixture(scope="session")
def settings(random_weights: Path) -> ReplaySettings:
    """Defaults, with the smallest model."""
    return ReplaySettings(parameters_of(None, {"model": str(random_weights)}), compare_every=4)
