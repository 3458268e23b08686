"""The fusion node's own figures, from its diagnostics."""

import time
from collections.abc import Mapping
from threading import Condition

from diagnostic_msgs.msg import DiagnosticArray
from rclpy.node import Node
from rclpy.qos import QoSProfile, ReliabilityPolicy

from epofusion_ros.messages.topics import DIAGNOSTICS, FUSION_NODE
from epofusion_ros.stream.frame_account import Fate

_RELIABLE = QoSProfile(depth=10, reliability=ReliabilityPolicy.RELIABLE)
_PROGRESS = ("received_rgb", "received_thermal", "pairs", "fused", "superseded")


def both_sides(figures: Mapping[str, float]) -> dict[str, tuple[float, float]]:
    """Return both sides of each account of a node, by its name: what came, and the sum of its fates.

    Both sides are equal: every pair and every frame alone has one fate or is in work, and every frame that was received
    is in a pair, alone, without a partner, or waiting.
    """
    pairs = figures.get("pairs", -1.0)
    alone = {name: figures.get(f"passed_{name}", 0.0) for name in ("rgb", "thermal")}
    ended = sum(figures.get(fate, 0.0) for fate in (*Fate, "in_flight"))
    sides = {"pairs + frames passed through": (pairs + sum(alone.values()), ended)}
    for name, reused in (("rgb", 0.0), ("thermal", figures.get("reused_thermal", 0.0))):
        rest = figures.get(f"unmatched_{name}", 0.0) + figures.get(f"pending_{name}", 0.0)
        sides[f"{name} received"] = (figures.get(f"received_{name}", -1.0), pairs - reused + alone[name] + rest)
    return sides


class NodeFigures:
    """Collects on the thread that spins the node; may be asked from any.

    Attributes:
        newest: the newest diagnostics, by key.
    """

    def __init__(self, node: Node, of: str = FUSION_NODE) -> None:
        """Subscribe; `of` is the full name of the fusion node."""
        self._of = of
        self._reported = Condition()
        self.newest: dict[str, float] = {}
        node.create_subscription(DiagnosticArray, DIAGNOSTICS, self._note, _RELIABLE)

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

    def wait_for_report(self) -> None:
        """Wait for the next diagnostics."""
        with self._reported:
            self._reported.wait()

    def _note(self, message: DiagnosticArray) -> None:
        for status in message.status:
            if status.name.startswith(f"{self._of}:"):
                with self._reported:
                    self.newest = {value.key: float(value.value) for value in status.values if _is_number(value.value)}
                    self._reported.notify_all()


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
