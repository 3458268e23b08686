"""A ROS node that a thread spins, for programs whose own thread does something else."""

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Thread

import rclpy
from rclpy.executors import ExternalShutdownException, SingleThreadedExecutor
from rclpy.node import Node
from rclpy.signals import SignalHandlerOptions


@contextmanager
def spinning_node(name: str) -> Iterator[Node]:
    """Yield a node that a thread spins; signals are left to the program."""
    rclpy.init(signal_handler_options=SignalHandlerOptions.NO)
    node = rclpy.create_node(name)
    executor = SingleThreadedExecutor()
    executor.add_node(node)
    spinner = Thread(target=_spin, args=(node, executor), name=f"{name} spinner", daemon=True)
    spinner.start()
    try:
        yield node
    finally:
        executor.shutdown()
        spinner.join()
        node.destroy_node()
        rclpy.try_shutdown()


def _spin(node: Node, executor: SingleThreadedExecutor) -> None:
    """Handle messages until the executor is shut down, whatever exceptions callbacks or rclpy itself raise of them."""
    is_done = False
    while not is_done:
        try:
            executor.spin()
            is_done = True
        except ExternalShutdownException:
            is_done = True
        except Exception as error:
            node.get_logger().error(f"a message is ignored: {type(error).__name__}: {error}")
