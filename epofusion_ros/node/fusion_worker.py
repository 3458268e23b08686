"""The worker thread behind its mailbox of one slot: fuses each job, publishes it, and counts what became of it."""

from __future__ import annotations

import copy
import time
from math import nan
from typing import TYPE_CHECKING, Any

from epofusion_core.registration.apply import LEAST_OVERLAP
from epofusion_ros.node import status
from epofusion_ros.stream.frame_account import Fate, PairTiming
from epofusion_ros.stream.fuse_job import JobResult, failure
from epofusion_ros.stream.mailbox import Mailbox, Worker
from epofusion_ros.stream.pairing import FramePair, SingleFrame

if TYPE_CHECKING:
    from rclpy.lifecycle import LifecycleNode

    from epofusion_core.fuser import FusionResult
    from epofusion_ros.node.configured import Configured
    from epofusion_ros.node.status import Status
    from epofusion_ros.stream.job import Job

_NS_PER_S = 1_000_000_000
_JOIN_TIMEOUT_S = 30.0
_WARN_EVERY_S = 1.0


class FusionWorker:
    """Takes jobs on the executor's thread, and works on them on its own."""

    def __init__(self, node: LifecycleNode, configured: Configured, status: Status) -> None:
        """Start the thread."""
        self._node, self._configured, self._status = node, configured, status
        self._warned_s: dict[str, float] = {}
        self._mailbox: Mailbox[Job] = Mailbox()
        self._worker = Worker(self._mailbox, self._work, self._on_error, "fusion")

    def put(self, job: Job) -> None:
        """Have a job done next; it takes the place of one that waits."""
        if self._mailbox.put(job):
            self._configured.account.ended(Fate.SUPERSEDED)

    def stop(self) -> None:
        """Let the thread finish its frame, and forget what waits."""
        if self._mailbox.close():
            self._configured.account.ended(Fate.STOPPED)
        if not self._worker.join(_JOIN_TIMEOUT_S):
            self._node.get_logger().error(f"the worker has not finished its frame within {_JOIN_TIMEOUT_S:.0f} s")

    # On the worker's thread

    def _work(self, job: Job) -> None:
        done = self._configured.fuse(job, self._age_s(job.stamp_ns), wanted=self._configured.outputs.wanted())
        if done.result is None:
            self._drop(done)
            if done.fate is Fate.UNWATCHED:
                self._configured.outputs.publish_camera_info(job.source.header, copy.deepcopy(job.camera_info()))
        else:
            self._publish(job, done, done.result)

    def _publish(self, job: Job, done: JobResult, result: FusionResult) -> None:
        started_s = time.monotonic()
        frames, outputs, header = job.frames, self._configured.outputs, job.source.header
        self._status.say(_status_of(done, frames))
        outputs.publish(result, header)
        outputs.publish_camera_info(header, copy.deepcopy(job.camera_info()))
        if done.fused is not None:
            outputs.publish_synced(done.fused.rgb, done.fused.thermal, header)
            published_ms = {"publication": 1e3 * (time.monotonic() - started_s)}
            outputs.publish_debug(done.fused.thermal, header, done.fused.stages_ms | published_ms)
        timing = PairTiming(
            latency_ms=self._age_s(job.stamp_ns) * 1e3,
            inference_ms=done.inference_ms,
            sync_delta_ms=abs(frames.delta_ns) / 1e6 if isinstance(frames, FramePair) else nan,
        )
        overexposed_fraction = float(result.overexposure.mean())
        self._configured.account.published(done.fate, timing, overexposed_fraction, time.monotonic())

    def _age_s(self, stamp_ns: int) -> float:
        """Return how old a stamp is on the node's clock; NaN before simulated time has begun."""
        now_ns = self._node.get_clock().now().nanoseconds
        return (now_ns - stamp_ns) / _NS_PER_S if now_ns else nan

    def _on_error(self, _job: Job, error: Exception) -> None:
        """Drop what could not be published."""
        self._drop(failure(error))

    def _drop(self, done: JobResult) -> None:
        """Count a job that nothing is published of, and say why, at most once a second for each reason."""
        self._configured.account.ended(done.fate)
        if done.fate is Fate.UNWATCHED:
            self._status.say(status.UNWATCHED)
        else:
            self._warn(done)

    def _warn(self, done: JobResult) -> None:
        now_s = time.monotonic()
        if now_s - self._warned_s.get(done.fate, -_WARN_EVERY_S) >= _WARN_EVERY_S:
            self._warned_s[done.fate] = now_s
            self._node.get_logger().warning(f"pair dropped: {done.problem}")


def _status_of(done: JobResult, frames: FramePair[Any] | SingleFrame[Any]) -> tuple[int, str]:
    """Return what the topic ~/status says of what is published."""
    if isinstance(frames, SingleFrame):
        return status.PASSING[frames.name]
    reached = done.fused is None or done.fused.overlap >= LEAST_OVERLAP
    return status.FUSING if reached else status.UNREGISTERED
