"""A ROS node that a thread spins, for programs whose own thread does something else."""

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Thread

import rclpy
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from rclpy.signals import SignalHandlerOptions


@contextmanager
def spinning_node(name: str) -> Iterator[Node]:
    """Yield a node that a thread spins; signals are left to the program."""
    rclpy.init(signal_handler_options=SignalHandlerOptions.NO)
    node = rclpy.create_node(name)
    executor = SingleThreadedExecutor()
    executor.add_node(node)
    spinner = Thread(target=executor.spin, name=f"{name} spinner", daemon=True)
    spinner.start()
    try:
        yield node
    finally:
        executor.shutdown()
        spinner.join()
        node.destroy_node()
        rclpy.try_shutdown()
