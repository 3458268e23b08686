"""Weights from where models are shared: folders, and repositories of the hub as its own library keeps them on disk."""

import shutil
import socket
import sys
from pathlib import Path

import pytest

from epofusion_core import Fuser
from epofusion_core.model.card import WeightsError

COMMIT = "0123456789abcdef0123456789abcdef01234567"


@pytest.fixture
def cache(random_weights: Path, tmp_path: Path) -> Path:
    """The hub's folder after somebody has downloaded the repository lab/fusion."""
    repository = tmp_path / "hub" / "models--lab--fusion"
    for folder in ("refs", "blobs", f"snapshots/{COMMIT}"):
        (repository / folder).mkdir(parents=True)
    (repository / "refs" / "main").write_text(COMMIT)
    shutil.copy(random_weights, repository / "blobs" / "weights")
    (repository / "snapshots" / COMMIT / "model.safetensors").symlink_to(repository / "blobs" / "weights")
    return tmp_path / "hub"


@pytest.fixture
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError("the network was used")

    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    monkeypatch.setattr(socket.socket, "connect", refuse)


@pytest.mark.usefixtures("no_network")
def test_a_downloaded_repository_a_folder_and_a_file_are_the_same_model_and_need_no_network(
    cache: Path, random_weights: Path
) -> None:
    names = {
        Fuser.from_pretrained("lab/fusion", cache=cache, engine="torch").card.name,
        Fuser.from_pretrained(random_weights.parent, engine="torch").card.name,
        Fuser.from_pretrained(str(random_weights), engine="torch").card.name,
    }
    assert names == {"untrained_xs"}
    assert Fuser.from_pretrained("epofusion_xs", engine="torch").card.name == "epofusion_xs"


@pytest.mark.usefixtures("no_network")
@pytest.mark.parametrize("name", ["lab/other", "lab/fusion--x"])
def test_what_is_not_there_is_not_looked_up(name: str, cache: Path) -> None:
    with pytest.raises(WeightsError, match=rf"^model '{name}' (is neither a path nor downloaded|cannot be had)"):
        Fuser.from_pretrained(name, cache=cache)


def test_a_folder_must_leave_no_choice(random_weights: Path, tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match=r"has 0 weights files \(none\); expected one"):
        Fuser.from_pretrained(tmp_path)
    for name in ("a", "b"):
        shutil.copy(random_weights, tmp_path / f"{name}.safetensors")
    with pytest.raises(WeightsError, match=r"has 2 weights files \(a.safetensors, b.safetensors\); expected one"):
        Fuser.from_pretrained(tmp_path)


def test_without_the_hubs_library_paths_still_work(random_weights: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    assert Fuser.from_pretrained(random_weights, engine="torch").card.name == "untrained_xs"
    with pytest.raises(WeightsError, match=r"huggingface_hub, .* is not installed; .* or epofusion_ros\[hub\]"):
        Fuser.from_pretrained("lab/fusion")
