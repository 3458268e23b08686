"""The node's outputs: one lifecycle publisher each, and nothing built that nobody has asked for."""

from typing import TYPE_CHECKING

from epofusion_ros.conversion import to_message
from epofusion_ros.pipeline import PICTURES
from epofusion_ros.qos import OUTPUT_QOS

if TYPE_CHECKING:
    from rclpy.lifecycle import LifecycleNode
    from sensor_msgs.msg import CameraInfo
    from std_msgs.msg import Header

    from epofusion_core.fuser import FusionResult


class Outputs:
    """Publishers of the fused image, both masks, the overlay and the camera info; reliable, depth 1."""

    def __init__(self, node: "LifecycleNode") -> None:
        from sensor_msgs.msg import CameraInfo, Image

        self._node = node
        self._images = {topic: node.create_lifecycle_publisher(Image, topic, OUTPUT_QOS) for topic in PICTURES}
        self._camera_info = node.create_lifecycle_publisher(CameraInfo, "~/fused/camera_info", OUTPUT_QOS)

    def publish(self, result: "FusionResult", header: "Header", camera_info: "CameraInfo | None") -> None:
        """Publish what has subscribers, under the RGB frame's header."""
        for topic, publisher in self._images.items():
            if publisher.get_subscription_count() > 0:
                publisher.publish(to_message(PICTURES[topic](result), header))
        if camera_info is not None:
            camera_info.header = header
            self._camera_info.publish(camera_info)

    def destroy(self) -> None:
        """Take the publishers off the graph."""
        for publisher in (*self._images.values(), self._camera_info):
            self._node.destroy_lifecycle_publisher(publisher)
