"""DDS tests run in a domain of their own, with room for big images in shared memory."""

import os
from pathlib import Path

import pytest

from epofusion_ros.share import DDS_PROFILE_VARIABLE

PROFILE = Path(__file__).resolve().parents[2] / "config" / "fastdds_shm.xml"


@pytest.fixture
def domain(monkeypatch: pytest.MonkeyPatch) -> int:
    """A ROS domain that no other test process uses at the same time."""
    number = 1 + os.getpid() % 100
    monkeypatch.setenv("ROS_DOMAIN_ID", str(number))
    monkeypatch.setenv(DDS_PROFILE_VARIABLE, str(PROFILE))
    return number
