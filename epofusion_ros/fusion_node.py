"""The lifecycle node `epofusion`: wiring only.

configure loads the model and warms it up, activate subscribes, deactivate keeps the model, cleanup frees it. Executor
threads pair frames and put pairs into a mailbox of one slot; a worker thread fuses and publishes. What becomes of each
frame is counted and reported in diagnostics once a second.
"""

import copy
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

import numpy as np
import rclpy
from diagnostic_msgs.msg import DiagnosticArray
from rclpy.clock import Clock, ClockType
from rclpy.executors import ExternalShutdownException, SingleThreadedExecutor
from rclpy.lifecycle import LifecycleNode, LifecycleState, TransitionCallbackReturn
from rclpy.qos import HistoryPolicy, QoSProfile, ReliabilityPolicy
from sensor_msgs.msg import CameraInfo, Image

from epofusion_core.fuser import Fuser
from epofusion_ros import diagnostics, parameters
from epofusion_ros.account import Account, PairTiming
from epofusion_ros.approximate import ApproximatePairer
from epofusion_ros.conversion import ConversionError
from epofusion_ros.mailbox import Mailbox, Worker
from epofusion_ros.outputs import Outputs
from epofusion_ros.pairing import NearestPairer, Pair, StreamCount
from epofusion_ros.parameters import NodeParameters
from epofusion_ros.pipeline import FusionPipeline
from epofusion_ros.registration import RegistrationError

if TYPE_CHECKING:
    from rclpy.subscription import Subscription

_NS_PER_S = 1_000_000_000
_JOIN_TIMEOUT_S = 30.0
_WARN_EVERY_S = 1.0


class Pairer(Protocol):
    """Both pairing policies: takes frames in, returns the pairs that are decided, and counts."""

    @property
    def rgb(self) -> StreamCount:
        """What became of the RGB frames."""
        ...

    @property
    def thermal(self) -> StreamCount:
        """What became of the thermal frames."""
        ...

    def add_rgb(self, stamp_ns: int, frame: Image) -> list[Pair[Image]]:
        """Give in an RGB frame."""
        ...

    def add_thermal(self, stamp_ns: int, frame: Image) -> list[Pair[Image]]:
        """Give in a thermal frame."""
        ...

    def reset(self) -> None:
        """Forget the past."""
        ...


def load_fuser(settings: NodeParameters) -> Fuser:
    """Load the model that the parameters name."""
    return Fuser.load(settings.model, device=settings.device, half=settings.half, steps=settings.steps or None)


