"""The parameters on a node: declared in ROS, checked when they change, read as `NodeParameters`."""

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

from epofusion_ros.parameters.declaration import Declaration, Value
from epofusion_ros.parameters.node_parameters import DECLARATIONS, NodeParameters, from_values

if TYPE_CHECKING:
    from rcl_interfaces.msg import ParameterDescriptor, SetParametersResult
    from rclpy.node import Node
    from rclpy.parameter import Parameter


def declare(node: "Node", is_configured: Callable[[], bool]) -> None:
    """Declare every parameter on a node, and refuse changes to values that do not go.

    Args:
        node: that has the parameters.
        is_configured: tells whether what is built of the parameters is in use; only live ones may change then.

    Raises:
        rclpy.exceptions.ParameterException: a value given at the start has a wrong type or lies outside its range.
    """
    for name, declared in DECLARATIONS.items():
        node.declare_parameter(name, declared.ros_default, _descriptor(declared))
    node.add_on_set_parameters_callback(partial(_check_change, node, is_configured))


def read(node: "Node") -> NodeParameters:
    """Return the node's parameters.

    Raises:
        ValueError: a value is outside its range; the sentence names the parameter and the range.
    """
    return from_values(_values(node))


def _values(node: "Node") -> dict[str, Value]:
    return {name: node.get_parameter(name).value for name in DECLARATIONS}


def _check_change(
    node: "Node", is_configured: Callable[[], bool], changed: "list[Parameter[Any]]"
) -> "SetParametersResult":
    from rcl_interfaces.msg import SetParametersResult

    values = _values(node)
    ours = {each.name: each.value for each in changed if each.name in DECLARATIONS and each.value != values[each.name]}
    built_in = [name for name in ours if not DECLARATIONS[name].live]
    if built_in and is_configured():
        reason = f"parameter {built_in[0]} is built into the configured node; expected to be set before configure"
        return SetParametersResult(successful=False, reason=reason)
    try:
        from_values(values | ours)
    except ValueError as error:
        return SetParametersResult(successful=False, reason=str(error))
    return SetParametersResult(successful=True)


def _descriptor(declared: Declaration) -> "ParameterDescriptor":
    from rcl_interfaces.msg import FloatingPointRange, IntegerRange, ParameterDescriptor

    described = ParameterDescriptor(description=declared.description_with_unit, read_only=declared.at_start)
    if declared.choices:
        described.additional_constraints = "one of " + ", ".join(declared.choices)
    if declared.lowest is not None and declared.highest is not None:
        if isinstance(declared.default, float):
            described.floating_point_range = [FloatingPointRange(from_value=declared.lowest, to_value=declared.highest)]
        elif isinstance(declared.default, int):
            described.integer_range = [IntegerRange(from_value=int(declared.lowest), to_value=int(declared.highest))]
    return described
