"""The real node in its own process, and a test's own node to talk to it over DDS. Everything waits on conditions."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
import rclpy
from diagnostic_msgs.msg import DiagnosticArray
from lifecycle_msgs.msg import Transition
from lifecycle_msgs.srv import ChangeState, GetState
from rcl_interfaces.msg import Parameter as ParameterMessage
from rcl_interfaces.msg import ParameterValue
from rcl_interfaces.srv import SetParameters
from rclpy.executors import SingleThreadedExecutor
from rclpy.parameter import Parameter
from rclpy.qos import QoSProfile, ReliabilityPolicy, qos_profile_sensor_data
from rclpy.task import Future
from sensor_msgs.msg import CameraInfo, Image

from epofusion_ros.messages import topics
from epofusion_ros.messages.topics import FUSION_NODE, full_name
from epofusion_ros.remote_node.figures import both_sides
from epofusion_ros.remote_node.lifecycle import ACTIVATE, CLEANUP, CONFIGURE, DEACTIVATE

__all__ = ["ACTIVATE", "CLEANUP", "CONFIGURE", "DEACTIVATE"]

REPOSITORY = Path(__file__).resolve().parents[2]
TIMEOUT_S = 60.0
ANSWER_S = 15.0
"""After which a request counts as lost."""

TOPICS = {
    "fused": topics.FUSED_IMAGE,
    "overexposure": topics.OVEREXPOSURE_MASK,
    "guidance": topics.GUIDANCE_MASK,
    "overlay": topics.OVERLAY,
}

_TEXTS = {"model", "device", "engine"}


def fill(message: Image, array: np.ndarray, encoding: str) -> Image:
    """Put an array of any type into a message."""
    array = np.ascontiguousarray(array)
    message.height, message.width = array.shape[:2]
    message.encoding = encoding
    message.step = array.strides[0]
    message.data.frombytes(array.data.cast("B"))
    return message


@dataclass
class Received:
    """An image that came back, and when."""

    message: Image
    arrived_ns: int

    @property
    def stamp_ns(self) -> int:
        return int(self.message.header.stamp.sec * 1_000_000_000 + self.message.header.stamp.nanosec)


@dataclass
class Outputs:
    fused: list[Received] = field(default_factory=list)
    overexposure: list[Received] = field(default_factory=list)
    guidance: list[Received] = field(default_factory=list)
    overlay: list[Received] = field(default_factory=list)
    camera_info: list[CameraInfo] = field(default_factory=list)


class Peer:
    """The test's node: both cameras, all listeners, and the lifecycle client."""

    def __init__(self, listen_to: Collection[str] = ("fused", "overexposure", "guidance", "overlay")) -> None:
        """Listen to some of the fields of `Outputs`: what nobody listens to, the node does not build."""
        rclpy.init()
        self.node = rclpy.create_node("peer")
        self._executor = SingleThreadedExecutor()
        self._executor.add_node(self.node)
        self.rgb = self.node.create_publisher(Image, topics.RGB_IMAGE, qos_profile_sensor_data)
        self.thermal = self.node.create_publisher(Image, topics.THERMAL_IMAGE, qos_profile_sensor_data)
        self.camera_info = self.node.create_publisher(CameraInfo, topics.RGB_INFO, qos_profile_sensor_data)
        self.outputs = Outputs()
        self.figures: dict[str, str] = {}
        self.level, self.sentence = 0, ""
        self.reports = 0
        for name in listen_to:
            self.listen(name)
        qos = QoSProfile(depth=10, reliability=ReliabilityPolicy.RELIABLE)
        self.node.create_subscription(CameraInfo, full_name(topics.FUSED_INFO), self.outputs.camera_info.append, qos)
        self.node.create_subscription(DiagnosticArray, topics.DIAGNOSTICS, self._on_diagnostics, 10)
        self._change = self.node.create_client(ChangeState, f"{FUSION_NODE}/change_state")
        self._parameters = self.node.create_client(SetParameters, f"{FUSION_NODE}/set_parameters")
        self._state = self.node.create_client(GetState, f"{FUSION_NODE}/get_state")

    def __enter__(self) -> "Peer":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._executor.shutdown()
        self.node.destroy_node()
        rclpy.shutdown()

    def listen(self, name: str) -> None:
        """Subscribe to one of the fields of `Outputs`."""
        kept: list[Received] = getattr(self.outputs, name)
        qos = QoSProfile(depth=10, reliability=ReliabilityPolicy.RELIABLE)
        self.node.create_subscription(
            Image,
            full_name(TOPICS[name]),
            lambda message: kept.append(Received(message, self.now_ns())),
            qos,
        )

    def _on_diagnostics(self, message: DiagnosticArray) -> None:
        (status,) = message.status
        self.reports += 1
        self.figures = {value.key: value.value for value in status.values}
        self.level, self.sentence = int.from_bytes(status.level, "big"), status.message

    def now_ns(self) -> int:
        return int(self.node.get_clock().now().nanoseconds)

    def figure(self, name: str) -> float:
        return float(self.figures.get(name, "nan"))

    def spin_until(self, condition: Callable[..., bool], what: str, timeout_s: float = TIMEOUT_S) -> None:
        """Handle messages until the condition holds; fails with `what` was waited for."""
        deadline = time.monotonic() + timeout_s
        while not condition():
            assert time.monotonic() < deadline, f"waited {timeout_s} s for {what}; diagnostics: {self.figures}"
            self._executor.spin_once(timeout_sec=0.02)

    def spin_once(self, timeout_s: float) -> None:
        self._executor.spin_once(timeout_sec=timeout_s)

    def transition(self, transition: int) -> bool:
        """Ask for a transition; returns whether it succeeded."""
        before = self.state()
        self.spin_until(self._change.service_is_ready, "the lifecycle service")
        future = self._change.call_async(ChangeState.Request(transition=Transition(id=transition)))
        # Fast DDS at times loses the first request of a client in a process that has had many contexts.
        if not self._answered(future) and self.state() == before:
            future = self._change.call_async(ChangeState.Request(transition=Transition(id=transition)))
        self.spin_until(future.done, f"transition {transition}")
        return bool(future.result().success)

    def state(self) -> str:
        self.spin_until(self._state.service_is_ready, "the lifecycle service")
        future = self._state.call_async(GetState.Request())
        if not self._answered(future):
            future = self._state.call_async(GetState.Request())
        self.spin_until(future.done, "the state")
        return str(future.result().current_state.label)

    def _answered(self, future: "Future[Any]") -> bool:
        """Handle messages until a request is answered or `ANSWER_S` are over."""
        deadline = time.monotonic() + ANSWER_S
        while not future.done() and time.monotonic() < deadline:
            self._executor.spin_once(timeout_sec=0.02)
        return bool(future.done())

    def set_parameter(self, name: str, value: object) -> str:
        """Ask for a change; returns the reason why it was refused, or nothing."""
        self.spin_until(self._parameters.service_is_ready, "the parameter service")
        request = SetParameters.Request(parameters=[Parameter(name, value=value).to_parameter_msg()])
        future = self._parameters.call_async(request)
        self.spin_until(future.done, f"parameter {name}")
        (result,) = future.result().results
        assert result.successful == (not result.reason)
        return str(result.reason)

    def request_an_impossible_parameter(self) -> None:
        """Ask for a parameter of a type that does not exist; rclpy raises an exception of it and sends no answer."""
        self.spin_until(self._parameters.service_is_ready, "the parameter service")
        request = SetParameters.Request(parameters=[ParameterMessage(name="steps", value=ParameterValue(type=77))])
        self._parameters.call_async(request)

    def configure_and_activate(self) -> None:
        assert self.transition(CONFIGURE)
        assert self.transition(ACTIVATE)

    def activate(self) -> None:
        """Configure and activate, and wait until both sides see each other."""
        self.configure_and_activate()
        for topic in map(full_name, (topics.RGB_IMAGE, topics.THERMAL_IMAGE, topics.RGB_INFO)):
            self.spin_until(lambda topic=topic: self.node.count_subscribers(topic) > 0, f"a subscription to {topic}")

    def subscriptions_to(self, topic: str) -> list[ReliabilityPolicy]:
        """Return what each subscription to a topic asks for."""
        return [info.qos_profile.reliability for info in self.node.get_subscriptions_info_by_topic(topic)]

    def reliability_asked_for(self, topic: str) -> ReliabilityPolicy:
        (reliability,) = self.subscriptions_to(topic)
        return reliability

    def images(
        self,
        stamp_ns: int,
        rgb: np.ndarray,
        thermal: np.ndarray,
        rgb_encoding: str = "rgb8",
        thermal_encoding: str = "mono8",
    ) -> None:
        """Publish a pair with one stamp."""
        for publisher, array, encoding in ((self.rgb, rgb, rgb_encoding), (self.thermal, thermal, thermal_encoding)):
            message = fill(Image(), array, encoding)
            message.header.stamp.sec, message.header.stamp.nanosec = divmod(stamp_ns, 1_000_000_000)
            message.header.frame_id = f"{encoding}_frame"
            publisher.publish(message)


