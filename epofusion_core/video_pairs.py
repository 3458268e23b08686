"""Frames of two videos, paired by time: each visible frame with the infrared one nearest to it.

The first frames of both are taken to be of one moment.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from epofusion_core.imaging import RgbImage, ThermalImage
from epofusion_core.video import VideoReader

_NANOSECONDS = 1_000_000_000
_FARTHEST_NS = _NANOSECONDS // 4
"""A pause of one camera, such as a shutter calibration, is bridged by frames that are this far away at most."""


@dataclass(frozen=True)
class PairedFrame:
    """A visible frame and the infrared one nearest to it.

    Attributes:
        number: of the visible frame, from 0.
        time_ns: of the visible frame, since the first one.
        visible: (H, W, 3) uint8 RGB.
        infrared: (h, w).
    """

    number: int
    time_ns: int
    visible: RgbImage
    infrared: ThermalImage


@dataclass
class _Steps:
    """Time of the last frame of a video, and of the step before it; the nominal one before there are two."""

    step_ns: int
    time_ns: int | None = None

    def to(self, time_ns: int) -> None:
        if self.time_ns is not None:
            self.step_ns = time_ns - self.time_ns
        self.time_ns = time_ns

    def has_ended_before(self, time_ns: int, other: "_Steps") -> bool:
        """Tell whether the last frame, shown for one step, is over when one of the other video is shown."""
        return self.time_ns is not None and time_ns >= self.time_ns + self.step_ns - other.step_ns // 2


def paired_frames(visible: VideoReader, infrared: VideoReader, problems: list[str]) -> Iterator[PairedFrame]:
    """Yield the visible frames that have a partner.

    Args:
        visible: at its beginning.
        infrared: likewise.
        problems: gets a sentence for each visible frame that has none, and for each tail that is missing or left over.

    Raises:
        ValueError: a video is damaged before its first frame.
    """
    seen, shown = (_Steps(round(_NANOSECONDS / video.rate_hz)) for video in (visible, infrared))
    farthest_ns = max(_FARTHEST_NS, shown.step_ns // 2)
    frames = infrared.thermal_frames()
    before, after = None, next(frames, None)
    for number, (time_ns, rgb) in enumerate(visible):
        seen.to(time_ns)
        while after is not None and after[0] <= time_ns:
            shown.to(after[0])
            before, after = after, next(frames, None)
        candidates = [frame for frame in (before, after) if frame is not None]
        nearest = min(candidates, key=lambda frame: abs(frame[0] - time_ns), default=None)
        if nearest is None or (after is None and shown.has_ended_before(time_ns, seen)):
            problems.append(f"frame {number}: {infrared.path} has ended")
        elif abs(nearest[0] - time_ns) > farthest_ns:
            away_s = abs(nearest[0] - time_ns) / _NANOSECONDS
            expected = f"expected at most {farthest_ns / _NANOSECONDS:.2f} s"
            problems.append(f"frame {number}: the nearest frame of {infrared.path} is {away_s:.2f} s away; {expected}")
        else:
            yield PairedFrame(number, time_ns, rgb, nearest[1])
    for end in ([after] if after else []), frames:
        for time_ns, _ in end:
            shown.to(time_ns)
    if shown.time_ns is not None and seen.has_ended_before(shown.time_ns, shown):
        lasts = f"{infrared.path} goes on to {shown.time_ns / _NANOSECONDS:.2f} s"
        problems.append(f"{visible.path} has ended after {(seen.time_ns or 0) / _NANOSECONDS:.2f} s; {lasts}")
    problems.extend(video.damage for video in (visible, infrared) if video.damage)
