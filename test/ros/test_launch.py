"""The launch files and what they point to: every argument described, every file there, every name one that exists."""

import ast
import json
import re
import xml.etree.ElementTree as ElementTree
from pathlib import Path
from typing import Any

import pytest
import typer
import yaml
from typer.core import TyperGroup

from epofusion_ros.cli.main import app
from epofusion_ros.parameters.node_parameters import DECLARATIONS
from epofusion_ros.stream.pictures import PICTURES

REPOSITORY = Path(__file__).resolve().parents[2]
LAUNCH_FILE = REPOSITORY / "launch" / "epofusion.launch.py"
REPLAY_FILE = REPOSITORY / "launch" / "replay.launch.py"
RECORD_FILE = REPOSITORY / "launch" / "record.launch.py"
FILES = [LAUNCH_FILE, REPLAY_FILE, RECORD_FILE]
EACH = pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
PAIRS = [REPOSITORY / "launch" / f"two_camera_pairs.launch.{kind}" for kind in ("xml", "yaml")]
INPUTS = {"rgb/image_raw", "thermal/image_raw"}


def constant(file: Path, name: str) -> dict[str, str]:
    """Texts by name, a constant of a launch file, read from the source: needs no launch library."""
    for node in ast.parse(file.read_text()).body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == name:
            return dict(ast.literal_eval(node.value))
    return {}


def declared_arguments(file: Path = LAUNCH_FILE) -> dict[str, str]:
    """Name and description of each argument that a launch file declares itself."""
    calls = [node for node in ast.walk(ast.parse(file.read_text())) if isinstance(node, ast.Call)]
    declared = constant(file, "PARAMETERS")
    for call in calls:
        is_argument = isinstance(call.func, ast.Name) and call.func.id == "DeclareLaunchArgument"
        if is_argument and isinstance(call.args[0], ast.Constant):
            name = ast.literal_eval(call.args[0])
            declared[name] = next(ast.literal_eval(k.value) for k in call.keywords if k.arg == "description")
    return declared


@EACH
def test_every_argument_is_described_and_used(file: Path) -> None:
    declared, text = declared_arguments(file), file.read_text()
    used = set(re.findall(r'(?:LaunchConfiguration|given)\("(\w+)"\)', text)) | set(constant(file, "PARAMETERS"))
    used |= {name for names in re.findall(r"for name in (\(.*\))", text) for name in ast.literal_eval(names)}
    passed_on = declared_arguments() if file == REPLAY_FILE else declared
    assert {"rgb_topic", "thermal_topic"} <= declared.keys()
    assert used | passed_on.keys() == declared.keys() | passed_on.keys()
    assert all(text.endswith(".") for text in declared.values())


def test_the_document_lists_every_argument_of_every_file() -> None:
    document = (REPOSITORY / "docs" / "launch.md").read_text()
    for file in FILES:
        _, section = document.split(f"## {file.name}\n")
        rows = re.findall(r"^\| `(\w+)` \|", section.partition("\n## ")[0], re.MULTILINE)
        assert set(rows) == declared_arguments(file).keys(), file.name


def launched(text: str) -> list[tuple[str, str]]:
    """File and arguments of each launch that a text shows."""
    return re.findall(r"ros2 launch epofusion_ros (\w+\.launch\.\w+)((?:\s+\w+:=\S+)*)", text.replace("\\\n", " "))


def test_every_launch_that_the_documents_and_the_service_show_is_one_that_can_be_typed() -> None:
    shown = [*REPOSITORY.glob("*.md"), *REPOSITORY.glob("docs/*.md"), REPOSITORY / "config" / "epofusion.service"]
    commands = [command for path in shown for command in launched(path.read_text(encoding="utf-8"))]
    assert {name for name, _ in commands} >= {"epofusion.launch.py", "replay.launch.py", "record.launch.py"}
    for name, given in commands:
        file = REPOSITORY / "launch" / name
        known = declared_arguments(file) | (declared_arguments() if file == REPLAY_FILE else {})
        assert set(re.findall(r"(\w+):=", given)) <= known.keys(), f"{name}{given}"


def test_an_argument_that_stands_for_a_parameter_stands_for_one_that_exists() -> None:
    parameters = {name.replace("_", ".", 1) for name in constant(LAUNCH_FILE, "PARAMETERS")}
    assert "registration.file" in parameters
    assert parameters <= DECLARATIONS.keys()


def test_the_page_for_browsers_is_started_by_options_that_the_view_has() -> None:
    tree = ast.parse(LAUNCH_FILE.read_text())
    (start,) = [n for n in tree.body if isinstance(n, ast.FunctionDef) and n.name == "start_view"]
    constants = {node.value for node in ast.walk(start) if isinstance(node, ast.Constant)}
    options = {value for value in constants if isinstance(value, str) and value.startswith("--")}
    program = typer.main.get_command(app)
    assert isinstance(program, TyperGroup)
    taken = {option for parameter in program.commands["view"].params for option in parameter.opts}
    assert options == {"--node", "--host", "--port", "--rgb-topic", "--thermal-topic"} <= taken
    assert '"epofusion_ros.cli.main", "view"]' in LAUNCH_FILE.read_text()


def test_two_camera_pairs_are_the_same_in_xml_and_in_yaml() -> None:
    xml, text = ElementTree.parse(PAIRS[0]), PAIRS[1].read_text()
    in_xml = [{arg.get("name"): arg.get("value") for arg in each} for each in xml.iterfind("group/include")]
    groups = [entry["group"] for entry in yaml.safe_load(text)["launch"] if "group" in entry]
    in_yaml = [{arg["name"]: arg["value"] for arg in group[0]["include"]["arg"]} for group in groups]
    assert in_xml == in_yaml
    assert [each["namespace"] for each in in_xml] == ["front", "rear"]
    assert all(each.keys() <= declared_arguments().keys() for each in in_xml)


@EACH
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
        },
        "launch.conditions": {"IfCondition"},
        "launch.event_handlers": {"OnProcessExit"},
        "launch.events": {"Shutdown"},
        "launch.events.process": {"ProcessExited"},
        "launch.launch_description_sources": {"PythonLaunchDescriptionSource"},
        "launch.substitutions": {"LaunchConfiguration", "PathJoinSubstitution"},
        "launch_ros.actions": {"Node"},
        "launch_ros.parameter_descriptions": {"ParameterValue"},
        "launch_ros.substitutions": {"FindPackageShare"},
    }
    imports = [node for node in ast.walk(ast.parse(file.read_text())) if isinstance(node, ast.ImportFrom)]
    used = {str(node.module): {alias.name for alias in node.names} for node in imports if "launch" in str(node.module)}
    assert used.keys() <= documented.keys()
    assert all(names <= documented[module] for module, names in used.items())


@pytest.mark.parametrize("file", [LAUNCH_FILE, REPLAY_FILE, *PAIRS], ids=lambda file: file.name)
def test_the_files_it_points_to_are_there(file: Path) -> None:
    named = re.findall(r'\[SHARE, "(\w+)", "([\w.]+)"\]', file.read_text())
    named += re.findall(r"find-pkg-share epofusion_ros\)/(\w+)/([\w.]+)", file.read_text())
    assert named
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


@EACH
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
