"""The walls between packages, their rooms and files: dependencies point one way, and looking at help costs little.

Imports are read from the source, not observed: an import within a function counts as well as one at the top of a file.
Those under `if TYPE_CHECKING:` do not count, since they name types alone and never run.
"""

import ast
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("epofusion_core", "epofusion_ros")
MESSAGES = {
    "builtin_interfaces",
    "diagnostic_msgs",
    "lifecycle_msgs",
    "rcl_interfaces",
    "sensor_msgs",
    "std_msgs",
    "std_srvs",
}
ROS = {"rclpy", "cv_bridge", "message_filters", "launch", *MESSAGES}
MOST_ROOMS = 13


@dataclass(frozen=True)
class Imports:
    """What a module imports, by full names: when it is imported itself, and later, within its functions."""

    at_top: frozenset[str]
    in_functions: frozenset[str]

    @property
    def all(self) -> frozenset[str]:
        return self.at_top | self.in_functions


def module_name(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


FILES = {module_name(path): path for package in PACKAGES for path in sorted((ROOT / package).rglob("*.py"))}


def statements(node: ast.AST, *, in_function: bool = False) -> Iterator[tuple[ast.stmt, bool]]:
    """Yield the imports below a node that ever run, and whether each stands within a function."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, (ast.Import, ast.ImportFrom)):
            yield child, in_function
        elif isinstance(child, ast.If) and "TYPE_CHECKING" in ast.unparse(child.test):
            for alternative in child.orelse:
                yield from statements(alternative, in_function=in_function)
        else:
            is_function = isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda))
            yield from statements(child, in_function=in_function or is_function)


def names(statement: ast.stmt) -> Iterator[str]:
    """Yield the modules that an import is of; `from a import b` is of a.b where that is one of our modules."""
    if isinstance(statement, ast.Import):
        yield from (alias.name for alias in statement.names)
    elif isinstance(statement, ast.ImportFrom):
        assert statement.module is not None, "imports name their module in full"
        assert statement.level == 0, "imports name their module in full"
        for alias in statement.names:
            longer = f"{statement.module}.{alias.name}"
            yield longer if longer in FILES else statement.module


def imports_of(path: Path) -> Imports:
    found: dict[bool, set[str]] = {False: set(), True: set()}
    for statement, in_function in statements(ast.parse(path.read_text(encoding="utf-8"))):
        found[in_function].update(names(statement))
    return Imports(frozenset(found[False]), frozenset(found[True]))


IMPORTS = {name: imports_of(path) for name, path in FILES.items()}


def lies_in(name: str, module: str) -> bool:
    return name == module or name.startswith(f"{module}.")


def modules_of(room: str) -> dict[str, Imports]:
    found = {name: imports for name, imports in IMPORTS.items() if lies_in(name, room)}
    assert found, f"{room} holds no Python file"
    return found


def core(*rooms: str) -> set[str]:
    for room in rooms:
        modules_of(f"epofusion_core.{room}")
    return {f"epofusion_core.{room}" for room in rooms}


@pytest.mark.parametrize(
    ("room", "forbidden"),
    [
        ("epofusion_core", {"epofusion_ros"} | ROS),
        (
            "epofusion_core.model",
            core("data", "training", "evaluation", "simulation", "engines", "benchmark", "report", "fuser"),
        ),
        ("epofusion_core.data", core("training", "evaluation", "engines", "benchmark", "model")),
        ("epofusion_core.engines", core("data", "training", "evaluation", "simulation", "benchmark", "fuser")),
        ("epofusion_core.evaluation", core("training", "benchmark", "downstream")),
        ("epofusion_core.training", core("benchmark", "downstream", "engines")),
        ("epofusion_core.downstream", core("benchmark", "engines", "model")),
        ("epofusion_core.registration", core("model", "training") | {"torch"}),
        ("epofusion_core.simulation", core("model", "training") | {"torch"}),
        ("epofusion_core.report", core("model", "data", "training", "evaluation", "engines", "benchmark", "fuser")),
    ],
)
def test_a_room_of_the_core_knows_nothing_of_those_above_it(room: str, forbidden: set[str]) -> None:
    offences = {
        f"{module} imports {name}"
        for module, imports in modules_of(room).items()
        for name in imports.all
        if any(lies_in(name, each) for each in forbidden)
    }
    assert not offences


def reached_at_import(module: str) -> dict[str, str]:
    """Return all that is imported when a module is, and by which of our modules."""
    reached: dict[str, str] = {}
    waiting = [module]
    while waiting:
        importer = waiting.pop()
        for name in IMPORTS[importer].at_top:
            if name not in reached:
                reached[name] = importer
                if name in IMPORTS:
                    waiting.append(name)
    return reached


@pytest.mark.parametrize("room", ["data", "simulation", "registration", "report", "evaluation", "thermal", "fuser"])
def test_a_room_that_needs_no_torch_does_not_load_it(room: str) -> None:
    loaded = {module for module in modules_of(f"epofusion_core.{room}") if "torch" in reached_at_import(module)}
    assert not loaded


WITHOUT_ROS = ("stream", "messages", "parameters", "replay", "cli", "installed_files")
WITH_ROS = ("node", "remote_node", "demo", "soak", "view")


@pytest.mark.parametrize("room", WITHOUT_ROS)
def test_a_room_without_ros_can_be_imported_where_there_is_none(room: str) -> None:
    """Types of messages are imported in the functions that need them."""
    offences = {
        f"{module} imports {name} in {importer}"
        for module in modules_of(f"epofusion_ros.{room}")
        for name, importer in reached_at_import(module).items()
        if any(lies_in(name, each) for each in ROS)
    }
    assert not offences


def test_only_the_rooms_of_node_and_of_those_who_talk_to_one_know_rclpy() -> None:
    knowing = {name.split(".")[1] for name, imports in IMPORTS.items() if any(lies_in(n, "rclpy") for n in imports.all)}
    assert knowing == set(WITH_ROS)


def circle(graph: Mapping[str, set[str]]) -> str:
    """Return a circle of a graph, as text; nothing where there is none."""
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        return " -> ".join(error.args[1])
    return ""


def test_there_is_no_circle_of_imports() -> None:
    assert (
        circle({module: {name for name in imports.all if name in FILES} for module, imports in IMPORTS.items()}) == ""
    )


def room_of(module: str) -> str:
    """Return the folder or file at the top level of its package that a module lies in."""
    return ".".join(module.split(".")[:2])


@pytest.mark.parametrize("package", PACKAGES)
def test_there_is_no_circle_of_rooms(package: str) -> None:
    graph: dict[str, set[str]] = {}
    for module, imports in modules_of(package).items():
        others = {room_of(name) for name in imports.all if lies_in(name, package)}
        graph.setdefault(room_of(module), set()).update(others - {room_of(module)})
    assert circle(graph) == ""


def test_the_ground_floor_of_the_ros_package_can_be_overlooked() -> None:
    entries = {path.name for path in (ROOT / "epofusion_ros").iterdir()} - {"__pycache__"}
    assert len(entries) <= MOST_ROOMS, sorted(entries)
    files = {name for name in entries if name.endswith(".py")}
    assert files == {"__init__.py", "installed_files.py"}, "a module lies in the folder of what it is for"


@pytest.mark.parametrize("module", ["epofusion_core", "epofusion_ros.cli.main"])
def test_importing_loads_neither_torch_nor_rclpy(module: str) -> None:
    program = f"import sys, {module}; print(*sorted({{'torch', 'rclpy', 'cv2'}} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.split() == []
