"""The topic ~/status: what the node does with its frames now, latched for late subscribers."""

import threading
from typing import TYPE_CHECKING

from rclpy.qos import DurabilityPolicy, QoSProfile, ReliabilityPolicy

from epofusion_ros.messages.topics import STATUS

if TYPE_CHECKING:
    from rclpy.lifecycle import LifecycleNode

OK, WARN, ERROR = 0, 1, 2
FUSING = (OK, "fusing")
PASSING = {
    "rgb": (WARN, "no thermal frame comes: rgb is passed through"),
    "thermal": (WARN, "no rgb frame comes: thermal is passed through"),
}
UNREGISTERED = (ERROR, "registration leaves next to nothing of the thermal image on the RGB image")
UNWATCHED = (OK, "nobody listens")
WAITING = (WARN, "active, but nothing is published")
NOT_ACTIVE = (OK, "not active")

_LATCHED = QoSProfile(depth=1, reliability=ReliabilityPolicy.RELIABLE, durability=DurabilityPolicy.TRANSIENT_LOCAL)


class Status:
    """Publishes a diagnostic_msgs/DiagnosticStatus when it changes. Thread-safe."""

    def __init__(self, node: "LifecycleNode") -> None:
        """Offer the topic; nothing is said yet."""
        from diagnostic_msgs.msg import DiagnosticStatus

        self._name = node.get_fully_qualified_name()
        # A lifecycle publisher sends nothing while the node is inactive, and that is a status, too.
        self._publisher = node.create_publisher(DiagnosticStatus, STATUS, _LATCHED)
        self._lock = threading.Lock()
        self._said: tuple[int, str] | None = None

    def say(self, what: tuple[int, str]) -> None:
        """Publish a level and a sentence, one of the above, unless it was the last one."""
        from diagnostic_msgs.msg import DiagnosticStatus

        with self._lock:
            if what == self._said:
                return
            self._said = what
            level, sentence = what
            self._publisher.publish(DiagnosticStatus(level=bytes([level]), name=self._name, message=sentence))
