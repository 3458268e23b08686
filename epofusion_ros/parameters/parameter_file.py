"""Reads the ROS parameter file of the node without ROS: for the command line, which works as the node would."""

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from epofusion_core.model.config import MODELS
from epofusion_ros.parameters.declaration import Value
from epofusion_ros.parameters.node_parameters import DECLARATIONS, NodeParameters, from_values

_KINDS = {
    str: ("a text", "texts"),
    bool: ("true or false", "true or false"),
    int: ("a whole number", "whole numbers"),
    float: ("a number with a point, such as 1.0", "numbers with a point, such as 1.0"),
}
"""Types in words, one value and several. As in ROS, a whole number is no number with a point, and true is neither."""
_OF_ROS = ("use_sim_time", "qos_overrides.")
"""Parameters that every ROS node has; they mean nothing to a replay."""


def read_parameter_file(path: Path) -> dict[str, Value]:
    """Return the node's values in a ROS 2 parameter file, by ROS name.

    Of sections for several nodes, `/**` and those of `epofusion` count, the later ones over the earlier.

    Raises:
        ValueError: the file is no parameter file, or has a name or a type that the node has not.
    """
    import yaml

    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
        values = _of_the_node(content)
    except (OSError, UnicodeDecodeError, yaml.YAMLError, RecursionError) as error:
        why = " ".join(str(error).split())  # errors of YAML have many lines
        raise ValueError(f"--config {path} cannot be read ({why}); expected a ROS 2 parameter file") from error
    if not values:
        raise ValueError(f"--config {path} has no parameters; expected them under /**: or epofusion: ros__parameters:")
    values = {name: value for name, value in values.items() if not name.startswith(_OF_ROS)}
    _check(path, values)
    return values


def values_of(path: Path | None, overrides: Mapping[str, Value]) -> dict[str, Value]:
    """Return the values of a file, if there is one, with some replaced, by ROS name.

    Raises:
        ValueError: see `read_parameter_file`.
    """
    return {**(read_parameter_file(path) if path else {}), **overrides}


def parameters_of(path: Path | None, overrides: Mapping[str, Value]) -> NodeParameters:
    """Return the parameters of a file, or the defaults, with some replaced.

    Raises:
        ValueError: see `read_parameter_file`; or a value is outside its range.
    """
    return from_values(values_of(path, overrides))


def files_of(parameters: NodeParameters) -> list[Path]:
    """Return the files and folders that parameters name: weights and a calibration, where they are given."""
    return _paths_in(asdict(parameters))


def _paths_in(values: Mapping[str, Any]) -> list[Path]:
    found: list[Path] = []
    for value in values.values():
        if isinstance(value, dict):
            found += _paths_in(value)
        elif isinstance(value, str) and value not in MODELS and value and Path(value).exists():
            found.append(Path(value))
    return found


def _of_the_node(content: object) -> dict[str, Any]:
    """Return the values of the sections that count for the node, by ROS name."""
    values: dict[str, Any] = {}
    for name, section in content.items() if isinstance(content, dict) else ():
        if isinstance(section, dict) and (name == "/**" or str(name).rpartition("/")[2] == "epofusion"):
            parameters = section.get("ros__parameters")
            values |= _flat(parameters) if isinstance(parameters, dict) else {}
    return values


def _flat(section: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Return nested sections as names with points, both of which ROS allows."""
    values: dict[str, Any] = {}
    for key, value in section.items():
        name = f"{prefix}{key}"
        values |= _flat(value, f"{name}.") if isinstance(value, dict) else {name: value}
    return values


def _check(path: Path, values: dict[str, Any]) -> None:
    """Refuse what ROS would refuse: unknown names and other types."""
    for name, value in values.items():
        if name not in DECLARATIONS:
            raise ValueError(
                f"--config {path} sets {name}, which the node has not; docs/parameters.md lists what it has"
            )
        default = DECLARATIONS[name].default
        is_list = isinstance(default, tuple)
        given = value if is_list and isinstance(value, list) else [value]
        kind = float if is_list else type(default)
        if isinstance(value, list) != is_list or any(type(each) is not kind for each in given):
            expected = f"a list of {_KINDS[kind][1]}" if is_list else _KINDS[kind][0]
            raise ValueError(f"--config {path} sets {name} to {value!r}; expected {expected}")
