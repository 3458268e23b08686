"""The course of a soak: clean phases and faults in turn, and what is measured in them."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

from numpy.typing import NDArray
from rclpy.node import Node
from rclpy.qos import QoSProfile, ReliabilityPolicy
from rclpy.time import Time
from sensor_msgs.msg import Image

from epofusion_core.simulation import Drive
from epofusion_ros.installed_files import use_large_shared_memory
from epofusion_ros.messages.topics import FUSED_IMAGE, FUSION_NODE, full_name
from epofusion_ros.remote_node import lifecycle
from epofusion_ros.remote_node.figures import NodeFigures
from epofusion_ros.remote_node.process import NodeError, NodeProcess
from epofusion_ros.remote_node.spinning import spinning_node
from epofusion_ros.soak.cameras import FaultyCameras
from epofusion_ros.soak.faults import FAULTS, Fault

_SCENES = 10
_START_TIMEOUT_S, _SETTLE_TIMEOUT_S = 60.0, 30.0
_SETTLING_SHARE = 0.3
"""Share at the start of a clean phase whose ages do not count: the node recovers from the last fault."""

_NODE_PARAMETERS = {"registration.mode": "resize", "on_missing_thermal": "passthrough", "missing_after": "0.5"}


@dataclass(frozen=True)
class SoakSettings:
    """What is soaked, and how.

    Attributes:
        minutes: of publishing.
        out: folder for the node's log.
        model: name or file.
        rate_hz: pairs a second.
        phase_s: length of each phase, clean or with a fault.
        seed: of the faults.
        height, width: of the images, pixels.
    """

    minutes: float
    out: Path
    model: str = "epofusion_xs"
    rate_hz: float = 10.0
    phase_s: float = 5.0
    seed: int = 0
    height: int = 480
    width: int = 640


@dataclass
class CleanPhase:
    """A phase without faults.

    Attributes:
        at_s: when it ended, since publishing began.
        ages_ms: of the fused images that were received, after the settling.
        memory_mb: of the node at its end.
    """

    at_s: float
    ages_ms: list[float] = field(default_factory=list)
    memory_mb: float = 0.0


@dataclass
class Soak:
    """What came of a soak.

    Attributes:
        settings: as asked for.
        phases: clean ones, in order.
        faults: phases with each fault.
        figures: of the node's diagnostics at the end, all settled.
        warm_up: clean phases until each fault had come once. Then every buffer, graph and size has been in use.
    """

    settings: SoakSettings
    phases: list[CleanPhase] = field(default_factory=list)
    faults: dict[str, int] = field(default_factory=lambda: dict.fromkeys(FAULTS, 0))
    figures: dict[str, float] = field(default_factory=dict)
    warm_up: int = len(FAULTS)


def run_soak(settings: SoakSettings, report: Callable[[str, float, float], None]) -> Soak:
    """Soak the node; `report` is told the phase, and the seconds done and in all.

    Raises:
        NodeError: the node has ended, or cannot be configured.
    """
    use_large_shared_memory()
    settings.out.mkdir(parents=True, exist_ok=True)
    size = {"warmup.height": str(settings.height), "warmup.width": str(settings.width)}
    parameters = {"model": settings.model, **size, **_NODE_PARAMETERS}
    with (
        NodeProcess(parameters, settings.out / "node.log") as process,
        spinning_node("epofusion_soak") as node,
    ):
        figures, ages = NodeFigures(node), _Ages(node)
        client = lifecycle.LifecycleClient(node, FUSION_NODE, process.check)
        client.change(lifecycle.CONFIGURE, _START_TIMEOUT_S)
        client.change(lifecycle.ACTIVATE, _START_TIMEOUT_S)
        cameras = FaultyCameras(node, _scenes(settings), settings.rate_hz)
        _wait_until_heard(cameras, process)
        soak = Soak(settings)
        _alternate(soak, cameras, ages, figures, process, report)
        figures.wait_until_settled(_SETTLE_TIMEOUT_S)
        client.change(lifecycle.DEACTIVATE, _START_TIMEOUT_S)
        figures.wait_until_settled(_SETTLE_TIMEOUT_S)
        process.check()
        soak.figures = dict(figures.newest)
        return soak


def _alternate(
    soak: Soak,
    cameras: FaultyCameras,
    ages: "_Ages",
    figures: NodeFigures,
    process: NodeProcess,
    report: Callable[[str, float, float], None],
) -> None:
    """Publish for the time that is asked for: a clean phase, a fault, a clean phase, another fault, ..."""
    settings, rng = soak.settings, Random(soak.settings.seed)
    started_s, total_s = time.monotonic(), 60 * settings.minutes
    waiting: list[str] = []
    while (elapsed_s := time.monotonic() - started_s) < total_s:
        report("clean", elapsed_s, total_s)
        stamps = _publish(cameras, None, settings)
        settled = stamps[round(_SETTLING_SHARE * len(stamps)) :]
        memory_mb = figures.newest.get("memory_mb", 0.0)
        soak.phases.append(CleanPhase(time.monotonic() - started_s, ages.of(settled), memory_mb))
        if not waiting:
            waiting = rng.sample(sorted(FAULTS), len(FAULTS))
        name = waiting.pop()
        report(name, time.monotonic() - started_s, total_s)
        soak.faults[name] += 1
        _publish(cameras, FAULTS[name](rng), settings)
        process.check()
    _publish(cameras, None, settings)
    report("done", total_s, total_s)


def _publish(cameras: FaultyCameras, fault: Fault | None, settings: SoakSettings) -> list[int]:
    """Publish for a phase; return the stamps."""
    return [cameras.shoot(fault) for _ in range(max(1, round(settings.phase_s * settings.rate_hz)))]


def _scenes(settings: SoakSettings) -> list[dict[str, NDArray[Any]]]:
    drive = Drive(settings.seed, settings.height, settings.width)
    frames = [drive.frame(5 * index) for index in range(_SCENES)]
    return [{"rgb": frame.visible, "thermal": frame.thermal} for frame in frames]


def _wait_until_heard(cameras: FaultyCameras, process: NodeProcess) -> None:
    deadline_s = time.monotonic() + _START_TIMEOUT_S
    while not cameras.are_heard():
        process.check()
        if time.monotonic() > deadline_s:
            raise NodeError(f"the node is active but subscribes to nothing within {_START_TIMEOUT_S:g} s")
        time.sleep(0.05)


class _Ages:
    """Ages of the fused images on arrival, by stamp; filled on the thread that spins the node."""

    def __init__(self, node: Node) -> None:
        self._node = node
        self._ages_ms: dict[int, float] = {}
        qos = QoSProfile(depth=10, reliability=ReliabilityPolicy.RELIABLE)
        node.create_subscription(Image, full_name(FUSED_IMAGE), self._take, qos)

    def of(self, stamps: list[int]) -> list[float]:
        """Return those of some stamps, as far as they have come, and forget all."""
        known, self._ages_ms = self._ages_ms, {}
        return [known[stamp] for stamp in stamps if stamp in known]

    def _take(self, message: Image) -> None:
        stamp_ns = Time.from_msg(message.header.stamp).nanoseconds
        self._ages_ms[stamp_ns] = (self._node.get_clock().now().nanoseconds - stamp_ns) / 1e6
