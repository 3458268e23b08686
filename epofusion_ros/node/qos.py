"""Quality of service of the node's inputs and outputs."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from rclpy.parameter import Parameter
from rclpy.qos import DurabilityPolicy, HistoryPolicy, QoSProfile, ReliabilityPolicy

if TYPE_CHECKING:
    from rclpy.node import Node

OUTPUT_QOS = QoSProfile(history=HistoryPolicy.KEEP_LAST, depth=1, reliability=ReliabilityPolicy.RELIABLE)
"""Every listener can subscribe to reliable; a depth of 1 keeps a slow one from old images."""


_CHOICES = {
    "durability": ("volatile", "transient_local"),
    "history": ("keep_last", "keep_all"),
    "reliability": ("best_effort", "reliable"),
}


def overrides(node: "Node", topic: str) -> dict[str, str | int]:
    """Return what ROS's own parameters `qos_overrides.TOPIC.subscription.POLICY` say of a topic, by policy.

    They exist only where they are given: rclpy's own options would declare all of them, with the values of the first
    activation, which would then outlive a change of `qos.depth`.

    Raises:
        ValueError: a value is none of its policy.
    """
    found: dict[str, str | int] = {}
    for policy in ("depth", *_CHOICES):
        name = f"qos_overrides.{topic}.subscription.{policy}"
        kind = Parameter.Type.STRING if policy in _CHOICES else Parameter.Type.INTEGER
        if not node.has_parameter(name):
            node.declare_parameter(name, kind)
        given = node.get_parameter_or(name)
        if given.value is None:
            node.undeclare_parameter(name)
            continue
        if policy in _CHOICES and given.value not in _CHOICES[policy]:
            raise ValueError(f"parameter {name} is {given.value!r}; expected one of {', '.join(_CHOICES[policy])}")
        found[policy] = given.value
    return found


def input_qos(reliability: ReliabilityPolicy, depth: int, overridden: dict[str, str | int]) -> QoSProfile:
    """Return the sensor data profile with a given depth and reliability, and with what is overridden."""
    return QoSProfile(
        history=HistoryPolicy[str(overridden.get("history", "keep_last")).upper()],
        depth=int(overridden.get("depth", depth)),
        reliability=reliability,
        durability=DurabilityPolicy[str(overridden.get("durability", "volatile")).upper()],
    )


def choose_reliability(asked: str, offered: Iterable[ReliabilityPolicy]) -> ReliabilityPolicy:
    """Return what to ask a topic's publishers for.

    Args:
        asked: "auto", "best_effort" or "reliable".
        offered: by the publishers that there are.

    Returns:
        For "auto": reliable where every publisher offers it, else best effort, which goes with all of them.
    """
    if asked == "auto":
        policies = set(offered)
        return ReliabilityPolicy.RELIABLE if policies == {ReliabilityPolicy.RELIABLE} else ReliabilityPolicy.BEST_EFFORT
    return ReliabilityPolicy.RELIABLE if asked == "reliable" else ReliabilityPolicy.BEST_EFFORT
