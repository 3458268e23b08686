"""Dependencies point one way, and looking at the command's help costs neither PyTorch nor ROS."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
ROS = {"rclpy", "sensor_msgs", "std_msgs", "std_srvs", "diagnostic_msgs", "lifecycle_msgs", "cv_bridge", "launch"}


def imported_modules(folder: Path) -> dict[str, set[str]]:
    """Return which modules each Python file below a folder imports, wherever the import stands."""
    modules: dict[str, set[str]] = {}
    for path in sorted(folder.rglob("*.py")):
        names: set[str] = set()
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                names |= {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module:
                names |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
        modules[str(path.relative_to(ROOT))] = names
    assert modules, f"{folder} holds no Python file"
    return modules


@pytest.mark.parametrize(
    ("package", "forbidden"),
    [
        ("epofusion_core", {"epofusion_ros"} | ROS),
        (
            "epofusion_core/model",
            {f"epofusion_core.{part}" for part in ("data", "training", "evaluation", "simulation", "engines", "fuser")},
        ),
        (
            "epofusion_core/engines",
            {f"epofusion_core.{part}" for part in ("data", "training", "evaluation", "simulation", "fuser")},
        ),
        ("epofusion_core/registration", {"epofusion_core.model", "epofusion_core.training", "torch"}),
        ("epofusion_core/simulation", {"epofusion_core.model", "epofusion_core.training", "torch"}),
        ("epofusion_core/evaluation", {"epofusion_core.training"}),
    ],
)
def test_a_package_does_not_import_those_above_it(package: str, forbidden: set[str]) -> None:
    offences = {
        f"{path} imports {name}"
        for path, names in imported_modules(ROOT / package).items()
        for name in names
        if any(name == module or name.startswith(f"{module}.") for module in forbidden)
    }
    assert not offences


@pytest.mark.parametrize("module", ["epofusion_core", "epofusion_ros.cli.main"])
def test_importing_loads_neither_torch_nor_rclpy(module: str) -> None:
    program = f"import sys, {module}; print(*sorted({{'torch', 'rclpy', 'cv2'}} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.split() == []
