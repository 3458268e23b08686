"""Pairing of RGB and thermal frames by stamp, on integer nanoseconds. Pure Python: knows neither ROS nor clocks.

A frame is given in with its stamp and comes out once: in a pair, or counted as unmatched. Pairs are returned to the
caller, so that none of its code runs inside the pairer. A pairer is not thread-safe; the node's callbacks
exclude one another.
"""

from bisect import insort
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Generic, Protocol, TypeVar

T = TypeVar("T")

_SURE_SHARE = 0.4
"""A partner nearer than this share of its stream's interval cannot be beaten by the stream's next frame."""


@dataclass(frozen=True)
class FramePair(Generic[T]):
    """An RGB and a thermal frame of (almost) one moment.

    Attributes:
        stamp_ns: stamp of the RGB frame.
        delta_ns: thermal stamp, offset applied, minus RGB stamp.
        rgb: the RGB frame as it was given in.
        thermal: the thermal frame.
    """

    stamp_ns: int
    delta_ns: int
    rgb: T
    thermal: T


@dataclass(frozen=True)
class SingleFrame(Generic[T]):
    """A frame that is handed on alone, since the other input is missing.

    Attributes:
        name: of its input, "rgb" or "thermal".
        stamp_ns: as it came.
        frame: as it was given in.
    """

    name: str
    stamp_ns: int
    frame: T


@dataclass
class StreamCount:
    """What became of one input's frames: received = paired + passed + unmatched + pending, always.

    Attributes:
        received: frames that came.
        paired: frames in a pair, or in several.
        passed: frames handed on alone, since the other input is missing.
        unmatched: frames without a partner.
        reused: pairs whose frame had been in one before.
    """

    received: int = 0
    paired: int = 0
    passed: int = 0
    unmatched: int = 0
    reused: int = 0

    @property
    def pending(self) -> int:
        """Frames that wait for a partner."""
        return self.received - self.paired - self.passed - self.unmatched


@dataclass(frozen=True)
class PairingLimits:
    """What may be a pair; nanoseconds.

    Attributes:
        slop_ns: largest difference of stamps, inclusive.
        thermal_offset_ns: added to thermal stamps.
        thermal_age_ns: an RGB frame without a partner takes an earlier thermal frame, in a pair already or not, that is
            at most so much older; 0 where each thermal frame is used once.
    """

    slop_ns: int
    thermal_offset_ns: int = 0
    thermal_age_ns: int = 0


class Pairer(Protocol):
    """What every pairing policy does: takes frames in, returns the pairs that are decided, and counts."""

    @property
    def rgb(self) -> StreamCount:
        """What became of the RGB frames."""
        ...

    @property
    def thermal(self) -> StreamCount:
        """What became of the thermal frames."""
        ...

    def add_rgb(self, stamp_ns: int, frame: Any) -> list[FramePair[Any]]:  # noqa: ANN401 - any stamped message
        """Give in an RGB frame."""
        ...

    def add_thermal(self, stamp_ns: int, frame: Any) -> list[FramePair[Any]]:  # noqa: ANN401 - any stamped message
        """Give in a thermal frame."""
        ...

    def limit(self, limits: PairingLimits) -> None:
        """Take other limits from now on."""
        ...

    def reset(self) -> None:
        """Forget the past, since time has jumped back; waiting frames count as unmatched."""
        ...


@dataclass
class _Stream(Generic[T]):
    """Frames of one input that wait, oldest first, and what is known of its past."""

    waiting: list[tuple[int, int, T]] = field(default_factory=list)
    count: StreamCount = field(default_factory=StreamCount)
    last_used_ns: int | None = None
    last_paired: tuple[int, T] | None = None
    newest_ns: int | None = None
    interval_ns: int = 0

    def add(self, stamp_ns: int, frame: T) -> bool:
        """Take a frame; False if it is older than what was used already, or a repetition."""
        self.count.received += 1
        late = self.last_used_ns is not None and stamp_ns <= self.last_used_ns
        if late or any(stamp_ns == waiting for waiting, _, _ in self.waiting):
            self.count.unmatched += 1
            return False
        if self.newest_ns is not None and stamp_ns > self.newest_ns:
            self.interval_ns = stamp_ns - self.newest_ns
        self.newest_ns = stamp_ns if self.newest_ns is None else max(stamp_ns, self.newest_ns)
        insort(self.waiting, (stamp_ns, self.count.received, frame), key=lambda entry: entry[:2])
        return True

    def drop_oldest(self) -> None:
        self.last_used_ns = self.waiting.pop(0)[0]
        self.count.unmatched += 1

    def take(self, index: int) -> tuple[int, T]:
        """Take a frame for a pair; older ones can no longer keep the order and are unmatched."""
        stamp_ns, _, frame = self.waiting[index]
        self.count.paired += 1
        self.count.unmatched += index
        self.last_used_ns, self.last_paired = stamp_ns, (stamp_ns, frame)
        del self.waiting[: index + 1]
        return stamp_ns, frame

    def clear(self) -> None:
        self.count.unmatched += len(self.waiting)
        self.waiting.clear()
        self.last_used_ns, self.last_paired, self.newest_ns, self.interval_ns = None, None, None, 0


