"""Which frames of a demo are worth a look."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from epofusion_core.report.apart import APART_NS, apart
from epofusion_ros.demo.recording import FusedFrame

_ON_THE_WAY = "on the way"


@dataclass(frozen=True)
class Highlight:
    """A frame to look at.

    Attributes:
        number: of the fused frame, from 0 on.
        frame: itself.
        reason: why it is shown.
    """

    number: int
    frame: FusedFrame
    reason: str


def highlights(frames: Sequence[FusedFrame], at_most: int) -> list[Highlight]:
    """Return frames at least a second apart: for each reason the first that fits, then some on the way.

    Args:
        frames: fused frames by stamp, at least one.
        at_most: how many are returned.
    """
    ranked = {reason: _ranked(frames, score) for reason, score in _REASONS.items()}
    ranked[_ON_THE_WAY] = np.linspace(0, len(frames) - 1, at_most).round().astype(int).tolist()
    chosen: list[Highlight] = []
    for reason, numbers in ranked.items():
        wanted = len(chosen) + 1 if reason in _REASONS else at_most
        candidates = [Highlight(number, frames[number], reason) for number in numbers]
        chosen = apart([*chosen, *candidates], _are_near, min(wanted, at_most))
    return chosen


def look_at_first(shown: Sequence[Highlight]) -> list[Highlight]:
    """Return those that are shown for a reason."""
    return [each for each in shown if each.reason != _ON_THE_WAY]


def overexposed(frame: FusedFrame) -> float:
    """Return the share of a frame that is blown out, in [0, 1]."""
    return _share(frame, "overexposure_mask")


def _share(frame: FusedFrame, mask: str) -> float:
    return float((frame.pictures[mask] >= 128).mean()) if mask in frame.pictures else 0.0


_REASONS: dict[str, Callable[[FusedFrame], float]] = {
    "most overexposed": overexposed,
    "most found in the glare": lambda frame: _share(frame, "guidance_mask"),
    "oldest on arrival": lambda frame: frame.age_ms,
}


def _ranked(frames: Sequence[FusedFrame], score: Callable[[FusedFrame], float]) -> list[int]:
    """Return the numbers of the frames with a score above 0, the highest first."""
    scores = [score(frame) for frame in frames]
    return sorted((number for number, value in enumerate(scores) if value > 0), key=lambda number: -scores[number])


def _are_near(first: Highlight, second: Highlight) -> bool:
    return abs(first.frame.stamp_ns - second.frame.stamp_ns) < APART_NS
