"""`epofusion info`: what is installed here, and what each named size costs."""

import os
import platform
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.table import Table

from epofusion_ros.cli import options
from epofusion_ros.cli.console import clear_errors, console, print_json, progress

if TYPE_CHECKING:
    from epofusion_core.benchmark.complexity import Complexity

_TITLE = "Named sizes; GMAC: 10^9 multiply-accumulates of a pair, fused image and mask"
_LIBRARIES = ("numpy", "opencv-python-headless", "torch", "openvino", "onnxruntime", "rosbags", "typer")


def info(
    cost: Annotated[
        bool, typer.Option("--cost", help="Also count what each named size costs, as the paper's Table V; by PyTorch.")
    ] = False,
    height: Annotated[int, typer.Option(help="With --cost: image height, pixels.", min=1)] = 480,
    width: Annotated[int, typer.Option(help="With --cost: image width, pixels.", min=1)] = 640,
    quiet: options.Quiet = False,
    as_json: options.Json = False,
) -> None:
    """Show versions, weights, engines and their devices; on request parameters and operations of each size."""
    found: dict[str, Any] = {"versions": _versions(), "weights": _weights()}
    with progress("looking for engines"):
        found["engines"] = _engines()
    with clear_errors():
        costs = _costs(height, width) if cost else {}
    if as_json:
        print_json(found | ({"cost": {name: _plain(each) for name, each in costs.items()}} if cost else {}))
        return
    _show(found)
    _show_costs(costs, f"{height}x{width}")


def _versions() -> dict[str, str]:
    from epofusion_core import __version__
    from epofusion_core.engines.installed import version_of

    ros = os.environ.get("ROS_DISTRO") or " ".join(
        f"{name} {version}" for name in ("ros-rclpy", "ros-jazzy-rclpy") if (version := version_of(name))
    )
    versions = {"epofusion": __version__, "Python": platform.python_version(), "ROS 2": ros or "none"}
    versions["system"] = f"{platform.system()} {platform.release()}, {platform.machine()}"
    return versions | {name: version for name in _LIBRARIES if (version := version_of(name))}


def _weights() -> list[dict[str, Any]]:
    from epofusion_core.model.card import WEIGHTS_FOLDER, installed_sizes, read_card, resolve_weights

    return [
        {
            "name": name,
            "steps": read_card(resolve_weights(name)).config.steps,
            "graphs": sorted(file.name for file in WEIGHTS_FOLDER.glob(f"{name}-*") if file.suffix != ".bin"),
        }
        for name in installed_sizes()
    ]


def _engines() -> list[dict[str, Any]]:
    from epofusion_core.engines.installed import installed_engines

    return [
        {"name": each.name, "version": each.version, "devices": dict(each.devices), "problem": each.problem}
        for each in installed_engines()
    ]


def _costs(height: int, width: int) -> "dict[str, Complexity]":
    from epofusion_core.benchmark.complexity import measure_complexity
    from epofusion_core.model.config import MODELS
    from epofusion_core.model.epofusion import EPOFusion

    costs = {}
    with progress("counting operations") as report:
        for name, config in MODELS.items():
            costs[name] = measure_complexity(EPOFusion(config), height, width)
            report(len(costs), len(MODELS))
    return costs


def _plain(cost: "Complexity") -> dict[str, Any]:
    parts = {part.name: {"parameters": part.parameters, "macs": part.macs, "calls": part.calls} for part in cost.parts}
    return {"steps": cost.steps, "parameters": cost.parameters, "macs": cost.macs, "parts": parts}


def _show(found: dict[str, Any]) -> None:
    versions = Table("what", "version")
    for what, version in found["versions"].items():
        versions.add_row(what, version)
    weights = Table("model", "steps", "graphs")
    for each in found["weights"]:
        weights.add_row(each["name"], str(each["steps"]), "\n".join(each["graphs"]))
    engines = Table("engine", "device", "what it is")
    for each in found["engines"]:
        for device, name in each["devices"].items() or [("none", each["problem"])]:
            engines.add_row(f"{each['name']} {each['version']}", device, name)
    if not found["engines"]:
        engines.add_row("none", "", "pip install openvino, or onnxruntime")
    for table in (versions, weights, engines):
        console.print(table)


def _show_costs(costs: "dict[str, Complexity]", size: str) -> None:
    if not costs:
        return
    summary = Table("model", "input", "steps", "parameters / M", "GMAC", title=_TITLE)
    for name, cost in costs.items():
        figures = (f"{cost.parameters / 1e6:.2f}", f"{cost.macs / 1e9:.2f}")
        summary.add_row(name, size, str(cost.steps), *figures)
    console.print(summary)
    for name, cost in costs.items():
        table = Table("part", "parameters / M", "GMAC a call", "calls", title=name)
        for part in cost.parts:
            table.add_row(part.name, f"{part.parameters / 1e6:.3f}", f"{part.macs / 1e9:.3f}", str(part.calls))
        console.print(table)
