"""Warns every ten seconds while nothing can be paired, with the likely cause. Knows neither ROS nor clocks."""

from dataclasses import dataclass

from epofusion_ros.stream.stamp_clock import BY_ARRIVAL, Stamps, foreign_clock, missing_stamps

_EVERY_S = 10.0


@dataclass(frozen=True)
class InputState:
    """What is known of an input.

    Attributes:
        topic: its resolved name.
        received: frames so far.
        publishers: how many there are now.
        incompatible: publishers whose quality of service does not offer what is asked for.
        last_two_ns: stamps of the last two frames, the newest last; None before they have come.
        types: of the messages that are asked for, and that some publisher offers instead; None where all agree.
    """

    topic: str
    received: int
    publishers: int
    incompatible: int
    last_two_ns: tuple[int, int] | None = None
    types: tuple[str, str] | None = None


@dataclass(frozen=True)
class Timing:
    """How the stamps of both inputs lie, and what may be a pair.

    Attributes:
        offset_s: by how much thermal stamps are ahead of RGB stamps, thermal offset applied; None without both.
        slop_s: largest difference within a pair.
        policy: of the pairing, `sync.policy`.
    """

    offset_s: float | None
    slop_s: float
    policy: str = "nearest"


class SyncWatch:
    """Watches the counts of both inputs and of pairs."""

    def __init__(self, now_s: float) -> None:
        """Start at a time on a steady clock."""
        self._since_s = now_s
        self._before = (0, 0, 0)

    def check(self, now_s: float, rgb: InputState, thermal: InputState, pairs: int, timing: Timing) -> str | None:
        """Return the warning once in ten seconds without a pair, else None.

        Args:
            now_s: time on the steady clock.
            rgb: the RGB input.
            thermal: the thermal input.
            pairs: found so far.
            timing: of their stamps.
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
        silent = {name: s for name, s, new in (("rgb", rgb, new_rgb), ("thermal", thermal, new_thermal)) if not new}
        why = " and ".join(_why_silent(name, state) for name, state in silent.items())
        return f"not synchronised: {counts}; {why or why_unpaired(rgb, thermal, timing)}"


def why_unpaired(rgb: InputState, thermal: InputState, timing: Timing) -> str:
    """Return the likely cause why frames of both inputs do not pair, and what to do."""
    clocks = [Stamps(each.topic, each.last_two_ns) for each in (rgb, thermal) if each.last_two_ns]
    if still := missing_stamps(clocks):
        return still
    offset_s, slop_s = timing.offset_s, timing.slop_s
    if offset_s is None or abs(offset_s) <= slop_s:
        return f"stamps do not come within sync.slop, {slop_s} s, of each other"
    apart = f"thermal stamps are {offset_s:+.3f} s from RGB stamps, beyond sync.slop, {slop_s} s"
    foreign = foreign_clock(clocks[0], clocks[1], offset_s) if len(clocks) == 2 else None
    why, between_s = foreign or ("", offset_s)
    shift = f"add {-between_s:.3f} to sync.thermal_offset"
    if timing.policy != "nearest":
        shift = f"set sync.policy: nearest and {shift}"
    return f"{apart}: {why}; {shift}, or {BY_ARRIVAL}" if why else f"{apart}; if the clocks differ, {shift}"


def _why_silent(name: str, state: InputState) -> str:
    if state.types:
        wanted, offered = state.types
        other = "raw" if wanted.endswith("CompressedImage") else "compressed"
        return f"{state.topic} is published as {offered}, and {wanted} is expected; {name}.transport: {other} may fit"
    if state.publishers == 0:
        return f"{state.topic} has no publisher"
    if state.incompatible:
        return f"{state.topic} has a publisher that offers best effort only, and reliable is asked for"
    return f"{state.topic} has a publisher, but no frame comes"
