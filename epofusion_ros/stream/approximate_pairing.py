"""Pairing by the distribution's message_filters, for `sync.policy: approximate`."""

import sys
from typing import Any

from epofusion_ros.messages.message_size import size_of
from epofusion_ros.stream.pairing import FramePair, PairingLimits, StreamCount


class ApproximatePairer:
    """message_filters.ApproximateTimeSynchronizer behind the interface of `NearestPairer`.

    Its callback only collects: nothing of the node's runs inside its lock. It is rebuilt when time is reset, since it
    would stop for good when a bag loops (it evicts the smallest stamps, which are then the new ones).
    """

    def __init__(self, limits: PairingLimits, queue_size: int, queue_bytes: int = sys.maxsize) -> None:
        """Set the limits, as for `NearestPairer`.

        Raises:
            ValueError: message_filters is not installed.
        """
        try:
            import message_filters
        except ImportError as error:
            raise ValueError(
                "parameter sync.policy is approximate, but message_filters is not installed; expected a ROS 2 "
                "distribution with it, or sync.policy: nearest"
            ) from error
        self._filters: Any = message_filters
        self._queue_size, self._queue_bytes = queue_size, queue_bytes
        self.rgb, self.thermal = StreamCount(), StreamCount()
        self._found: list[FramePair[Any]] = []
        self.limit(limits)

    def limit(self, limits: PairingLimits) -> None:
        """Start anew with another slop, the only limit that it knows; waiting frames count as unmatched."""
        # It pairs what is nearer than its slop, so it gets a nanosecond more; the half lies beyond what rounding takes.
        self._slop_s = (limits.slop_ns + 1.5) / 1e9
        self.reset()

    def reset(self) -> None:
        """Start anew; waiting frames count as unmatched."""
        self._inputs = [self._filters.SimpleFilter(), self._filters.SimpleFilter()]
        self._synchronizer = self._filters.ApproximateTimeSynchronizer(self._inputs, self._queue_size, self._slop_s)
        self._synchronizer.registerCallback(self._collect)
        self._count_unmatched()

    def add_rgb(self, stamp_ns: int, frame: Any) -> list[FramePair[Any]]:  # noqa: ANN401 - any stamped message
        """Give in an RGB frame; returns the pairs that are decided now."""
        self.rgb.received += 1
        return self._add(0, stamp_ns, frame)

    def add_thermal(self, stamp_ns: int, frame: Any) -> list[FramePair[Any]]:  # noqa: ANN401 - any stamped message
        """Give in a thermal frame; returns the pairs that are decided now."""
        self.thermal.received += 1
        return self._add(1, stamp_ns, frame)

    def _add(self, index: int, stamp_ns: int, frame: Any) -> list[FramePair[Any]]:  # noqa: ANN401 - any stamped message
        if stamp_ns >= 0:  # message_filters raises an exception of others
            self._inputs[index].signalMessage(frame)
        for queue in self._synchronizer.queues:
            while sum(map(size_of, queue.values())) > self._queue_bytes:
                del queue[min(queue)]
        found, self._found = self._found, []
        for count in (self.rgb, self.thermal):
            count.paired += len(found)
        self._count_unmatched()
        return found

    def _collect(self, rgb: Any, thermal: Any) -> None:  # noqa: ANN401 - any stamped message
        stamp_ns, thermal_ns = (
            message.header.stamp.sec * 1_000_000_000 + message.header.stamp.nanosec for message in (rgb, thermal)
        )
        self._found.append(FramePair(stamp_ns, thermal_ns - stamp_ns, rgb, thermal))

    def _count_unmatched(self) -> None:
        for count, queue in zip((self.rgb, self.thermal), self._synchronizer.queues, strict=True):
            count.unmatched = count.received - count.paired - count.passed - len(queue)
