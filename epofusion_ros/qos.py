"""Quality of service of the node's inputs and outputs."""

from rclpy.qos import HistoryPolicy, QoSProfile, ReliabilityPolicy

OUTPUT_QOS = QoSProfile(history=HistoryPolicy.KEEP_LAST, depth=1, reliability=ReliabilityPolicy.RELIABLE)
"""Every listener can subscribe to reliable; a depth of 1 keeps a slow one from old images."""


def input_qos(reliability: str, depth: int) -> QoSProfile:
    """Return the sensor data profile with a given depth, or its reliable counterpart for "reliable"."""
    return QoSProfile(
        history=HistoryPolicy.KEEP_LAST,
        depth=depth,
        reliability=ReliabilityPolicy.RELIABLE if reliability == "reliable" else ReliabilityPolicy.BEST_EFFORT,
    )