def accounts_balance(peer: Peer) -> bool:
    """Tell whether each frame that came has had one fate, by the node's diagnostics."""
    figures = {name: peer.figure(name) for name in peer.figures if name not in _TEXTS}
    return bool(figures) and all(came == accounted for came, accounted in both_sides(figures).values())


_PROGRAM = """
import sys
if missing := sys.argv.pop(1):
    sys.modules[missing] = None
from epofusion_ros.node.main import main
sys.exit(main())
"""


@contextmanager
def running_node(
    model: Path | str, domain: int, log: Path, *, missing: object = "", **settings: object
) -> Iterator[subprocess.Popen[bytes]]:
    """Run the real `fusion_node` in its own process, and stop it by SIGINT as a user would.

    `missing` names a module that shall not be there: whoever imports it gets an ImportError.
    """
    environment = {
        **os.environ,
        "ROS_DOMAIN_ID": str(domain),
        "OMP_NUM_THREADS": "1",
    }
    values = {"model": model, "warmup.height": 64, "warmup.width": 64, **settings}
    arguments = [part for name, value in values.items() for part in ("-p", f"{name}:={value}")]
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-c", _PROGRAM, str(missing), "--ros-args", *arguments],
            cwd=REPOSITORY,
            env=environment,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
        try:
            yield process
        finally:
            if process.poll() is None:
                process.send_signal(signal.SIGINT)
            try:
                process.wait(timeout=40)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
