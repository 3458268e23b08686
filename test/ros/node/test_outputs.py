"""What the node publishes: for listeners only, under the RGB header."""

import platform
from functools import partial

import numpy as np
import pytest
from builtin_interfaces.msg import Time
from harness import Peer
from numpy.typing import NDArray
from rclpy.lifecycle import LifecycleNode
from std_msgs.msg import Header

from epofusion_core.fuser import FusionResult
from epofusion_ros.node import diagnostics
from epofusion_ros.node.outputs import Outputs
from epofusion_ros.stream.pictures import PICTURES

SHAPE = (12, 16)
RESULT = FusionResult(
    fused_rgb=np.full((*SHAPE, 3), 40, np.uint8),
    fused_luma=np.full(SHAPE, 0.2, np.float32),
    guidance=np.zeros(SHAPE, np.float32),
    overexposure=np.ones(SHAPE, np.float32),
)


def test_a_picture_is_built_only_if_somebody_listens(domain: int, monkeypatch: pytest.MonkeyPatch) -> None:
    built: list[str] = []

    def noted(topic: str, result: FusionResult) -> NDArray[np.uint8]:
        built.append(topic)
        return shown[topic](result)

    shown = dict(PICTURES)
    for topic in shown:
        monkeypatch.setitem(PICTURES, topic, partial(noted, topic))
    with Peer(listen_to=["overexposure"]) as peer:
        node = LifecycleNode("epofusion")
        outputs = Outputs(node, jpeg_quality=90)
        node.trigger_configure()
        node.trigger_activate()
        peer.spin_until(lambda: node.count_subscribers("/epofusion/overexposure_mask") > 0, "the listener to be seen")
        outputs.publish(RESULT, Header(frame_id="camera"))
        peer.spin_until(lambda: len(peer.outputs.overexposure) > 0, "the mask")
        node.destroy_node()
    assert built == ["~/overexposure_mask"]
    mask = peer.outputs.overexposure[0].message
    assert (mask.encoding, mask.header.frame_id, set(mask.data)) == ("mono8", "camera", {255})


def test_diagnostics_name_the_computer() -> None:
    message = diagnostics.to_message("/epofusion: fusion", Time(), 0, "fusing", {"fused": 1.0}, {})
    assert message.status[0].hardware_id == platform.node() != ""
