"""Waits until the active node hears the publishers of its images; replay.launch.py then lets the bag begin.

Run as `python -m epofusion_ros.remote_node.wait_until_matched /epofusion`, with the full name of the node. An input
that nobody publishes is named, and not waited for any longer: a bag may hold one camera alone.
"""

import sys
import time
from contextlib import suppress

from rclpy.node import Node

from epofusion_ros.remote_node.figures import NodeFigures
from epofusion_ros.remote_node.spinning import spinning_node

_IMAGES = {"sensor_msgs/msg/Image", "sensor_msgs/msg/CompressedImage"}
_LOOK_S = 0.05
_PATIENCE_S = 10.0
_REPORTS = 2
"""The node looks for publishers before each report, and may then subscribe anew; the second one comes after that."""


def image_inputs(node: Node, fusion_node: str) -> set[str]:
    """Return the image topics that the fusion node subscribes to, as another node sees them."""
    namespace, name = fusion_node.rsplit("/", 1)
    if (name, namespace or "/") not in node.get_node_names_and_namespaces():
        return set()
    topics = node.get_subscriber_names_and_types_by_node(name, namespace or "/")
    return {topic for topic, kinds in topics if _IMAGES & set(kinds)}


def wait_until_matched(node: Node, fusion_node: str) -> set[str]:
    """Wait for the node's image inputs and their publishers; returns the topics that nobody publishes."""
    figures = NodeFigures(node, fusion_node)
    while len(image_inputs(node, fusion_node)) < 2:
        time.sleep(_LOOK_S)
    deadline_s = time.monotonic() + _PATIENCE_S
    missing = image_inputs(node, fusion_node)
    while missing and time.monotonic() < deadline_s:
        time.sleep(_LOOK_S)
        missing = {topic for topic in missing if not node.count_publishers(topic)}
    figures.wait_for_reports(_REPORTS)
    return missing


def main() -> int:
    """Wait, as the module says; returns the exit code."""
    with suppress(KeyboardInterrupt), spinning_node("epofusion_replay") as node:
        for topic in sorted(wait_until_matched(node, sys.argv[1])):
            node.get_logger().warning(f"nothing publishes {topic}; expected a topic of the bag")
    return 0


if __name__ == "__main__":
    sys.exit(main())
