"""The lifecycle node `epofusion`: wiring only.

configure loads the model and warms it up, activate subscribes, deactivate keeps the model, cleanup frees it. Executor
threads pair frames and put pairs into a mailbox of one slot; a worker thread fuses and publishes. What becomes of each
frame is counted and reported in diagnostics once a second.
"""

import copy
import signal
import sys
import time
from functools import partial
from typing import Any

import rclpy
from diagnostic_msgs.msg import DiagnosticArray
from rclpy.clock import Clock, ClockType, JumpHandle, JumpThreshold, TimeJump
from rclpy.duration import Duration
from rclpy.exceptions import ParameterException
from rclpy.executors import ExternalShutdownException, SingleThreadedExecutor
from rclpy.lifecycle import LifecycleNode, LifecycleState, TransitionCallbackReturn
from rclpy.logging import get_logger
from rclpy.parameter import Parameter
from sensor_msgs.msg import CameraInfo, Image

from epofusion_core.engines.engine import Engine
from epofusion_core.registration.apply import RegistrationError
from epofusion_ros.messages import topics
from epofusion_ros.messages.conversion import ConversionError
from epofusion_ros.node import diagnostics, parameter_server, status
from epofusion_ros.node.inputs import Input, image_input
from epofusion_ros.node.outputs import Outputs
from epofusion_ros.node.status import Status
from epofusion_ros.parameters.node_parameters import NodeParameters
from epofusion_ros.stream.frame_account import Account, PairTiming
from epofusion_ros.stream.intake import Intake, Job, build_pairer, pairing_limits
from epofusion_ros.stream.mailbox import Mailbox, Worker
from epofusion_ros.stream.pairing import Lone, Pair, Pairer, StreamCount
from epofusion_ros.stream.pipeline import FusionPipeline, load_fuser
from epofusion_ros.stream.sync_watch import SyncWatch

_NS_PER_S = 1_000_000_000
_JOIN_TIMEOUT_S = 30.0
_WARN_EVERY_S = 1.0
_NO_RANGE = (float("nan"), float("nan"))
_PUBLISHED = ("fused", "passed_through", "unwatched")
_FATES = ((ConversionError, "convert_errors"), (RegistrationError, "size_errors"))


