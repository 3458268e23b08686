"""The lifecycle node `epofusion`: transitions, parameters and diagnostics.

configure loads the model and warms it up, activate subscribes, deactivate keeps the model, cleanup frees it. Executor
threads pair frames and put pairs into a mailbox of one slot; a worker thread fuses and publishes. What becomes of each
frame is counted and reported in diagnostics once a second.
"""

from __future__ import annotations

import gc
import time
from collections.abc import Callable
from functools import partial
from math import nan
from typing import TYPE_CHECKING, Any

from diagnostic_msgs.msg import DiagnosticArray
from lifecycle_msgs.srv import ChangeState
from rclpy.clock import Clock, ClockType
from rclpy.lifecycle import LifecycleNode, LifecycleState, TransitionCallbackReturn

from epofusion_ros.messages import topics
from epofusion_ros.node import diagnostics, parameter_server, status
from epofusion_ros.node.active import Active
from epofusion_ros.node.configured import Configured
from epofusion_ros.node.status import Status
from epofusion_ros.parameters.node_parameters import NodeParameters
from epofusion_ros.stream.frame_account import Account, Fate
from epofusion_ros.stream.pairing import StreamCount

if TYPE_CHECKING:
    from rclpy.parameter import Parameter

_WARN_EVERY_S = 1.0
_ChangeState = Callable[[ChangeState.Request, ChangeState.Response], ChangeState.Response]
_PUBLISHED = (Fate.FUSED, Fate.PASSED_THROUGH, Fate.UNWATCHED)


class FusionNode(LifecycleNode):  # type: ignore[misc]  # rclpy publishes no types
    """Pairs, fuses, publishes; see the module's description."""

    def __init__(self) -> None:
        """Declare the parameters and start to report.

        Raises:
            rclpy.exceptions.ParameterException: a parameter was given a wrong type or lies outside its range.
        """
        super().__init__("epofusion", enable_logger_service=True)
        self._configured: Configured | None = None
        self._active: Active | None = None
        parameter_server.declare(self, is_configured=lambda: self._configured is not None)
        self.add_post_set_parameters_callback(self._apply)
        self._service_change_state.callback = partial(self._change_state, self._service_change_state.callback)
        self._texts = _texts(NodeParameters())
        self._callback_errors = 0
        self._figures_before: dict[str, float] = {}
        self._diagnostics = self.create_publisher(DiagnosticArray, topics.DIAGNOSTICS, 10)
        self._status = Status(self)
        self._status.say(status.NOT_ACTIVE)
        self.create_timer(1.0, self._report, clock=Clock(clock_type=ClockType.STEADY_TIME))

    # Transitions

    def start(self) -> bool:
        """Configure and activate, unasked; False where that fails."""
        changes = (self.trigger_configure, self.trigger_activate)
        return all(change() == TransitionCallbackReturn.SUCCESS for change in changes)

    def _change_state(
        self, change: _ChangeState, request: ChangeState.Request, response: ChangeState.Response
    ) -> ChangeState.Response:
        """Refuse what the state does not allow. rclpy before Kilted raises and never answers; the client would hang."""
        try:
            return change(request, response)
        except RuntimeError as error:
            self.get_logger().error(f"a transition is refused: {error}")
            response.success = False
            return response

    def on_configure(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Load the model and warm it up; FAILURE, with one line that says why, leaves the node unconfigured."""
        try:
            parameters = parameter_server.read(self)
            self._texts = _texts(parameters)
            configured = Configured(self, parameters)
        except Exception as error:  # whatever it is: rclpy would swallow it without a word
            self.get_logger().error(f"cannot be configured: {str(error) or type(error).__name__}")
            return TransitionCallbackReturn.FAILURE
        self._configured, self._figures_before = configured, {}
        self._texts |= configured.engine_texts
        return TransitionCallbackReturn.SUCCESS

    def on_activate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Start the worker and subscribe; FAILURE, with one line that says why, leaves the node inactive."""
        if self._configured is None:
            return TransitionCallbackReturn.FAILURE
        try:
            self._active = Active(self, self._configured, self._status)
        except Exception as error:  # as in configure
            self.get_logger().error(f"cannot be activated: {str(error) or type(error).__name__}")
            return TransitionCallbackReturn.FAILURE
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
        if self._active is not None:
            self._active.stop()
        self._active = None

    def survive(self, error: Exception) -> None:
        """Count what a callback raised, and say it, at most once a second."""
        self._callback_errors += 1
        sentence = f"a message or request is ignored: {type(error).__name__}: {error}"
        self.get_logger().error(sentence, throttle_duration_sec=_WARN_EVERY_S)

    def _free(self) -> None:
        self.stop()
        if self._configured is not None:
            self._configured.destroy()
        self._configured = None
        gc.collect()  # its parts refer to each other, and the engine is large

    # Parameters that change, on the executor's thread

    def _apply(self, changed: list[Parameter[Any]]) -> None:
        """Work with changed live parameters; those of an unconfigured node are read when it is configured."""
        if self._configured is not None:
            self._configured.tune(parameter_server.read(self))

    # Diagnostics

    def _report(self) -> None:
        why_unpaired = self._active.watch_inputs() if self._active is not None else ""
        if self._configured is not None:
            figures = self._configured.figures()
        else:
            figures = diagnostics.figures_of_stream(time.monotonic(), Account(), StreamCount(), StreamCount())
        publishers = self._active.publishers() if self._active is not None else (nan, nan)
        figures["publishers_rgb"], figures["publishers_thermal"] = publishers
        figures["callback_errors"] = self._callback_errors
        figures["memory_mb"] = diagnostics.memory_mb()
        is_active = self._active is not None
        level, sentence = diagnostics.verdict(
            figures, self._figures_before, active=is_active, why_unpaired=why_unpaired
        )
        if not is_active:
            self._status.say(status.NOT_ACTIVE)
        elif not any(figures[fate] > self._figures_before.get(fate, 0) for fate in _PUBLISHED):
            self._status.say(status.WAITING)
        self._figures_before = figures
        stamp = self.get_clock().now().to_msg()
        name = f"{self.get_fully_qualified_name()}: fusion"
        self._diagnostics.publish(diagnostics.to_message(name, stamp, level, sentence, figures, self._texts))


def _texts(parameters: NodeParameters) -> dict[str, str]:
    """Return what diagnostics say of a model that is not loaded."""
    return {"model": parameters.model, "device": parameters.device}
