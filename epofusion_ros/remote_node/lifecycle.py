"""Drives a lifecycle node through its services, as `ros2 lifecycle set` does."""

import time
from collections.abc import Callable
from threading import Event

from lifecycle_msgs.msg import Transition
from lifecycle_msgs.srv import ChangeState
from rclpy.node import Node

from epofusion_ros.remote_node.process import NodeError

CONFIGURE = Transition.TRANSITION_CONFIGURE
ACTIVATE = Transition.TRANSITION_ACTIVATE
DEACTIVATE = Transition.TRANSITION_DEACTIVATE
CLEANUP = Transition.TRANSITION_CLEANUP
_NAMES = {CONFIGURE: "configure", ACTIVATE: "activate", DEACTIVATE: "deactivate", CLEANUP: "cleanup"}
_LOOK_S = 0.5


class LifecycleClient:
    """Asks a lifecycle node for transitions; the calling node must be spun by another thread."""

    def __init__(self, node: Node, target: str, still_there: Callable[[], None]) -> None:
        """Set up the client.

        Args:
            node: the node that asks.
            target: full name of the lifecycle node.
            still_there: raises an error if waiting is useless, since the node has ended.
        """
        self._target, self._still_there = target, still_there
        self._client = node.create_client(ChangeState, f"{target}/change_state")

    def change(self, transition: int, timeout_s: float) -> None:
        """Make a transition.

        Raises:
            NodeError: the node refuses, or does not answer in time.
        """
        deadline_s = time.monotonic() + timeout_s
        self._wait(lambda: self._client.wait_for_service(timeout_sec=_LOOK_S), deadline_s, "offers no services")
        answered = Event()
        future = self._client.call_async(ChangeState.Request(transition=Transition(id=transition)))
        future.add_done_callback(lambda _: answered.set())
        self._wait(lambda: answered.wait(_LOOK_S), deadline_s, f"does not answer to {_NAMES[transition]}")
        if not future.result().success:
            raise NodeError(f"{self._target} failed to {_NAMES[transition]}")

    def _wait(self, has_come: Callable[[], bool], deadline_s: float, otherwise: str) -> None:
        while not has_come():
            self._still_there()
            if time.monotonic() > deadline_s:
                raise NodeError(f"{self._target} {otherwise}, and time is up")
