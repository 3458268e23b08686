"""Runs the node in this process until it is asked to end: signals, executor and exit code.

SIGINT and SIGTERM are blocked before anything else is imported, and a thread waits for them. So they fall into no
transition, no frame and no import: the node ends between two callbacks, and a second signal changes nothing.
"""

from __future__ import annotations

import re
import signal
import sys
import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rclpy.executors import Executor

    from epofusion_ros.node.fusion_node import FusionNode

_ENDING = (signal.SIGINT, signal.SIGTERM)
_LOOK_S = 1.0


def main() -> int:
    """Run the node until it is interrupted; returns the exit code, 1 where it could not be started."""
    signal.pthread_sigmask(signal.SIG_BLOCK, _ENDING)
    import rclpy
    from rclpy.logging import get_logger
    from rclpy.signals import SignalHandlerOptions

    from epofusion_ros.node.fusion_node import FusionNode

    try:
        rclpy.init(signal_handler_options=SignalHandlerOptions.NO)
        node = FusionNode()
        executor = _build_executor(node.get_parameter("executor").value)
    except Exception as error:  # a parameter, an argument, a key store that is not there
        get_logger("epofusion").fatal(f"cannot be started: {_sentence(error)}")
        rclpy.try_shutdown()
        return 1
    executor.add_node(node)
    try:
        return _run(node, executor)
    finally:
        executor.shutdown()
        node.stop()
        node.destroy_node()
        rclpy.try_shutdown()


def _build_executor(kind: str) -> Executor:
    """Return an executor by its name in the parameters.

    Raises:
        ValueError: there is none of this name, or not in this release.
    """
    from rclpy.executors import MultiThreadedExecutor, SingleThreadedExecutor

    from epofusion_ros.parameters.node_parameters import DECLARATIONS

    if problem := DECLARATIONS["executor"].check("executor", kind):
        raise ValueError(problem)
    if kind == "events":
        try:
            from rclpy.experimental import EventsExecutor
        except ImportError as error:
            raise ValueError("parameter executor is 'events', which this release of rclpy lacks") from error
        return EventsExecutor()
    return MultiThreadedExecutor() if kind == "multi" else SingleThreadedExecutor()


def _run(node: FusionNode, executor: Executor) -> int:
    """Handle messages and requests until a signal comes, or the node cannot start itself; returns the exit code."""
    from rclpy.clock import Clock, ClockType

    ended, failed = threading.Event(), threading.Event()

    def wait_for_signal() -> None:
        signal.sigwait(_ENDING)
        ended.set()
        executor.create_task(lambda: None)  # wakes it up

    def start() -> None:
        timer.cancel()
        if not ended.is_set() and not node.start():
            failed.set()

    threading.Thread(target=wait_for_signal, name="signals", daemon=True).start()
    if node.get_parameter("autostart").value:
        # A timer, since the node's callbacks exclude one another, under every executor.
        timer = node.create_timer(0.0, start, clock=Clock(clock_type=ClockType.STEADY_TIME))
    while not ended.is_set() and not failed.is_set():
        try:
            executor.spin_once(timeout_sec=_LOOK_S)
        except Exception as error:  # rclpy itself raises some, of messages and requests that make no sense
            node.survive(error)
    return int(failed.is_set())


def _sentence(error: Exception) -> str:
    """Return what is wrong, without the places in the sources of ROS that its own errors name."""
    return " ".join(re.sub(r"\s*, at \S+:\d+", "", str(error)).split())


if __name__ == "__main__":
    sys.exit(main())
