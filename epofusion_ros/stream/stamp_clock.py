"""Which clocks the inputs are stamped by, as far as their stamps tell: none, one that counts from a start, or TAI."""

from collections.abc import Sequence
from dataclasses import dataclass

_NS_PER_S = 1_000_000_000
_EARLIEST_DATE_NS = 1_000_000_000 * _NS_PER_S
"""In 2001: a smaller stamp is no date but a time since something was started."""

_KNOWN_DIFFERENCES_S = {
    37.0: "as TAI, which PTP distributes, is ahead of UTC",
    18.0: "as GPS time is ahead of UTC",
    19.0: "as TAI, which PTP distributes, is ahead of GPS time",
}
_TIME_ZONE_STEP_S, _WIDEST_TIME_ZONES_S = 900.0, 26 * 3600.0
_TOLERANCE_S = 0.5
"""Stamps are compared by the arrivals of their frames, which drivers and networks delay."""

BY_ARRIVAL = "sync.stamps: arrival pairs by arrival"


@dataclass(frozen=True)
class Stamps:
    """The stamps of an input.

    Attributes:
        topic: its resolved name.
        last_two_ns: stamps of the last two frames, the newest last.
    """

    topic: str
    last_two_ns: tuple[int, int]

    @property
    def stands_still(self) -> bool:
        """Two frames in succession have one stamp."""
        return self.last_two_ns[0] == self.last_two_ns[1]

    @property
    def is_date(self) -> bool:
        """The stamp counts from 1970, as far as its size tells."""
        return self.last_two_ns[1] >= _EARLIEST_DATE_NS


def missing_stamps(inputs: Sequence[Stamps]) -> str | None:
    """Name the inputs whose stamps stand still, since their drivers do not stamp; None where all go on."""
    still = [each for each in inputs if each.stands_still]
    if not still:
        return None
    said = " and ".join(f"every stamp of {each.topic} is {_in_seconds(each.last_two_ns[1])}" for each in still)
    return f"{said}: the driver does not stamp; {BY_ARRIVAL}"


def foreign_clock(rgb: Stamps, thermal: Stamps, offset_s: float) -> tuple[str, float] | None:
    """Name the clocks behind an offset of thermal stamps to RGB stamps; None where it fits none that is known.

    Args:
        rgb: stamps of the RGB input.
        thermal: stamps of the thermal input.
        offset_s: by how much thermal stamps are ahead, as measured, seconds.

    Returns:
        What the clocks are, and the offset as it is between such clocks, seconds.
    """
    from_start = [each.topic for each in (rgb, thermal) if not each.is_date]
    if from_start:
        who = f"{from_start[0]} is" if len(from_start) == 1 else "both are"
        return f"{who} stamped with the time since boot, or since another start, and not since 1970", offset_s
    ahead, sign = (thermal.topic, 1) if offset_s > 0 else (rgb.topic, -1)
    for difference_s, why in _KNOWN_DIFFERENCES_S.items():
        if abs(abs(offset_s) - difference_s) <= _TOLERANCE_S:
            return f"{ahead} is {difference_s:.0f} s ahead, {why}", sign * difference_s
    zones_s = round(abs(offset_s) / _TIME_ZONE_STEP_S) * _TIME_ZONE_STEP_S
    if 0 < zones_s <= _WIDEST_TIME_ZONES_S and abs(abs(offset_s) - zones_s) <= _TOLERANCE_S:
        return f"{ahead} is {zones_s / 3600:g} h ahead, as local time may be of UTC", sign * zones_s
    return None


def _in_seconds(stamp_ns: int) -> str:
    return f"{stamp_ns / _NS_PER_S:.3f} s" if stamp_ns else "0"
