"""Drives a lifecycle node through its services, as `ros2 lifecycle set` does."""

from collections.abc import Callable
from threading import Event

from lifecycle_msgs.msg import Transition
from lifecycle_msgs.srv import ChangeState
from rclpy.node import Node

CONFIGURE = Transition.TRANSITION_CONFIGURE
ACTIVATE = Transition.TRANSITION_ACTIVATE
DEACTIVATE = Transition.TRANSITION_DEACTIVATE
_NAMES = {CONFIGURE: "configure", ACTIVATE: "activate", DEACTIVATE: "deactivate"}


class LifecycleClient:
    """Asks a lifecycle node for transitions; the calling node must be spun by another thread."""

    def __init__(self, node: Node, target: str, still_there: Callable[[], None]) -> None:
        """Set up the client.

        Args:
            node: the node that asks.
            target: full name of the lifecycle node.
            still_there: raises where waiting has become pointless.
        """
        self._target, self._still_there = target, still_there
        self._client = node.create_client(ChangeState, f"{target}/change_state")

    def change(self, transition: int, timeout_s: float) -> None:
        """Make a transition.

        Raises:
            RuntimeError: the node refuses, or does not answer in time.
        """
        waited_s = 0.0
        while not self._client.wait_for_service(timeout_sec=0.5):
            self._still_there()
            waited_s += 0.5
            if waited_s >= timeout_s:
                raise RuntimeError(f"{self._target} offers no lifecycle services after {timeout_s:g} s")
        request = ChangeState.Request(transition=Transition(id=transition))
        answered = Event()
        future = self._client.call_async(request)
        future.add_done_callback(lambda _: answered.set())
        while not answered.wait(0.5):
            self._still_there()
            waited_s += 0.5
            if waited_s >= timeout_s:
                raise RuntimeError(f"{self._target} has not answered to {_NAMES[transition]} after {timeout_s:g} s")
        if not future.result().success:
            raise RuntimeError(f"{self._target} failed to {_NAMES[transition]}")
