"""A workspace build: colcon makes an overlay, and what lies in it runs."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from harness import REPOSITORY, Peer


def build(base: Path, *options: str) -> Path:
    """Build an overlay in a new workspace; returns the prefix of the package."""
    colcon = [sys.executable, "-c", "from colcon_core.command import main; raise SystemExit(main())"]
    colcon += ["--log-base", str(base / "log"), "build", "--paths", str(REPOSITORY), *options]
    colcon += ["--build-base", str(base / "build"), "--install-base", str(base / "install")]
    done = subprocess.run(colcon, capture_output=True, text=True, timeout=200, check=False, cwd=base)
    assert done.returncode == 0, done.stdout + done.stderr
    return base / "install" / "epofusion_ros"


def environment_of(overlay: Path) -> dict[str, str]:
    """Return the environment after `. install/local_setup.sh`."""
    script = f". {overlay.parent / 'local_setup.sh'} && env -0"
    done = subprocess.run(["sh", "-c", script], capture_output=True, text=True, timeout=60, check=True)
    return dict(entry.split("=", 1) for entry in done.stdout.split("\0") if entry)


def files_in_use(environment: dict[str, str], folder: Path) -> list[Path]:
    """Return the parameter file and the weights that a program finds in an environment."""
    program = "from epofusion_ros.installed_files import share_file; print(share_file('config/epofusion.yaml'))\n"
    program += "from epofusion_core.model.card import resolve_weights; print(resolve_weights('epofusion_xs'))"
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, env=environment, cwd=folder, capture_output=True, text=True, timeout=60, check=True)
    return [Path(line) for line in done.stdout.splitlines()]


@pytest.fixture(scope="module")
def overlay(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The prefix of the package in a freshly built overlay."""
    return build(tmp_path_factory.mktemp("workspace"))


@pytest.fixture(scope="module")
def sourced(overlay: Path) -> dict[str, str]:
    return environment_of(overlay)


@pytest.fixture
def installed_node(
    overlay: Path, sourced: dict[str, str], domain: int, tmp_path: Path
) -> Iterator[subprocess.Popen[bytes]]:
    """The installed executable, started outside the repository."""
    environment = {**sourced, "ROS_DOMAIN_ID": str(domain)}
    executable = overlay / "lib" / "epofusion_ros" / "fusion_node"
    with subprocess.Popen([executable], env=environment, cwd=tmp_path) as process:
        yield process
        process.send_signal(signal.SIGINT)
        try:
            process.wait(timeout=40)
        finally:
            process.kill()


def test_the_overlay_announces_the_package_and_holds_its_files(overlay: Path) -> None:
    share = overlay / "share"
    assert (share / "ament_index" / "resource_index" / "packages" / "epofusion_ros").is_file()
    for folder in ("launch", "config"):
        held = {path.relative_to(REPOSITORY) for path in (REPOSITORY / folder).rglob("*") if path.is_file()}
        held = {path for path in held if "__pycache__" not in path.parts}
        assert held
        for path in held:
            assert (share / "epofusion_ros" / path).read_bytes() == (REPOSITORY / path).read_bytes()
    for model in (REPOSITORY / "epofusion_core" / "weights").iterdir():
        assert len(list(overlay.rglob(model.name))) == 1, f"{model.name} lies in the overlay once"
    assert os.access(overlay / "lib" / "epofusion_ros" / "epofusion", os.X_OK)


def test_code_and_files_of_the_overlay_come_before_those_of_the_checkout(
    overlay: Path, sourced: dict[str, str], tmp_path: Path
) -> None:
    config, weights = files_in_use(sourced, tmp_path)
    assert config == overlay / "share" / "epofusion_ros" / "config" / "epofusion.yaml"
    assert overlay in weights.parents


def test_the_installed_node_answers_over_dds(installed_node: subprocess.Popen[str]) -> None:
    with Peer() as peer:
        assert peer.state() == "unconfigured"
    assert installed_node.poll() is None


def test_a_build_with_links_runs_what_lies_in_the_checkout(tmp_path: Path) -> None:
    overlay = build(tmp_path, "--symlink-install")
    sourced = environment_of(overlay)
    for path in files_in_use(sourced, tmp_path):
        assert path.resolve().is_relative_to(REPOSITORY)
    executable = overlay / "lib" / "epofusion_ros" / "epofusion"
    done = subprocess.run(
        [executable, "--help"], env=sourced, cwd=tmp_path, capture_output=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
