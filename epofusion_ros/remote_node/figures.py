"""The fusion node's own figures, from its diagnostics."""

import time
from threading import Condition

from diagnostic_msgs.msg import DiagnosticArray
from rclpy.node import Node
from rclpy.qos import QoSProfile, ReliabilityPolicy

FUSION_NODE = "/epofusion"
_RELIABLE = QoSProfile(depth=10, reliability=ReliabilityPolicy.RELIABLE)
_PROGRESS = ("received_rgb", "received_thermal", "pairs", "fused", "superseded")


class NodeFigures:
    """Collects on the thread that spins the node; may be asked from any.

    Attributes:
        newest: the newest diagnostics, by key.
    """

    def __init__(self, node: Node) -> None:
        """Subscribe."""
        self._reported = Condition()
        self.newest: dict[str, float] = {}
        node.create_subscription(DiagnosticArray, "/diagnostics", self._note, _RELIABLE)

    def wait_until_settled(self, timeout_s: float) -> None:
        """Wait for two diagnostics in a row that count the same and say that nothing is in work, or for the time."""
        deadline_s = time.monotonic() + timeout_s
        before: list[float] = []
        with self._reported:
            while self._reported.wait(max(0.0, deadline_s - time.monotonic())):
                now = [self.newest.get(name, 0.0) for name in _PROGRESS]
                if now == before and not self.newest.get("in_flight"):
                    return
                before = now

    def _note(self, message: DiagnosticArray) -> None:
        for status in message.status:
            if status.name.startswith(f"{FUSION_NODE}:"):
                with self._reported:
                    self.newest = {value.key: float(value.value) for value in status.values if _is_number(value.value)}
                    self._reported.notify_all()


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
