"""Quality of service of the node's inputs and outputs."""

from collections.abc import Iterable

from rclpy.qos import HistoryPolicy, QoSProfile, ReliabilityPolicy

OUTPUT_QOS = QoSProfile(history=HistoryPolicy.KEEP_LAST, depth=1, reliability=ReliabilityPolicy.RELIABLE)
"""Every listener can subscribe to reliable; a depth of 1 keeps a slow one from old images."""


def input_qos(reliability: ReliabilityPolicy, depth: int) -> QoSProfile:
    """Return the sensor data profile with a given depth and reliability."""
    return QoSProfile(history=HistoryPolicy.KEEP_LAST, depth=depth, reliability=reliability)


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
