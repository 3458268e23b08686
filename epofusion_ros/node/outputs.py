"""The node's outputs: one lifecycle publisher each. Messages without a subscriber are not built."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from epofusion_ros.messages import topics
from epofusion_ros.messages.compressed import to_compressed_message
from epofusion_ros.messages.conversion import to_message
from epofusion_ros.node.qos import OUTPUT_QOS
from epofusion_ros.stream.pictures import PICTURES

if TYPE_CHECKING:
    from rclpy.lifecycle import LifecycleNode
    from sensor_msgs.msg import CameraInfo
    from std_msgs.msg import Header

    from epofusion_core.fuser import FusionResult


class Outputs:
    """Publishers of the fused image, raw and compressed, both masks, the overlay and the camera info.

    To debug, also of the thermal image as the model sees it and the milliseconds of each stage. All are reliable,
    depth 1.
    """

    def __init__(self, node: "LifecycleNode", jpeg_quality: int) -> None:
        """Offer the topics; `jpeg_quality` is that of the compressed image, 1 to 100."""
        from sensor_msgs.msg import CameraInfo, CompressedImage, Image
        from std_msgs.msg import Float32MultiArray

        self._node = node
        self._images = {topic: node.create_lifecycle_publisher(Image, topic, OUTPUT_QOS) for topic in PICTURES}
        self._compressed = node.create_lifecycle_publisher(CompressedImage, topics.FUSED_COMPRESSED, OUTPUT_QOS)
        self._jpeg_quality = jpeg_quality
        self._camera_info = node.create_lifecycle_publisher(CameraInfo, topics.FUSED_INFO, OUTPUT_QOS)
        self._synced = [node.create_lifecycle_publisher(Image, topic, OUTPUT_QOS) for topic in topics.SYNCED]
        self._thermal = node.create_lifecycle_publisher(Image, topics.DEBUG_THERMAL, OUTPUT_QOS)
        self._stages = node.create_lifecycle_publisher(Float32MultiArray, topics.DEBUG_PIPELINE, OUTPUT_QOS)

    def wanted(self) -> bool:
        """Tell whether anybody listens to what a pair would be fused for."""
        publishers = (*self._images.values(), self._compressed, *self._synced, self._thermal, self._stages)
        return any(publisher.get_subscription_count() > 0 for publisher in publishers)

    def publish(self, result: "FusionResult", header: "Header") -> None:
        """Publish what has subscribers, under the RGB frame's header."""
        for topic, publisher in self._images.items():
            if publisher.get_subscription_count() > 0:
                publisher.publish(to_message(PICTURES[topic](result), header))
        if self._compressed.get_subscription_count() > 0:
            self._compressed.publish(to_compressed_message(result.fused_rgb, header, self._jpeg_quality))

    def publish_camera_info(self, header: "Header", camera_info: "CameraInfo | None") -> None:
        """Publish the RGB camera's calibration, where there is one and somebody listens, under a header."""
        if camera_info is not None and self._camera_info.get_subscription_count() > 0:
            camera_info.header = header
            self._camera_info.publish(camera_info)

    def publish_synced(self, rgb: NDArray[np.uint8], thermal: NDArray[np.uint8], header: "Header") -> None:
        """Publish the pair that was fused, thermal scaled and registered, both under the RGB frame's header."""
        for publisher, image in zip(self._synced, (rgb, thermal), strict=True):
            if publisher.get_subscription_count() > 0:
                publisher.publish(to_message(image, header))

    def publish_debug(self, thermal: NDArray[np.uint8], header: "Header", stages_ms: Mapping[str, float]) -> None:
        """Publish the scaled and registered thermal image, and the milliseconds of each stage by label."""
        from std_msgs.msg import Float32MultiArray, MultiArrayDimension

        if self._thermal.get_subscription_count() > 0:
            self._thermal.publish(to_message(thermal, header))
        if self._stages.get_subscription_count() > 0:
            message = Float32MultiArray(data=list(stages_ms.values()))
            message.layout.dim = [MultiArrayDimension(label=label, size=1, stride=1) for label in stages_ms]
            self._stages.publish(message)

    def destroy(self) -> None:
        """Take the publishers off the graph."""
        images = (*self._images.values(), self._compressed, *self._synced, self._thermal)
        for publisher in (*images, self._camera_info, self._stages):
            self._node.destroy_lifecycle_publisher(publisher)
