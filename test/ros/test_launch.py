"""The launch file and what it points to: every argument described, every file there, every name one that exists."""

import ast
import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from epofusion_ros.stream.pictures import PICTURES

REPOSITORY = Path(__file__).resolve().parents[2]
LAUNCH_FILE = REPOSITORY / "launch" / "epofusion.launch.py"
REPLAY_FILE = REPOSITORY / "launch" / "replay.launch.py"
BOTH = pytest.mark.parametrize("file", [LAUNCH_FILE, REPLAY_FILE], ids=lambda file: file.name)
INPUTS = {"rgb/image_raw", "thermal/image_raw"}


def declared_arguments(file: Path = LAUNCH_FILE) -> dict[str, str]:
    """Name and description of each DeclareLaunchArgument, read from the source: needs no launch library."""
    calls = [node for node in ast.walk(ast.parse(file.read_text())) if isinstance(node, ast.Call)]
    declared = {}
    for call in calls:
        if isinstance(call.func, ast.Name) and call.func.id == "DeclareLaunchArgument":
            name = ast.literal_eval(call.args[0])
            declared[name] = next(ast.literal_eval(k.value) for k in call.keywords if k.arg == "description")
    return declared


@BOTH
def test_every_argument_is_described_and_used(file: Path) -> None:
    declared = declared_arguments(file)
    used = set(re.findall(r'LaunchConfiguration\("(\w+)"\)', file.read_text()))
    passed_on = re.search(r"passed_on = (\(.*\))", file.read_text())
    used |= set(ast.literal_eval(passed_on[1])) if passed_on else set()
    assert {"params_file", "rgb_topic", "thermal_topic", "rviz"} <= declared.keys()
    assert used == declared.keys()
    assert all(text.endswith(".") for text in declared.values())


def test_the_node_can_be_placed_started_later_and_put_on_a_device() -> None:
    assert {"namespace", "use_sim_time", "autostart", "device"} <= declared_arguments().keys()


def test_a_replay_passes_on_what_the_node_takes() -> None:
    passed_on = re.search(r"passed_on = (\(.*\))", REPLAY_FILE.read_text())
    assert passed_on is not None
    assert {"use_sim_time", *ast.literal_eval(passed_on[1])} <= declared_arguments().keys()
    assert {"bag", "rate", "loop"} <= declared_arguments(REPLAY_FILE).keys()


@BOTH
def test_it_uses_documented_names_only(file: Path) -> None:
    """Those of the API reference of launch and launch_ros, in every supported distribution."""
    documented = {
        "launch": {"Action", "LaunchContext", "LaunchDescription"},
        "launch.actions": {
            "DeclareLaunchArgument",
            "EmitEvent",
            "ExecuteProcess",
            "IncludeLaunchDescription",
            "LogInfo",
            "OpaqueFunction",
            "RegisterEventHandler",
            "SetEnvironmentVariable",
        },
        "launch.conditions": {"IfCondition"},
        "launch.event_handlers": {"OnProcessExit"},
        "launch.events": {"Shutdown", "matches_action"},
        "launch.launch_description_sources": {"PythonLaunchDescriptionSource"},
        "launch.substitutions": {"LaunchConfiguration", "PathJoinSubstitution", "PythonExpression"},
        "launch_ros.actions": {"LifecycleNode", "Node"},
        "launch_ros.event_handlers": {"OnStateTransition"},
        "launch_ros.events.lifecycle": {"ChangeState"},
        "launch_ros.parameter_descriptions": {"ParameterValue"},
        "launch_ros.substitutions": {"FindPackageShare"},
    }
    imports = [node for node in ast.walk(ast.parse(file.read_text())) if isinstance(node, ast.ImportFrom)]
    used = {str(node.module): {alias.name for alias in node.names} for node in imports if "launch" in str(node.module)}
    assert used.keys() <= documented.keys()
    assert all(names <= documented[module] for module, names in used.items())


@BOTH
def test_the_files_it_points_to_are_there(file: Path) -> None:
    named = re.findall(r'\[SHARE, "(\w+)", "([\w.]+)"\]', file.read_text())
    assert len(named) >= 2
    assert all((REPOSITORY / folder / name).is_file() for folder, name in named)


OUTPUTS = {topic.replace("~", "epofusion") for topic in PICTURES}


RVIZ = yaml.safe_load((REPOSITORY / "config" / "epofusion.rviz").read_text())


def test_rviz_gives_every_picture_its_place_in_the_window() -> None:
    placed = bytes.fromhex(RVIZ["Window Geometry"]["QMainWindow State"])
    for display in RVIZ["Visualization Manager"]["Displays"]:
        assert display["Name"].encode("utf-16-be") in placed
        assert RVIZ["Window Geometry"][display["Name"]] == {"collapsed": False}


def test_rviz_shows_inputs_and_outputs_with_the_reliability_that_each_offers() -> None:
    displays = RVIZ["Visualization Manager"]
    asked = {d["Topic"]["Value"]: d["Topic"]["Reliability Policy"] for d in displays["Displays"]}
    assert asked == dict.fromkeys(INPUTS, "Best Effort") | dict.fromkeys(OUTPUTS, "Reliable")
    assert all(d["Topic"]["Durability Policy"] == "Volatile" for d in displays["Displays"])
    shown = {d["Name"] for d in displays["Displays"] if d["Enabled"]}
    assert shown == {"RGB", "Thermal", "Fused", "Overlay", "Mask"}


def test_foxglove_shows_the_same_and_diagnostics() -> None:
    content = json.loads((REPOSITORY / "config" / "epofusion_foxglove.json").read_text())
    panels = content["configById"]
    images = {panel["imageMode"]["imageTopic"] for name, panel in panels.items() if name.startswith("Image!")}
    assert images == {f"/{topic}" for topic in INPUTS | OUTPUTS}
    diagnostics = [panel for name, panel in panels.items() if name.startswith("Diagnostic")]
    assert [panel["topicToRender"] for panel in diagnostics] == ["/diagnostics"] * 2

    def placed(part: str | dict[str, Any]) -> list[str]:
        return [part] if isinstance(part, str) else placed(part["first"]) + placed(part["second"])

    assert sorted(placed(content["layout"])) == sorted(panels)


@BOTH
def test_the_description_is_built_by_launch_ros(file: Path) -> None:
    pytest.importorskip("launch_ros", reason="launch_ros comes with a ROS 2 distribution only")
    import importlib.util

    from launch.actions import DeclareLaunchArgument

    spec = importlib.util.spec_from_file_location("epofusion_launch", file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    entities = module.generate_launch_description().entities
    assert {e.name for e in entities if isinstance(e, DeclareLaunchArgument)} == declared_arguments(file).keys()
