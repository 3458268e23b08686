"""Warns every ten seconds while nothing can be paired, with the likely cause. Knows neither ROS nor clocks."""

from dataclasses import dataclass

_EVERY_S = 10.0


@dataclass(frozen=True)
class InputState:
    """What is known of an input.

    Attributes:
        topic: its resolved name.
        received: frames so far.
        publishers: how many there are now.
        incompatible: publishers whose quality of service does not offer what is asked for.
    """

    topic: str
    received: int
    publishers: int
    incompatible: int


class SyncWatch:
    """Watches the counts of both inputs and of pairs."""

    def __init__(self, now_s: float) -> None:
        """Start at a time on a steady clock."""
        self._since_s = now_s
        self._before = (0, 0, 0)

    def check(
        self, now_s: float, rgb: InputState, thermal: InputState, pairs: int, offset_s: float | None, slop_s: float
    ) -> str | None:
        """Return the warning once in ten seconds without a pair, else None.

        Args:
            now_s: time on the steady clock.
            rgb: the RGB input.
            thermal: the thermal input.
            pairs: found so far.
            offset_s: by how much thermal stamps are ahead of RGB stamps, thermal offset applied; None without both.
            slop_s: largest difference within a pair.
        """
        if now_s - self._since_s < _EVERY_S:
            return None
        now = (rgb.received, thermal.received, pairs)
        # Counts begin anew when the node is configured again.
        new_rgb, new_thermal, new_pairs = (max(a - b, 0) for a, b in zip(now, self._before, strict=True))
        elapsed_s = now_s - self._since_s
        self._since_s, self._before = now_s, now
        if new_pairs:
            return None
        counts = f"{new_rgb} RGB and {new_thermal} thermal frames, no pair in {elapsed_s:.0f} s"
        return f"not synchronised: {counts}; {_cause(rgb, thermal, (new_rgb, new_thermal), offset_s, slop_s)}"


def likely_cause(rgb: InputState, thermal: InputState, offset_s: float | None, slop_s: float) -> str:
    """Return why the frames of two inputs make no pair; see `SyncWatch.check`."""
    return _cause(rgb, thermal, (rgb.received, thermal.received), offset_s, slop_s)


def _cause(
    rgb: InputState, thermal: InputState, received: tuple[int, int], offset_s: float | None, slop_s: float
) -> str:
    silent = [state for state, count in zip((rgb, thermal), received, strict=True) if count == 0]
    if silent:
        return " and ".join(_why_silent(state) for state in silent)
    if offset_s is None or abs(offset_s) <= slop_s:
        return f"stamps do not come within sync.slop, {slop_s} s, of each other"
    return (
        f"thermal stamps are {offset_s:+.3f} s from RGB stamps, beyond sync.slop, {slop_s} s; "
        f"if the clocks differ, add {-offset_s:.3f} to sync.thermal_offset"
    )


def _why_silent(state: InputState) -> str:
    if state.publishers == 0:
        return f"{state.topic} has no publisher"
    if state.incompatible:
        return f"{state.topic} has a publisher that offers best effort only, and reliable is asked for"
    return f"{state.topic} has a publisher, but no frame comes"
