"""What the node has from activate to deactivate: its subscriptions, its watch on time, and the worker."""

from __future__ import annotations

import time
from contextlib import ExitStack
from functools import partial
from typing import TYPE_CHECKING, Any

from rclpy.clock import JumpThreshold, TimeJump
from rclpy.duration import Duration
from sensor_msgs.msg import CameraInfo

from epofusion_ros.messages import topics
from epofusion_ros.node.fusion_worker import FusionWorker
from epofusion_ros.node.inputs import Input, image_input
from epofusion_ros.stream.sync_watch import SyncWatch, Timing, why_unpaired

if TYPE_CHECKING:
    from rclpy.lifecycle import LifecycleNode

    from epofusion_ros.node.configured import Configured
    from epofusion_ros.node.status import Status

_NS_PER_S = 1_000_000_000


class Active:
    """All that runs while the node is active. Its callbacks run on the executor's thread."""

    def __init__(self, node: LifecycleNode, configured: Configured, status: Status) -> None:
        """Start the worker and subscribe."""
        self._configured, self._clock = configured, node.get_clock()
        parameters = configured.parameters
        self._by_arrival = parameters.sync.stamps == "arrival"
        qos = parameters.qos
        rgb, thermal, depth = qos.rgb.reliability, qos.thermal.reliability, qos.depth
        self._sync_watch = SyncWatch(time.monotonic())
        with ExitStack() as undo:
            undo.callback(configured.intake.restart)
            self._worker = FusionWorker(node, configured, status)
            undo.callback(self._worker.stop)
            back = Duration(nanoseconds=-max(1, round(parameters.sync.reset_threshold * _NS_PER_S)))
            threshold = JumpThreshold(min_forward=None, min_backward=back, on_clock_change=False)
            jumps = self._clock.create_jump_callback(threshold, post_callback=self._on_clock_jump)
            undo.callback(jumps.unregister)
            self._rgb = image_input(node, "rgb", partial(self._take, "rgb"), rgb, depth, parameters.rgb.transport)
            undo.callback(self._rgb.destroy)
            self._thermal = image_input(
                node, "thermal", partial(self._take, "thermal"), thermal, depth, parameters.thermal.transport
            )
            undo.callback(self._thermal.destroy)
            self._camera_info = Input(node, CameraInfo, topics.RGB_INFO, self._take_camera_info, rgb, depth)
            undo.callback(self._camera_info.destroy)
            self._logger = node.get_logger()
            self._undo = undo.pop_all()

    def stop(self) -> None:
        """Unsubscribe, let the worker finish its frame, and forget what waits."""
        self._undo.close()

    def watch_inputs(self) -> str:
        """Follow the publishers of the inputs, and warn where their frames do not pair; returns the likely cause."""
        for each in (self._rgb, self._thermal, self._camera_info):
            each.follow()
        intake, sync = self._configured.intake, self._configured.parameters.sync
        offset_s = intake.stamp_offset_s
        if offset_s is not None:
            offset_s += sync.thermal_offset
        timing = Timing(offset_s, sync.slop, sync.policy)
        rgb = self._rgb.state(intake.rgb.received, intake.last_two_ns("rgb"))
        thermal = self._thermal.state(intake.thermal.received, intake.last_two_ns("thermal"))
        warning = self._sync_watch.check(time.monotonic(), rgb, thermal, intake.rgb.paired, timing)
        if warning:
            self._logger.warning(warning)
        return why_unpaired(rgb, thermal, timing)

    def publishers(self) -> tuple[int, int]:
        """Return how many publishers of RGB and of thermal images the node sees."""
        return self._rgb.publishers(), self._thermal.publishers()

    def _take(self, name: str, message: Any) -> None:  # noqa: ANN401 - Image or CompressedImage
        for job in self._configured.intake.take(name, self._stamp_ns(message), message, time.monotonic()):
            self._worker.put(job)

    def _take_camera_info(self, message: CameraInfo) -> None:
        self._configured.intake.take_camera_info(self._stamp_ns(message), message)

    def _stamp_ns(self, message: Any) -> int:  # noqa: ANN401 - any stamped message
        if self._by_arrival:
            return int(self._clock.now().nanoseconds)
        return int(message.header.stamp.sec) * _NS_PER_S + int(message.header.stamp.nanosec)

    def _on_clock_jump(self, jump: TimeJump) -> None:
        self._configured.intake.clock_went_back(-jump.delta.nanoseconds / _NS_PER_S, time.monotonic())
