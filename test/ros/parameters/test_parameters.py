"""Parameters: one declaration each, that files and documents agree with."""

from operator import attrgetter
from pathlib import Path

import pytest
import rclpy
import yaml

from epofusion_ros.node.parameter_server import declare, read
from epofusion_ros.parameters.declaration import Value
from epofusion_ros.parameters.documents import markdown_table, yaml_file
from epofusion_ros.parameters.node_parameters import DECLARATIONS, NodeParameters, from_values

REPOSITORY = Path(__file__).resolve().parents[3]


def test_the_configuration_file_is_what_the_declarations_give() -> None:
    text = (REPOSITORY / "config" / "epofusion.yaml").read_text()
    assert text == yaml_file()
    values = yaml.safe_load(text)["/**"]["ros__parameters"]
    assert from_values(values) == NodeParameters()


def test_the_documented_table_is_what_the_declarations_give() -> None:
    assert markdown_table() in (REPOSITORY / "docs" / "parameters.md").read_text()


def test_a_node_declares_and_reads_the_defaults(domain: int) -> None:
    rclpy.init()
    try:
        node = rclpy.create_node("parameters")
        declare(node, is_configured=lambda: False)
        assert read(node) == NodeParameters()
        for name, declared in DECLARATIONS.items():
            assert node.describe_parameter(name).description.startswith(declared.description)
        node.destroy_node()
    finally:
        rclpy.shutdown()


def test_a_ros_name_is_the_path_of_the_value_in_the_groups() -> None:
    given: dict[str, Value] = {
        "steps": 2,
        "sync.slop": 0.5,
        "thermal.percentiles": [2.0, 98.0],
        "qos.rgb.reliability": "reliable",
    }
    parameters = from_values(given)
    assert (parameters.steps, parameters.sync.slop, parameters.thermal.percentiles) == (2, 0.5, (2.0, 98.0))
    assert parameters.qos.rgb.reliability == "reliable"
    assert parameters.qos.thermal.reliability == "auto"
    for name, declared in DECLARATIONS.items():
        assert attrgetter(name)(NodeParameters()) == declared.default


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("sync.slop", -0.1, "parameter sync.slop is -0.1; expected at least 0 s"),
        ("sync.slop", float("nan"), "sync.slop is nan"),
        ("sync.queue_size", 0, "expected at least 1"),
        ("steps", 99, "expected at most 50"),
        ("sync.policy", "exact", "expected one of nearest, approximate"),
        ("thermal.percentiles", [99.0, 1.0], "low then high"),
        ("thermal.percentiles", [1.0], "two values"),
        ("thermal.min", 1e9, "less than thermal.max"),
        ("sync.slip", 0.1, "parameter sync.slip is unknown"),
    ],
)
def test_a_wrong_value_is_one_clear_sentence(name: str, value: object, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        from_values({name: value})  # type: ignore[dict-item]
