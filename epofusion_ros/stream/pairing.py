"""Pairing of RGB and thermal frames by stamp, on integer nanoseconds: what every policy takes and gives.

A frame is given in with its stamp and comes out once: in a pair, or counted as unmatched. Pairs are returned to the
caller, so that none of its code runs inside the pairer. A pairer is not thread-safe; the node's callbacks
exclude one another.
"""

from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar

T = TypeVar("T")


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
