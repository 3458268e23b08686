"""Our pairing, for `sync.policy: nearest`. Pure Python: knows neither ROS nor clocks."""

import sys
from bisect import insort
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from epofusion_ros.messages.message_size import size_of
from epofusion_ros.stream.pairing import FramePair, PairingLimits, StreamCount

T = TypeVar("T")

_SURE_SHARE = 0.4
"""A partner nearer than this share of its stream's interval cannot be beaten by the stream's next frame."""

_STRAY_NS = 100_000_000
_STRAY_INTERVALS = 3
"""A stamp farther than both from its stream's time has gone astray, unless the next one is as far."""


@dataclass
class _Stream(Generic[T]):
    """Frames of one input that wait, oldest first, and what is known of its past.

    `waiting` holds stamp, number, frame and size in bytes.
    """

    most_frames: int
    most_bytes: int
    waiting: list[tuple[int, int, T, int]] = field(default_factory=list)
    count: StreamCount = field(default_factory=StreamCount)
    last_used_ns: int | None = None
    last_paired: tuple[int, T] | None = None
    newest_ns: int | None = None
    interval_ns: int = 0
    strayed: bool = False

    def add(self, stamp_ns: int, frame: T, other_ns: int | None) -> bool:
        """Take a frame; False if it is older than what was used already, or a repetition.

        Args:
            stamp_ns: of the frame.
            frame: to be paired.
            other_ns: the newest stamp of the other stream; None where there is none.
        """
        self.count.received += 1
        self._keep_time(stamp_ns, other_ns)
        late = self.last_used_ns is not None and stamp_ns <= self.last_used_ns
        if late or any(stamp_ns == waiting for waiting, *_ in self.waiting):
            self.count.unmatched += 1
            return False
        insort(self.waiting, (stamp_ns, self.count.received, frame, size_of(frame)), key=lambda entry: entry[:2])
        return True

    def _keep_time(self, stamp_ns: int, other_ns: int | None) -> None:
        """Follow the stream's time, which a single stamp that goes astray does not move.

        A stamp far from that time is believed if it is near the other stream's, or if the next one is far as well.
        """
        if self.newest_ns is None:
            self.newest_ns = stamp_ns
            return
        before_ns, step_ns = self.newest_ns, stamp_ns - self.newest_ns
        farthest_ns = max(_STRAY_NS, _STRAY_INTERVALS * self.interval_ns)
        is_far = step_ns < -_STRAY_NS or (self.interval_ns > 0 and step_ns > farthest_ns)
        is_near_other = other_ns is not None and abs(stamp_ns - other_ns) <= _STRAY_NS
        if is_far and not is_near_other and not self.strayed:
            self.strayed = True
            return
        self.strayed = False
        if step_ns > 0:
            self.interval_ns = step_ns
        self.newest_ns = stamp_ns if is_far else max(before_ns, stamp_ns)
        self._forget_after(self.newest_ns)
        if self.last_used_ns is not None and self.last_used_ns > self.newest_ns:
            self.last_used_ns = min(before_ns, stamp_ns - 1)

    def _forget_after(self, newest_ns: int) -> None:
        """Drop what waits with a stamp after the stream's time: it went astray."""
        kept = [entry for entry in self.waiting if entry[0] <= newest_ns]
        self.count.unmatched += len(self.waiting) - len(kept)
        self.waiting = kept

    @property
    def is_overfull(self) -> bool:
        """More waits than may, in frames or in bytes."""
        held_bytes = sum(size for *_, size in self.waiting)
        return len(self.waiting) > self.most_frames or held_bytes > self.most_bytes

    def waits_from(self, stamp_ns: int) -> bool:
        """Tell whether a frame waits that has this stamp or a later one, up to the stream's time."""
        return self.newest_ns is not None and any(stamp_ns <= ns <= self.newest_ns for ns, *_ in self.waiting)

    def drop_oldest(self) -> None:
        self.last_used_ns = self.waiting.pop(0)[0]
        self.count.unmatched += 1

    def take(self, index: int) -> tuple[int, T]:
        """Take a frame for a pair; older ones can no longer keep the order and are unmatched."""
        stamp_ns, _, frame, _ = self.waiting[index]
        self.count.paired += 1
        self.count.unmatched += index
        self.last_used_ns, self.last_paired = stamp_ns, (stamp_ns, frame)
        del self.waiting[: index + 1]
        return stamp_ns, frame

    def clear(self) -> None:
        self.count.unmatched += len(self.waiting)
        self.waiting.clear()
        self.last_used_ns, self.last_paired, self.newest_ns = None, None, None
        self.interval_ns, self.strayed = 0, False


