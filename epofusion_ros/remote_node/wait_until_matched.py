"""Waits until the active node hears the publishers of its images; replay.launch.py then lets the bag begin.

Run as `python -m epofusion_ros.remote_node.wait_until_matched /epofusion`, with the full name of the node. An input
that nobody publishes is named, and not waited for any longer: a bag may hold one camera alone.
"""

import sys
import time
from contextlib import suppress
from math import isnan, nan

from rclpy.node import Node

from epofusion_ros.remote_node.figures import NodeFigures
from epofusion_ros.remote_node.spinning import spinning_node

_PATIENCE_S = 10.0


def wait_until_matched(node: Node, fusion_node: str) -> list[str]:
    """Wait for the publishers of the node's image inputs; returns those inputs, "rgb" or "thermal", that have none.

    Only the node itself knows whom it hears: what a third participant sees of both says nothing of the two.
    """
    figures = NodeFigures(node, fusion_node)
    deadline_s = None
    while True:
        figures.wait_for_report()
        publishers = {name: figures.newest.get(f"publishers_{name}", nan) for name in ("rgb", "thermal")}
        if any(isnan(count) for count in publishers.values()):
            continue  # the node is not active yet
        deadline_s = deadline_s or time.monotonic() + _PATIENCE_S
        missing = [name for name, count in publishers.items() if count == 0]
        if not missing or time.monotonic() > deadline_s:
            figures.wait_for_report()  # before the last one the node may have subscribed anew, as the publishers offer
            return missing


def main() -> int:
    """Wait, as the module says; returns the exit code."""
    with suppress(KeyboardInterrupt), spinning_node("epofusion_replay") as node:
        for name in wait_until_matched(node, sys.argv[1]):
            node.get_logger().warning(
                f"nothing publishes the {name} images; expected {name}_topic to be one of the bag"
            )
    return 0


if __name__ == "__main__":
    sys.exit(main())
