"""What the fusion node says of itself: diagnostics, status, and its last warnings."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from math import isfinite
from typing import TYPE_CHECKING, Any

from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus
from rcl_interfaces.msg import Log
from rclpy.qos import DurabilityPolicy, QoSProfile

from epofusion_ros.messages.topics import DIAGNOSTICS, STATUS
from epofusion_ros.stream.frame_account import Fate

if TYPE_CHECKING:
    from rclpy.node import Node

_WARNINGS = 10
_WARN, _ERROR = 30, 40
_LATCHED = QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL)
_LOG = QoSProfile(depth=100, durability=DurabilityPolicy.TRANSIENT_LOCAL)
_LONGEST_SILENCE_S = 1.0


@dataclass(frozen=True)
class Verdict:
    """A level (0 OK, 1 WARN, 2 ERROR) and a sentence."""

    level: int
    sentence: str

    @classmethod
    def of(cls, status: DiagnosticStatus) -> Verdict:
        """Read a message."""
        return cls(int.from_bytes(status.level, "big"), str(status.message))


class NodeReport:
    """Belongs to the thread of the event loop. These topics are small, so that they stay subscribed to."""

    def __init__(self, node: Node, watched: str) -> None:
        """Subscribe, by the view's own node, to what the node with the full name `watched` says."""
        self._watched, self._logger = watched, watched.strip("/").replace("/", ".")
        self._loop = asyncio.get_running_loop()
        self._heard_s: float | None = None
        self._status: Verdict | None = None
        self._health: Verdict | None = None
        self._values: dict[str, str] = {}
        self._warnings: deque[dict[str, Any]] = deque(maxlen=_WARNINGS)
        self._changed = asyncio.Event()
        node.create_subscription(DiagnosticArray, DIAGNOSTICS, self._on_loop(self._take_diagnostics), 10)
        node.create_subscription(
            DiagnosticStatus, STATUS.replace("~", watched), self._on_loop(self._take_status), _LATCHED
        )
        node.create_subscription(Log, "/rosout", self._on_loop(self._take_log), _LOG)

    async def changed(self) -> None:
        """Wait for something new, or for a second: the time since the last word is part of what is told."""
        with suppress(asyncio.TimeoutError):
            await asyncio.wait_for(self._changed.wait(), _LONGEST_SILENCE_S)

    def as_json(self) -> dict[str, Any]:
        """Return all that is known, as JSON takes it."""
        figures = {key: _number(value) for key, value in self._values.items()}
        return {
            "node": self._watched,
            "silent_s": None if self._heard_s is None else time.monotonic() - self._heard_s,
            "status": self._status and vars(self._status),
            "health": self._health and vars(self._health),
            "figures": {key: value for key, value in figures.items() if value is not None},
            "texts": {key: value for key, value in self._values.items() if figures[key] is None},
            "fates": [str(fate) for fate in Fate],
            "warnings": list(self._warnings),
        }

    def _on_loop(self, take: Callable[[Any], None]) -> Callable[[Any], Any]:
        return lambda message: self._loop.call_soon_threadsafe(take, message)

    def _take_diagnostics(self, message: DiagnosticArray) -> None:
        for status in message.status:
            if status.name == f"{self._watched}: fusion":
                self._heard_s = time.monotonic()
                self._health = Verdict.of(status)
                self._values = {each.key: each.value for each in status.values}
                self._wake()

    def _take_status(self, message: DiagnosticStatus) -> None:
        self._status = Verdict.of(message)
        self._wake()

    def _take_log(self, message: Log) -> None:
        if message.name == self._logger and message.level >= _WARN:
            level = "error" if message.level >= _ERROR else "warning"
            self._warnings.append({"stamp_s": message.stamp.sec, "level": level, "sentence": message.msg})
            self._wake()

    def _wake(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()


def _number(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if isfinite(value) else None
