"""One end of a stream of best-effort images between two processes: `image_stream.py send` or `image_stream.py receive`.

The receiver prints how many of the images arrived.
"""

import sys
import time

import numpy as np
import rclpy
from harness import fill
from rclpy.node import Node
from rclpy.qos import QoSProfile, ReliabilityPolicy
from sensor_msgs.msg import Image
from std_msgs.msg import Empty

IMAGES = 100
RATE_HZ = 30.0
TOPIC, END_TOPIC = "stream", "stream/end"
_TIMEOUT_S = 60.0
_QUIET_S = 1.0
# As deep as the stream is long: an end that the processor keeps waiting catches up, so that what is missing was lost
# between the processes.
_QOS = QoSProfile(depth=IMAGES, reliability=ReliabilityPolicy.BEST_EFFORT)


def send(node: Node) -> None:
    """Publish 640x480 rgb8 images at a steady rate once there is a listener, then say that it was the last one."""
    images = node.create_publisher(Image, TOPIC, _QOS)
    end = node.create_publisher(Empty, END_TOPIC, QoSProfile(depth=1))
    pixels = np.random.default_rng(0).integers(0, 256, (480, 640, 3), dtype=np.uint8)
    message = fill(Image(), pixels, "rgb8")
    deadline_s = time.monotonic() + _TIMEOUT_S
    while not (images.get_subscription_count() and end.get_subscription_count()):
        assert time.monotonic() < deadline_s, "no receiver came"
        rclpy.spin_once(node, timeout_sec=0.02)
    started_s = time.monotonic()
    for number in range(IMAGES):
        while (wait_s := started_s + number / RATE_HZ - time.monotonic()) > 0:
            rclpy.spin_once(node, timeout_sec=wait_s)
        message.header.stamp.sec = number
        images.publish(message)
    end.publish(Empty())
    while end.get_subscription_count():  # what is in shared memory goes with this process
        assert time.monotonic() < deadline_s, "the receiver did not end"
        rclpy.spin_once(node, timeout_sec=0.02)


def receive(node: Node) -> None:
    """Print how many images come, until none has come for a while after the last one was sent."""
    arrived: set[int] = set()
    ended: list[Empty] = []
    node.create_subscription(Image, TOPIC, lambda message: arrived.add(message.header.stamp.sec), _QOS)
    node.create_subscription(Empty, END_TOPIC, ended.append, QoSProfile(depth=1))
    deadline_s = time.monotonic() + _TIMEOUT_S
    count, quiet_since_s = 0, time.monotonic()
    while not ended or (len(arrived) < IMAGES and time.monotonic() < quiet_since_s + _QUIET_S):
        assert time.monotonic() < deadline_s, "no sender came"
        rclpy.spin_once(node, timeout_sec=0.02)
        if len(arrived) != count or not ended:
            count, quiet_since_s = len(arrived), time.monotonic()
    print(len(arrived))


if __name__ == "__main__":
    rclpy.init()
    {"send": send, "receive": receive}[sys.argv[1]](rclpy.create_node(sys.argv[1]))
    rclpy.try_shutdown()