class NearestPairer(Generic[T]):
    """Pairs each RGB frame with the thermal frame nearest to it, if that one has no nearer RGB frame.

    RGB stamps of successive pairs grow strictly, and so do thermal ones unless `PairingLimits.thermal_age_ns` allows a
    frame to be used again; only after a pair of stamps that went astray do they go back. A decision waits for the next
    frame only where that frame could still be nearer, judged by the stream's interval.
    """

    def __init__(self, limits: PairingLimits, queue_size: int, queue_bytes: int = sys.maxsize) -> None:
        """Set the limits; each input may hold `queue_size` frames, at least 1, of `queue_bytes` bytes in all."""
        self._limits = limits
        self._rgb: _Stream[T] = _Stream(queue_size, queue_bytes)
        self._thermal: _Stream[T] = _Stream(queue_size, queue_bytes)

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
        return list(self._match()) if self._rgb.add(stamp_ns, frame, self._thermal.newest_ns) else []

    def add_thermal(self, stamp_ns: int, frame: T) -> list[FramePair[T]]:
        """Give in a thermal frame; returns the pairs that are decided now, in order."""
        stamp_ns += self._limits.thermal_offset_ns
        return list(self._match()) if self._thermal.add(stamp_ns, frame, self._rgb.newest_ns) else []

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
            full = self._rgb.is_overfull or self._thermal.is_overfull
            stamp_ns = self._rgb.waiting[0][0]
            index = self._partner(stamp_ns)
            final = self._is_final(stamp_ns, index)
            if not full and not final:
                break
            if index is None:
                if not final and not self._rgb.is_overfull:
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
        while self._thermal.is_overfull:
            self._thermal.drop_oldest()

    def _partner(self, stamp_ns: int) -> int | None:
        """Return the index of the nearest waiting thermal frame that no later RGB frame is nearer to."""
        near = [
            (abs(thermal_ns - stamp_ns), index)
            for index, (thermal_ns, *_) in enumerate(self._thermal.waiting)
            if abs(thermal_ns - stamp_ns) <= self._limits.slop_ns
        ]
        for distance_ns, index in sorted(near):
            thermal_ns = self._thermal.waiting[index][0]
            if not any(abs(thermal_ns - rgb_ns) < distance_ns for rgb_ns, *_ in self._rgb.waiting[1:]):
                return index
        return None

    def _is_final(self, stamp_ns: int, index: int | None) -> bool:
        """Tell whether no frame that is still to come can change the decision about an RGB frame."""
        if index is None:
            # A waiting thermal frame from here on is out of reach, or a later RGB frame is nearer to it. What follows
            # it is farther still.
            past = self._thermal_is_past(stamp_ns) or self._thermal.waits_from(stamp_ns)
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
        before = [index for index, (ns, *_) in enumerate(self._thermal.waiting) if oldest_ns <= ns < stamp_ns]
        if self._limits.thermal_age_ns and before:
            return self._thermal.take(before[-1])
        last = self._thermal.last_paired
        newest_ns = stamp_ns + self._limits.slop_ns
        if self._limits.thermal_age_ns == 0 or last is None or not oldest_ns <= last[0] <= newest_ns:
            return None
        self._thermal.count.reused += 1
        return last
