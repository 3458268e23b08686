"""What installs is what the repository holds, and the manifests of ROS and of pip say the same."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from catkin_pkg.package import Package, parse_package
from setuptools import Distribution

from epofusion_core import __version__

ROOT = Path(__file__).resolve().parents[1]

ROSDEP_KEYS = {
    "aiohttp": "python3-aiohttp",
    "cv2": "python3-opencv",
    "jinja2": "python3-jinja2",
    "matplotlib": "python3-matplotlib",
    "numpy": "python3-numpy",
    "onnxruntime": "python3-onnxruntime-pip",
    "platformdirs": "python3-platformdirs",
    "rich": "python3-rich",
    "rosbags": "python3-rosbags-pip",
    "typer": "python3-typer",
    "yaml": "python3-yaml",
}
"""Keys of the imports whose rosdep key is not their own name."""
LAUNCHED = {"ros2bag", "ros2launch", "rosbag2_storage_mcap", "rqt_runtime_monitor", "rviz2"}
"""What the launch files run, and what runs them."""
NOT_BY_ROSDEP = {
    *("accelerate", "nncf", "onnx", "pydantic", "safetensors", "tensorboard", "timm", "torch", "torchvision"),
    *("transformers", "ultralytics", "huggingface_hub", "rerun"),  # these and the above train, export or judge
    *("av", "openvino"),  # rosdep has no key of them: for videos, and the faster one of two engines
    *("fsspec", "pyarrow", "ray"),  # for many bags
}
"""pip installs them; a node that runs exported graphs needs none of them."""
BROUGHT_BY_OTHERS = {"backports", "lz4", "markupsafe"}
"""Come with rosbags and jinja2."""
PIP_NAMES = {"backports": "backports.zstd", "cv2": "opencv-python-headless", "rerun": "rerun-sdk", "yaml": "PyYAML"}
ON_REQUEST = {"ultralytics"}
"""Imported only by an option whose user brings the library along."""


@pytest.fixture(scope="module")
def manifest() -> Package:
    return parse_package(str(ROOT / "package.xml"))


@pytest.fixture
def distribution(monkeypatch: pytest.MonkeyPatch) -> Distribution:
    from distutils.core import run_setup

    monkeypatch.chdir(ROOT)
    return run_setup("setup.py", stop_after="init")


def third_party_imports() -> set[str]:
    """Names of the top-level modules that the package imports and does not hold itself."""
    names: set[str] = set()
    for folder in ("epofusion_core", "epofusion_ros", "launch"):
        for path in (ROOT / folder).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.Import):
                    names |= {alias.name.split(".")[0] for alias in node.names}
                elif isinstance(node, ast.ImportFrom) and node.module:
                    names.add(node.module.split(".")[0])
    return names - set(sys.stdlib_module_names) - {"epofusion_core", "epofusion_ros"}


def test_package_xml_names_exactly_what_is_imported_and_launched(manifest: Package) -> None:
    declared = {dependency.name for dependency in manifest.exec_depends}
    imported = {ROSDEP_KEYS.get(name, name) for name in third_party_imports() - NOT_BY_ROSDEP - BROUGHT_BY_OTHERS}
    assert declared == imported | LAUNCHED


def test_pip_installs_every_import_that_ros_does_not_bring(manifest: Package, distribution: Distribution) -> None:
    requirements = [*distribution.install_requires]
    requirements += [each for extra in distribution.extras_require.values() for each in extra]
    installable = {re.split(r"[<>=~;\[ ]", requirement)[0] for requirement in requirements}
    from_ros = {dependency.name for dependency in manifest.exec_depends}
    needed = {PIP_NAMES.get(name, name) for name in third_party_imports() - from_ros - ON_REQUEST}
    assert needed <= installable


def test_versions_agree(manifest: Package, distribution: Distribution) -> None:
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    latest = re.search(r"^## (\S+)", changelog, re.MULTILINE)
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert latest is not None
    assert {manifest.version, distribution.get_version(), latest[1], citation["version"], __version__} == {
        manifest.version
    }


@pytest.mark.parametrize("folder", ["launch", "config"])
def test_every_file_of_a_folder_is_installed_to_share(folder: str, distribution: Distribution) -> None:
    installed = {source: target for target, sources in distribution.data_files for source in sources}
    files = [path.relative_to(ROOT) for path in (ROOT / folder).rglob("*") if path.is_file()]
    files = [path for path in files if "__pycache__" not in path.parts]
    assert files
    for path in files:
        assert installed.get(str(path)) == str(Path("share/epofusion_ros") / path.parent)


def test_the_models_are_installed_once_beside_the_code_that_reads_them(distribution: Distribution) -> None:
    models = {f"epofusion_core/weights/{path.name}" for path in (ROOT / "epofusion_core/weights").iterdir()}
    build = distribution.get_command_obj("build_py")
    build.ensure_finalized()
    packaged = [f"{source}/{name}" for _, source, _, names in build.data_files for name in names]
    elsewhere = [source for _, sources in distribution.data_files for source in sources]
    assert models
    assert sorted(path for path in packaged + elsewhere if Path(path).name in {Path(m).name for m in models}) == sorted(
        models
    )


@pytest.mark.parametrize("command", ["epofusion_ros/cli/demo.py", "epofusion_ros/soak/__main__.py"])
def test_git_ignores_what_a_script_writes(command: str) -> None:
    if not (ROOT / ".git").exists():
        pytest.skip("this is no checkout of git")
    default = re.search(r'    out: Annotated.*?= Path\(\s*"(\w+)"', (ROOT / command).read_text(), re.DOTALL)
    assert default is not None
    done = subprocess.run(["git", "check-ignore", f"{default[1]}/node.log"], cwd=ROOT, capture_output=True, check=False)
    assert done.returncode == 0, f"{default[1]}/ is not ignored"
    ignored = subprocess.run(
        ["git", "ls-files", "-ci", "--exclude-standard"], cwd=ROOT, capture_output=True, check=True
    )
    assert ignored.stdout == b"", "what is ignored is not part of the repository"


def test_constraints_pin_every_requirement_that_the_scripts_install(distribution: Distribution) -> None:
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    pinned = {line.split("==")[0].lower() for line in lines if "==" in line}
    extras = ("openvino", "onnxruntime", "torch", "train", "hub", "view", "fleet", "ros-wheels", "test")
    requirements = [*distribution.install_requires]
    requirements += [each for extra in extras for each in distribution.extras_require[extra]]
    assert {re.split(r"[<>=]", requirement)[0].lower() for requirement in requirements} <= pinned
