"""The container files name what there is: paths, packages, launch files, commands. Nothing here builds an image."""

import json
import re
import shlex
from pathlib import Path

import typer
import yaml
from catkin_pkg.package import parse_package
from typer.core import TyperGroup

from epofusion_ros.cli.main import app

REPOSITORY = Path(__file__).resolve().parents[1]
DOCKER = REPOSITORY / "docker"
IMAGE = (DOCKER / "Dockerfile").read_text(encoding="utf-8")
SERVICES = yaml.safe_load((DOCKER / "compose.yaml").read_text(encoding="utf-8"))["services"]


def is_run(words: list[str]) -> None:
    """Make sure that `ros2 launch` or `ros2 run` of our package takes these words."""
    if words[:2] == ["ros2", "launch"]:
        declared = (REPOSITORY / "launch" / words[3]).read_text(encoding="utf-8")
        assert all(f'"{word.partition(":=")[0]}"' in declared for word in words[4:])
    else:
        program = typer.main.get_command(app)
        assert words[:4] == ["ros2", "run", "epofusion_ros", "epofusion"]
        assert isinstance(program, TyperGroup)
        program.commands[words[4]].make_context(words[4], words[5:])


def test_every_file_that_is_copied_is_there_and_nothing_large_goes_with_it() -> None:
    copied = re.findall(r"^COPY (\S+) ", IMAGE, re.MULTILINE)
    assert copied == ["package.xml", "."]
    ignored = (REPOSITORY / ".dockerignore").read_text(encoding="utf-8").split()
    by_git = (REPOSITORY / ".gitignore").read_text(encoding="utf-8").split()
    assert {".git", ".venv*", "runs", "demo_output", "soak", "build", "install", "log"} <= set(ignored)
    assert {name.strip("/") for name in by_git if name.strip("/") in ignored} == set(ignored) - {
        ".git",
        "**/__pycache__",
    }


def test_the_image_leaves_out_windows_alone_and_has_the_profile_that_jazzy_reads() -> None:
    skipped = re.search(r'--skip-keys "([^"]+)"', IMAGE)
    assert skipped is not None
    needed = {dependency.name for dependency in parse_package(str(REPOSITORY / "package.xml")).exec_depends}
    assert set(skipped[1].split()) == {"rviz2", "rqt_runtime_monitor"} <= needed
    profile = re.search(
        r"^ENV FASTRTPS_DEFAULT_PROFILES_FILE=/ws/install/epofusion_ros/share/epofusion_ros/(\S+)", IMAGE, re.M
    )
    assert profile is not None
    assert (REPOSITORY / profile[1]).is_file()


def test_what_the_containers_run_can_be_typed() -> None:
    for file in ("Dockerfile", "jetson.Dockerfile"):
        command = re.search(r"^CMD (\[.*\])$", (DOCKER / file).read_text(encoding="utf-8"), re.MULTILINE)
        assert command is not None
        is_run(json.loads(command[1]))
    is_run(shlex.split(SERVICES["node"]["command"]))
    simulated = re.search(r"ros2 run [^;]+", SERVICES["cameras"]["command"][2])
    assert simulated is not None
    is_run(shlex.split(simulated[0]))


def test_services_share_what_images_go_through() -> None:
    for service in SERVICES.values():
        assert service["network_mode"] == service["ipc"] == "host"
        assert (DOCKER / service["build"]["context"] / service["build"]["dockerfile"]).samefile(DOCKER / "Dockerfile")


def test_the_development_container_uses_the_same_image_and_our_setup() -> None:
    settings = json.loads((REPOSITORY / ".devcontainer" / "devcontainer.json").read_text(encoding="utf-8"))
    folder = REPOSITORY / ".devcontainer"
    assert (folder / settings["build"]["dockerfile"]).samefile(DOCKER / "Dockerfile")
    assert (folder / settings["build"]["context"]).samefile(REPOSITORY)
    assert "scripts/setup_venv all" in settings["postCreateCommand"]