class FusionNode(LifecycleNode):  # type: ignore[misc]  # rclpy publishes no types
    """Pairs, fuses, publishes; see the module's description."""

    def __init__(self, load: Callable[[NodeParameters], Fuser] = load_fuser) -> None:
        """Declare the parameters; `load` makes the fuser when the node is configured."""
        super().__init__("epofusion")
        parameters.declare(self)
        self._load = load
        self._settings = NodeParameters()
        self._pipeline: FusionPipeline | None = None
        self._pairer: Pairer | None = None
        self._outputs: Outputs | None = None
        self._mailbox: Mailbox[Pair[Image]] | None = None
        self._worker: Worker[Pair[Image]] | None = None
        self._inputs: list[Subscription[Image] | Subscription[CameraInfo]] = []
        self._camera_info: CameraInfo | None = None
        self._newest_ns: dict[str, int] = {}
        self._account = Account()
        self._warned_s: dict[str, float] = {}
        self._figures_before: dict[str, float] = {}
        self._diagnostics = self.create_publisher(DiagnosticArray, "/diagnostics", 10)
        self.create_timer(1.0, self._report, clock=Clock(clock_type=ClockType.STEADY_TIME))

    # Transitions

    def on_configure(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Load the model and warm it up; FAILURE, with one line that says why, leaves the node unconfigured."""
        try:
            self._settings = parameters.read(self)
            pairer = _build_pairer(self._settings)
            fuser = self._load(self._settings)
            height, width = self._settings.warmup_height, self._settings.warmup_width
            fuser(np.zeros((height, width, 3), np.uint8), np.zeros((height, width), np.uint8))
        except (ValueError, OSError, RuntimeError) as error:
            self.get_logger().error(f"cannot be configured: {error}")
            return TransitionCallbackReturn.FAILURE
        self._pairer = pairer
        self._pipeline = FusionPipeline(fuser, self._settings)
        self._outputs = Outputs(self)
        self.get_logger().info(f"model {fuser.card.name} on {fuser.device} is ready")
        return TransitionCallbackReturn.SUCCESS

    def on_activate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Start the worker and subscribe."""
        mailbox: Mailbox[Pair[Image]] = Mailbox()
        self._mailbox = mailbox
        self._worker = Worker(mailbox, self._fuse, self._on_worker_error, "fusion")
        settings = self._settings
        self._inputs = [
            self.create_subscription(
                Image, "rgb/image_raw", self._on_rgb, _input_qos(settings.qos_rgb_reliability, settings.qos_depth)
            ),
            self.create_subscription(
                Image,
                "thermal/image_raw",
                self._on_thermal,
                _input_qos(settings.qos_thermal_reliability, settings.qos_depth),
            ),
            self.create_subscription(
                CameraInfo,
                "rgb/camera_info",
                self._on_camera_info,
                _input_qos(settings.qos_rgb_reliability, settings.qos_depth),
            ),
        ]
        return super().on_activate(state)

    def on_deactivate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Unsubscribe and stop the worker; the model stays loaded."""
        self.stop()
        return super().on_deactivate(state)

    def on_cleanup(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Free the model and the publishers."""
        self._free()
        return TransitionCallbackReturn.SUCCESS

    def on_shutdown(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Stop and free everything."""
        self._free()
        return TransitionCallbackReturn.SUCCESS

    def on_error(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Free everything, so that the node can be configured again instead of being finalized."""
        self._free()
        return TransitionCallbackReturn.SUCCESS

    def stop(self) -> None:
        """Unsubscribe, let the worker finish its frame, and forget what waits."""
        for subscription in self._inputs:
            self.destroy_subscription(subscription)
        self._inputs = []
        if self._mailbox is not None and self._worker is not None:
            if self._mailbox.close():
                self._account.ended("stopped")
            if not self._worker.join(_JOIN_TIMEOUT_S):
                self.get_logger().error(f"the worker has not finished its frame within {_JOIN_TIMEOUT_S:.0f} s")
        self._mailbox, self._worker = None, None
        if self._pairer is not None:
            self._pairer.reset()
        self._newest_ns.clear()

    def _free(self) -> None:
        self.stop()
        if self._outputs is not None:
            self._outputs.destroy()
        self._outputs, self._pipeline = None, None

    # Inputs, on the executor's thread

    def _on_rgb(self, message: Image) -> None:
        self._take("rgb", message)

    def _on_thermal(self, message: Image) -> None:
        self._take("thermal", message)

    def _on_camera_info(self, message: CameraInfo) -> None:
        self._camera_info = message

    def _take(self, name: str, message: Image) -> None:
        """Give a frame to the pairer and what is decided to the worker."""
        if self._pairer is None or self._mailbox is None:
            return
        self._account.arrived(name, time.monotonic())
        stamp_ns = message.header.stamp.sec * _NS_PER_S + message.header.stamp.nanosec
        self._reset_if_time_went_back(name, stamp_ns)
        add = self._pairer.add_rgb if name == "rgb" else self._pairer.add_thermal
        for pair in add(stamp_ns, message):
            self._account.paired()
            if self._mailbox.put(pair):
                self._account.ended("superseded")

    def _reset_if_time_went_back(self, name: str, stamp_ns: int) -> None:
        newest_ns = self._newest_ns.get(name, stamp_ns)
        if newest_ns - stamp_ns > self._settings.sync_reset_threshold * _NS_PER_S:
            self.get_logger().warning(f"time of {name} went back by {(newest_ns - stamp_ns) / _NS_PER_S:.1f} s")
            self._account.time_reset()
            self._newest_ns.clear()
            if self._pairer is not None:
                self._pairer.reset()
            if self._pipeline is not None:
                self._pipeline.scaler.reset()
        self._newest_ns[name] = max(stamp_ns, self._newest_ns.get(name, stamp_ns))

    # Fusion, on the worker's thread

    def _fuse(self, pair: Pair[Image]) -> None:
        pipeline, outputs = self._pipeline, self._outputs
        if pipeline is None or outputs is None:
            self._account.ended("stopped")
            return
        started_s = time.monotonic()
        fused = pipeline(pair.rgb, pair.thermal)
        inferred_s = time.monotonic()
        outputs.publish(fused.result, pair.rgb.header, copy.deepcopy(self._camera_info))
        timing = PairTiming(
            latency_ms=(self.get_clock().now().nanoseconds - pair.stamp_ns) / 1e6,
            inference_ms=(inferred_s - started_s) * 1e3,
            sync_delta_ms=abs(pair.delta_ns) / 1e6,
        )
        self._account.published(timing, float(fused.result.overexposure.mean()), time.monotonic())

    def _on_worker_error(self, pair: Pair[Image], error: Exception) -> None:
        fate = "inference_errors"
        if isinstance(error, ConversionError):
            fate = "convert_errors"
        elif isinstance(error, RegistrationError):
            fate = "size_errors"
        self._account.ended(fate)
        sentence = str(error) if fate != "inference_errors" else f"{type(error).__name__}: {error}"
        now_s = time.monotonic()
        if now_s - self._warned_s.get(fate, -_WARN_EVERY_S) >= _WARN_EVERY_S:
            self._warned_s[fate] = now_s
            self.get_logger().warning(f"pair dropped: {sentence}")

    # Diagnostics

    def _report(self) -> None:
        figures = self._account.snapshot(time.monotonic())
        rgb, thermal = (self._pairer.rgb, self._pairer.thermal) if self._pairer else (StreamCount(), StreamCount())
        figures |= diagnostics.figures_of_inputs(rgb, thermal)
        figures["memory_mb"] = diagnostics.memory_mb()
        level, sentence = diagnostics.verdict(figures, self._figures_before)
        self._figures_before = figures
        texts = {"model": self._settings.model, "device": self._settings.device}
        stamp = self.get_clock().now().to_msg()
        name = f"{self.get_fully_qualified_name()}: fusion"
        self._diagnostics.publish(diagnostics.to_message(name, stamp, level, sentence, figures, texts))


def _build_pairer(settings: NodeParameters) -> Pairer:
    slop_ns, offset_ns = (round(s * _NS_PER_S) for s in (settings.sync_slop, settings.sync_thermal_offset))
    if settings.sync_policy == "approximate":
        return ApproximatePairer(slop_ns, settings.sync_queue_size, offset_ns)
    return NearestPairer(slop_ns, settings.sync_queue_size, offset_ns)


def _input_qos(reliability: str, depth: int) -> QoSProfile:
    return QoSProfile(
        history=HistoryPolicy.KEEP_LAST,
        depth=depth,
        reliability=ReliabilityPolicy.RELIABLE if reliability == "reliable" else ReliabilityPolicy.BEST_EFFORT,
    )


def main() -> None:
    """Run the node until it is interrupted."""
    rclpy.init()
    node = FusionNode()
    executor = SingleThreadedExecutor()
    executor.add_node(node)
    try:
        executor.spin()
    except (KeyboardInterrupt, ExternalShutdownException):
        node.get_logger().info("stopped")
    finally:
        node.stop()
        node.destroy_node()
        rclpy.try_shutdown()


if __name__ == "__main__":
    main()