class NearestPairer(Generic[T]):
    """Pairs each RGB frame with the thermal frame nearest to it, if that one has no nearer RGB frame.

    RGB stamps of successive pairs grow strictly, and so do thermal ones unless `PairingLimits.thermal_age_ns` allows a
    frame to be used again. A decision waits for the next frame only where that frame could still be nearer, judged by
    the stream's interval.
    """

    def __init__(self, limits: PairingLimits, queue_size: int) -> None:
        """Set the limits; each input may hold `queue_size` frames, at least 1."""
        self._limits, self._queue_size = limits, queue_size
        self._rgb: _Stream[T] = _Stream()
        self._thermal: _Stream[T] = _Stream()

    @property
    def rgb(self) -> StreamCount:
        """What became of the RGB frames."""
        return self._rgb.count

    @property
    def thermal(self) -> StreamCount:
        """What became of the thermal frames."""
        return self._thermal.count

    def add_rgb(self, stamp_ns: int, frame: T) -> list[FramePair[T]]:
        """Give in an RGB frame; returns the pairs that are decided now, in order."""
        return list(self._match()) if self._rgb.add(stamp_ns, frame) else []

    def add_thermal(self, stamp_ns: int, frame: T) -> list[FramePair[T]]:
        """Give in a thermal frame; returns the pairs that are decided now, in order."""
        return list(self._match()) if self._thermal.add(stamp_ns + self._limits.thermal_offset_ns, frame) else []

    def limit(self, limits: PairingLimits) -> None:
        """Take other limits from now on; what waits under another thermal offset counts as unmatched."""
        if limits.thermal_offset_ns != self._limits.thermal_offset_ns:
            self.reset()
        self._limits = limits

    def reset(self) -> None:
        """Forget the past, since time has jumped back; waiting frames count as unmatched."""
        self._rgb.clear()
        self._thermal.clear()

    def _match(self) -> Iterator[FramePair[T]]:
        """Decide the oldest RGB frames as far as that is possible, then keep the queues bounded."""
        while self._rgb.waiting:
            full = len(self._rgb.waiting) > self._queue_size or len(self._thermal.waiting) > self._queue_size
            stamp_ns = self._rgb.waiting[0][0]
            index = self._partner(stamp_ns)
            final = self._is_final(stamp_ns, index)
            if not full and not final:
                break
            if index is None:
                if not final and len(self._rgb.waiting) <= self._queue_size:
                    break
                if (earlier := self._earlier_thermal(stamp_ns)) is None:
                    self._rgb.drop_oldest()
                else:
                    thermal_ns, thermal = earlier
                    yield FramePair(stamp_ns, thermal_ns - stamp_ns, self._rgb.take(0)[1], thermal)
                continue
            _, rgb = self._rgb.take(0)
            thermal_ns, thermal = self._thermal.take(index)
            yield FramePair(stamp_ns, thermal_ns - stamp_ns, rgb, thermal)
        while len(self._thermal.waiting) > self._queue_size:
            self._thermal.drop_oldest()

    def _partner(self, stamp_ns: int) -> int | None:
        """Return the index of the nearest waiting thermal frame that no later RGB frame is nearer to."""
        near = [
            (abs(thermal_ns - stamp_ns), index)
            for index, (thermal_ns, _, _) in enumerate(self._thermal.waiting)
            if abs(thermal_ns - stamp_ns) <= self._limits.slop_ns
        ]
        for distance_ns, index in sorted(near):
            thermal_ns = self._thermal.waiting[index][0]
            if not any(abs(thermal_ns - rgb_ns) < distance_ns for rgb_ns, _, _ in self._rgb.waiting[1:]):
                return index
        return None

    def _is_final(self, stamp_ns: int, index: int | None) -> bool:
        """Tell whether no frame that is still to come can change the decision about an RGB frame."""
        if index is None:
            # A waiting thermal frame from here on is out of reach, or a later RGB frame is nearer to it. What follows
            # it is farther still.
            past = self._thermal_is_past(stamp_ns) or any(ns >= stamp_ns for ns, _, _ in self._thermal.waiting)
            return past or (self._limits.thermal_age_ns > 0 and self._thermal_is_far(stamp_ns))
        thermal_ns = self._thermal.waiting[index][0]
        distance_ns = abs(thermal_ns - stamp_ns)
        if thermal_ns <= stamp_ns:
            next_ns, interval_ns = self._thermal.newest_ns, self._thermal.interval_ns
            passed = next_ns is not None and next_ns > stamp_ns
        else:
            next_ns, interval_ns = self._rgb.newest_ns, self._rgb.interval_ns
            passed = next_ns is not None and next_ns >= thermal_ns
        return distance_ns == 0 or passed or distance_ns <= _SURE_SHARE * interval_ns

    def _thermal_is_past(self, stamp_ns: int) -> bool:
        """Tell whether thermal time has moved on so far that no partner can come any more."""
        return self._thermal.newest_ns is not None and self._thermal.newest_ns > stamp_ns + self._limits.slop_ns

    def _thermal_is_far(self, stamp_ns: int) -> bool:
        """Tell whether the next thermal frame is not worth waiting for: due beyond slop, or later than the next RGB."""
        newest_ns, interval_ns = self._thermal.newest_ns, self._thermal.interval_ns
        due_later = (
            newest_ns is not None and interval_ns > 0 and newest_ns + interval_ns > stamp_ns + self._limits.slop_ns
        )
        return due_later or self._rgb.newest_ns != stamp_ns

    def _earlier_thermal(self, stamp_ns: int) -> tuple[int, T] | None:
        """Return the newest thermal frame before an RGB frame that is not too old for it, with its stamp."""
        oldest_ns = stamp_ns - self._limits.thermal_age_ns
        before = [index for index, (ns, _, _) in enumerate(self._thermal.waiting) if oldest_ns <= ns < stamp_ns]
        if self._limits.thermal_age_ns and before:
            return self._thermal.take(before[-1])
        last = self._thermal.last_paired
        newest_ns = stamp_ns + self._limits.slop_ns
        if self._limits.thermal_age_ns == 0 or last is None or not oldest_ns <= last[0] <= newest_ns:
            return None
        self._thermal.count.reused += 1
        return last
