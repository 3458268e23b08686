"""The launch file and what it points to: every argument described, every file there, every name one that exists."""

import ast
import re
from pathlib import Path

import pytest
import yaml

from epofusion_ros.outputs import PICTURES

REPOSITORY = Path(__file__).resolve().parents[2]
LAUNCH_FILE = REPOSITORY / "launch" / "epofusion.launch.py"
INPUTS = {"rgb/image_raw", "thermal/image_raw"}


def declared_arguments() -> dict[str, str]:
    """Name and description of each DeclareLaunchArgument, read from the source: needs no launch library."""
    calls = [node for node in ast.walk(ast.parse(LAUNCH_FILE.read_text())) if isinstance(node, ast.Call)]
    declared = {}
    for call in calls:
        if isinstance(call.func, ast.Name) and call.func.id == "DeclareLaunchArgument":
            name = ast.literal_eval(call.args[0])
            declared[name] = next(ast.literal_eval(k.value) for k in call.keywords if k.arg == "description")
    return declared


def test_every_argument_is_described_and_used() -> None:
    declared = declared_arguments()
    used = set(re.findall(r'LaunchConfiguration\("(\w+)"\)', LAUNCH_FILE.read_text()))
    assert {"namespace", "params_file", "rgb_topic", "thermal_topic", "use_sim_time"} <= declared.keys()
    assert {"autostart", "device", "rviz"} <= declared.keys()
    assert used == declared.keys()
    assert all(text.endswith(".") for text in declared.values())


def test_it_uses_documented_names_only() -> None:
    """Those of the API reference of launch and launch_ros, in every supported distribution."""
    documented = {
        "launch": {"Action", "LaunchContext", "LaunchDescription"},
        "launch.actions": {
            "DeclareLaunchArgument",
            "EmitEvent",
            "OpaqueFunction",
            "RegisterEventHandler",
            "SetEnvironmentVariable",
        },
        "launch.conditions": {"IfCondition"},
        "launch.events": {"matches_action"},
        "launch.substitutions": {"LaunchConfiguration", "PathJoinSubstitution", "PythonExpression"},
        "launch_ros.actions": {"LifecycleNode", "Node"},
        "launch_ros.event_handlers": {"OnStateTransition"},
        "launch_ros.events.lifecycle": {"ChangeState"},
        "launch_ros.parameter_descriptions": {"ParameterValue"},
        "launch_ros.substitutions": {"FindPackageShare"},
    }
    imports = [node for node in ast.walk(ast.parse(LAUNCH_FILE.read_text())) if isinstance(node, ast.ImportFrom)]
    used = {node.module: {alias.name for alias in node.names} for node in imports if "launch" in str(node.module)}
    assert used.keys() <= documented.keys()
    assert all(names <= documented[module] for module, names in used.items())


def test_the_files_it_points_to_are_there() -> None:
    named = re.findall(r'\[SHARE, "(\w+)", "([\w.]+)"\]', LAUNCH_FILE.read_text())
    assert len(named) >= 3
    assert all((REPOSITORY / folder / name).is_file() for folder, name in named)


def test_rviz_shows_topics_that_the_node_has() -> None:
    displays = yaml.safe_load((REPOSITORY / "config" / "epofusion.rviz").read_text())["Visualization Manager"]
    shown = {display["Topic"]["Value"] for display in displays["Displays"]}
    assert shown == INPUTS | {topic.replace("~", "epofusion") for topic in PICTURES}


def test_the_description_is_built_by_launch_ros() -> None:
    pytest.importorskip("launch_ros", reason="launch_ros comes with a ROS 2 distribution only")
    import importlib.util

    from launch.actions import DeclareLaunchArgument

    spec = importlib.util.spec_from_file_location("epofusion_launch", LAUNCH_FILE)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    entities = module.generate_launch_description().entities
    assert {e.name for e in entities if isinstance(e, DeclareLaunchArgument)} == declared_arguments().keys()