class FusionNode(LifecycleNode):  # type: ignore[misc]  # rclpy publishes no types
    """Pairs, fuses, publishes; see the module's description."""

    def __init__(self) -> None:
        """Declare the parameters and start to report.

        Raises:
            rclpy.exceptions.ParameterException: a parameter was given a wrong type or lies outside its range.
        """
        super().__init__("epofusion")
        self._pipeline: FusionPipeline | None = None
        parameter_server.declare(self, is_configured=lambda: self._pipeline is not None)
        self.add_post_set_parameters_callback(self._apply)
        self._settings = NodeParameters()
        self._engine: Engine | None = None
        self._pairer: Pairer | None = None
        self._intake: Intake | None = None
        self._outputs: Outputs | None = None
        self._mailbox: Mailbox[Job] | None = None
        self._worker: Worker[Job] | None = None
        self._clock_jumps: JumpHandle | None = None
        self._inputs: list[Input] = []
        self._sync_watch: SyncWatch | None = None
        self._camera_info: CameraInfo | None = None
        self._account = Account()
        self._callback_errors = 0
        self._warned_s: dict[str, float] = {}
        self._figures_before: dict[str, float] = {}
        self._diagnostics = self.create_publisher(DiagnosticArray, topics.DIAGNOSTICS, 10)
        self._status = Status(self)
        self._status.say(status.NOT_ACTIVE)
        self.create_timer(1.0, self._report, clock=Clock(clock_type=ClockType.STEADY_TIME))

    # Transitions

    def on_configure(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Load the model and warm it up; FAILURE, with one line that says why, leaves the node unconfigured."""
        try:
            self._settings = settings = parameter_server.read(self)
            pairer = build_pairer(settings)
            fuser = load_fuser(settings, self.get_logger().info)
            pipeline = FusionPipeline(fuser, settings)
            pipeline.warm_up(settings.warmup_height, settings.warmup_width)
        except Exception as error:  # whatever it is: rclpy would swallow it without a word
            self.get_logger().error(f"cannot be configured: {str(error) or type(error).__name__}")
            return TransitionCallbackReturn.FAILURE
        self._pairer, self._account, self._figures_before = pairer, Account(), {}
        self._pipeline = pipeline
        self._outputs = Outputs(self, settings.output_jpeg_quality)
        self._engine = fuser.engine
        self.get_logger().info(f"model {fuser.card.name} is ready: {fuser.engine.name} on {fuser.engine.device}")
        return TransitionCallbackReturn.SUCCESS

    def on_activate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Start the worker and subscribe."""
        if self._pairer is None or self._pipeline is None:
            return TransitionCallbackReturn.FAILURE
        self._pipeline.scaler.reset()
        self._intake = Intake(self._pairer, self._account, self._hand_on, self._on_time_reset, self._settings)
        back = Duration(nanoseconds=-max(1, round(self._settings.sync_reset_threshold * _NS_PER_S)))
        threshold = JumpThreshold(min_forward=None, min_backward=back, on_clock_change=False)
        self._clock_jumps = self.get_clock().create_jump_callback(threshold, post_callback=self._on_clock_jump)
        mailbox: Mailbox[Job] = Mailbox()
        self._mailbox = mailbox
        self._worker = Worker(mailbox, self._work, self._on_worker_error, "fusion")
        chosen = self._settings
        rgb, thermal, depth = chosen.qos_rgb_reliability, chosen.qos_thermal_reliability, chosen.qos_depth
        self._inputs = [
            image_input(self, "rgb", partial(self._take, "rgb"), rgb, depth, chosen.rgb_transport),
            image_input(
                self, "thermal", partial(self._take, "thermal"), thermal, depth, self._settings.thermal_transport
            ),
            Input(self, CameraInfo, topics.RGB_INFO, self._take_camera_info, rgb, depth),
        ]
        self._sync_watch = SyncWatch(time.monotonic())
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
        for each in self._inputs:
            each.destroy()
        self._inputs, self._sync_watch = [], None
        if self._clock_jumps is not None:
            self._clock_jumps.unregister()
        self._clock_jumps = None
        if self._mailbox is not None and self._worker is not None:
            if self._mailbox.close():
                self._account.ended("stopped")
            if not self._worker.join(_JOIN_TIMEOUT_S):
                self.get_logger().error(f"the worker has not finished its frame within {_JOIN_TIMEOUT_S:.0f} s")
        self._mailbox, self._worker, self._intake, self._camera_info = None, None, None, None
        if self._pairer is not None:
            self._pairer.reset()

    def survive(self, error: Exception) -> None:
        """Count what a callback raised, and say it, at most once a second."""
        self._callback_errors += 1
        sentence = f"a message or request is ignored: {type(error).__name__}: {error}"
        self.get_logger().error(sentence, throttle_duration_sec=_WARN_EVERY_S)

    def _free(self) -> None:
        self.stop()
        if self._outputs is not None:
            self._outputs.destroy()
        self._outputs, self._pipeline = None, None

    # Inputs, on the executor's thread

    def _take(self, name: str, message: Image) -> None:
        if self._intake is not None:
            stamp_ns = message.header.stamp.sec * _NS_PER_S + message.header.stamp.nanosec
            self._intake.take(name, stamp_ns, message, time.monotonic())

    def _take_camera_info(self, message: CameraInfo) -> None:
        self._camera_info = message

    def _hand_on(self, job: Job) -> None:
        if self._mailbox is None or self._mailbox.put(job):
            self._account.ended("superseded")

    def _on_clock_jump(self, jump: TimeJump) -> None:
        if self._intake is not None:
            self._intake.clock_went_back(-jump.delta.nanoseconds / _NS_PER_S, time.monotonic())

    def _on_time_reset(self, name: str, back_s: float) -> None:
        self.get_logger().warning(f"time of {name} went back by {back_s:.1f} s", throttle_duration_sec=_WARN_EVERY_S)
        if self._pipeline is not None:
            self._pipeline.scaler.reset()

    # Fusion, on the worker's thread

    def _work(self, job: Job) -> None:
        pipeline, outputs = self._pipeline, self._outputs
        if pipeline is None or outputs is None:
            self._account.ended("stopped")
            return
        age_s = self._age_s(job.stamp_ns)
        if 0 < self._settings.max_input_age < age_s:
            self._drop("stale", f"it is {age_s:.3f} s old; expected at most {self._settings.max_input_age} s")
            return
        if not outputs.wanted():
            self._status.say(status.UNWATCHED)
            self._account.ended("unwatched")
            return
        if isinstance(job, Pair):
            self._fuse(job, pipeline, outputs)
        else:
            self._pass_through(job, pipeline, outputs)

    def _fuse(self, pair: Pair[Image], pipeline: FusionPipeline, outputs: Outputs) -> None:
        started_s = time.monotonic()
        fused = pipeline(pair.rgb, pair.thermal)
        inferred_s = time.monotonic()
        self._status.say(status.FUSING)
        outputs.publish(fused.result, pair.rgb.header, copy.deepcopy(self._camera_info))
        published_ms = {"publication": 1e3 * (time.monotonic() - inferred_s)}
        outputs.publish_debug(fused.thermal, pair.rgb.header, fused.stages_ms | published_ms)
        timing = PairTiming(
            latency_ms=self._age_s(pair.stamp_ns) * 1e3,
            inference_ms=(inferred_s - started_s) * 1e3,
            sync_delta_ms=abs(pair.delta_ns) / 1e6,
        )
        self._account.published("fused", timing, float(fused.result.overexposure.mean()), time.monotonic())

    def _pass_through(self, lone: Lone[Image], pipeline: FusionPipeline, outputs: Outputs) -> None:
        """Publish a frame whose partner's camera is missing as it is."""
        of_rgb = lone.name == "rgb"
        passed = (pipeline.pass_rgb if of_rgb else pipeline.pass_thermal)(lone.frame)
        self._status.say(status.PASSING[lone.name])
        outputs.publish(passed, lone.frame.header, copy.deepcopy(self._camera_info) if of_rgb else None)
        timing = PairTiming(latency_ms=self._age_s(lone.stamp_ns) * 1e3)
        self._account.published("passed_through", timing, float(passed.overexposure.mean()), time.monotonic())

    def _age_s(self, stamp_ns: int) -> float:
        """Return how old a stamp is on the node's clock; NaN before simulated time has begun."""
        now_ns = self.get_clock().now().nanoseconds
        return (now_ns - stamp_ns) / _NS_PER_S if now_ns else float("nan")

    def _on_worker_error(self, job: Job, error: Exception) -> None:
        if not self.context.ok():  # interrupted within a frame, which has nowhere to go any more
            return self._account.ended("stopped")
        for kind, fate in _FATES:
            if isinstance(error, kind):
                return self._drop(fate, str(error))
        sentence = " ".join(str(error).split())  # engines' errors have many lines
        return self._drop("inference_errors", f"{type(error).__name__}: {sentence}")

    def _drop(self, fate: str, sentence: str) -> None:
        """Count a pair that is not fused, and say why, at most once a second for each reason."""
        self._account.ended(fate)
        now_s = time.monotonic()
        if now_s - self._warned_s.get(fate, -_WARN_EVERY_S) >= _WARN_EVERY_S:
            self._warned_s[fate] = now_s
            self.get_logger().warning(f"pair dropped: {sentence}")

    # Parameters that change, on the executor's thread

    def _apply(self, changed: list[Parameter[Any]]) -> None:
        """Work with changed live parameters; those of an unconfigured node are read when it is configured."""
        if self._pipeline is None or self._pairer is None:
            return
        self._settings = parameter_server.read(self)
        self._pairer.limit(pairing_limits(self._settings))
        self._pipeline.tune(self._settings)
        if self._intake is not None:
            self._intake.tune(self._settings)

    # Diagnostics

    def _report(self) -> None:
        self._watch_inputs()
        figures = self._account.snapshot(time.monotonic())
        rgb, thermal = (self._pairer.rgb, self._pairer.thermal) if self._pairer else (StreamCount(), StreamCount())
        figures |= diagnostics.figures_of_inputs(rgb, thermal)
        scaling = self._pipeline.scaler.range if self._pipeline else None
        figures["thermal_min"], figures["thermal_max"] = scaling or _NO_RANGE
        figures["registration_overlap"] = self._pipeline.overlap if self._pipeline else 0.0
        figures["callback_errors"] = self._callback_errors
        figures["memory_mb"] = diagnostics.memory_mb()
        level, sentence = diagnostics.verdict(figures, self._figures_before, active=self._intake is not None)
        if self._intake is None:
            self._status.say(status.NOT_ACTIVE)
        elif not any(figures[fate] > self._figures_before.get(fate, 0) for fate in _PUBLISHED):
            self._status.say(status.WAITING)
        self._figures_before = figures
        texts = {"model": self._settings.model, "device": self._settings.device}
        if self._engine:
            texts |= {"engine": f"{self._engine.name} {self._engine.precision}", "device": self._engine.device}
        stamp = self.get_clock().now().to_msg()
        name = f"{self.get_fully_qualified_name()}: fusion"
        self._diagnostics.publish(diagnostics.to_message(name, stamp, level, sentence, figures, texts))

    def _watch_inputs(self) -> None:
        """Follow the publishers of the inputs, and warn where their frames do not pair."""
        if self._sync_watch is None or self._pairer is None or self._intake is None:
            return
        for each in self._inputs:
            each.follow()
        rgb, thermal, _ = self._inputs
        offset_s = self._intake.stamp_offset_s
        if offset_s is not None:
            offset_s += self._settings.sync_thermal_offset
        warning = self._sync_watch.check(
            time.monotonic(),
            rgb.state(self._pairer.rgb.received),
            thermal.state(self._pairer.thermal.received),
            self._pairer.rgb.paired,
            offset_s,
            self._settings.sync_slop,
        )
        if warning:
            self.get_logger().warning(warning)


def main() -> int:
    """Run the node until it is interrupted; returns the exit code."""
    # rclpy ends the spinning at SIGINT as at SIGTERM; a KeyboardInterrupt would come on top, anywhere in what follows.
    signal.signal(signal.SIGINT, lambda *_: None)
    rclpy.init()
    try:
        node = FusionNode()
    except ParameterException as error:
        get_logger("epofusion").fatal(f"cannot be started: {error}")
        rclpy.try_shutdown()
        return 1
    # It must outlive the shutdown: until then rclpy's signal thread may still wake it up, and would crash.
    executor = SingleThreadedExecutor()
    executor.add_node(node)
    try:
        _spin(node, executor)
    except ExternalShutdownException:
        pass
    finally:
        node.stop()
        node.destroy_node()
        rclpy.try_shutdown()
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # nor must impatience kill the interpreter on its last way
    return 0


def _spin(node: FusionNode, executor: SingleThreadedExecutor) -> None:
    """Handle messages and requests until interrupted, those included that rclpy itself raises an exception of."""
    while rclpy.ok():
        try:
            executor.spin()
        except ExternalShutdownException:
            raise
        except Exception as error:
            if rclpy.ok():  # else it comes of the shutdown itself
                node.survive(error)


if __name__ == "__main__":
    sys.exit(main())
