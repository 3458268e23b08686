"""What happens to a frame between its arrival and the mailbox: it is counted, its time is watched, it is paired."""

from collections.abc import Callable
from typing import Any, TypeAlias

from epofusion_ros.parameters.node_parameters import NodeParameters
from epofusion_ros.stream.approximate_pairing import ApproximatePairer
from epofusion_ros.stream.frame_account import Account
from epofusion_ros.stream.pairing import Lone, NearestPairer, Pair, Pairer, PairingLimits

_NS_PER_S = 1_000_000_000
_SAME_RESET_S = 3.0
_OTHER = {"rgb": "thermal", "thermal": "rgb"}

Job: TypeAlias = "Pair[Any] | Lone[Any]"
"""What the worker is given."""


def pairing_limits(settings: NodeParameters) -> PairingLimits:
    """Return what the parameters allow to be a pair."""
    age_s = settings.sync_max_thermal_age if settings.sync_reuse_thermal else 0.0
    seconds = (settings.sync_slop, settings.sync_thermal_offset, age_s)
    return PairingLimits(*(round(each * _NS_PER_S) for each in seconds))


def build_pairer(settings: NodeParameters) -> Pairer:
    """Return the pairer of `sync.policy`.

    Raises:
        ValueError: the policy needs what is not installed.
    """
    build = ApproximatePairer if settings.sync_policy == "approximate" else NearestPairer
    return build(pairing_limits(settings), settings.sync_queue_size)


class Intake:
    """Takes the frames of both inputs and hands on the pairs. For one thread at a time, the executor's.

    Time that goes back by more than a threshold means that a bag loops: what waits is dropped, since it can have no
    partner any more. An input that follows the other into the past, after a last frame of before, is no second reset;
    nor is a clock that goes back with the stamps.

    While an input is missing, the frames of the other are handed on alone where the parameters say so.
    """

    def __init__(
        self,
        pairer: Pairer,
        account: Account,
        hand_on: Callable[[Any], None],
        on_reset: Callable[[str, float], None],
        settings: NodeParameters,
    ) -> None:
        """Set what it works with.

        Args:
            pairer: of the policy that is asked for.
            account: where frames and pairs are counted.
            hand_on: called with each `Job`, in order.
            on_reset: called with what went back, an input's name or "clock", and by how many seconds.
            settings: of which sync.reset_threshold and those of missing inputs count here.
        """
        self._pairer, self._account = pairer, account
        self._hand_on, self._on_reset = hand_on, on_reset
        self._settings = settings
        self._newest_ns: dict[str, int] = {}
        self._arrived_s: dict[str, float] = {}
        self._ahead_s: dict[str, float] = {}
        self._passing = False
        self._counted_reset: tuple[bool, float] | None = None

    @property
    def stamp_offset_s(self) -> float | None:
        """By how much thermal stamps are ahead of RGB stamps, s, were both taken at one moment; None without both.

        Each stamp is compared with the arrival of its frame: the newest stamps of both alone differ by as much as a
        frame interval, 0.1 s for slow cameras, depending on which of them came last.
        """
        if not self._ahead_s.keys() >= {"rgb", "thermal"}:
            return None
        return self._ahead_s["thermal"] - self._ahead_s["rgb"]

    def tune(self, settings: NodeParameters) -> None:
        """Work with other parameters from now on; the pairer's limits are set by its owner."""
        self._settings = settings

    def take(self, name: str, stamp_ns: int, frame: Any, now_s: float) -> None:  # noqa: ANN401 - any stamped message
        """Take a frame of input "rgb" or "thermal", at a time on a steady clock."""
        self._account.arrived(name, now_s)
        self._ahead_s[name] = stamp_ns / _NS_PER_S - now_s
        self._watch_time(name, stamp_ns, now_s)
        if self._is_to_pass(name, now_s):
            count = self._pairer.rgb if name == "rgb" else self._pairer.thermal
            count.received += 1
            count.passed += 1
            self._account.passed()
            self._hand_on(Lone(name, stamp_ns, frame))
            return
        add = self._pairer.add_rgb if name == "rgb" else self._pairer.add_thermal
        for pair in add(stamp_ns, frame):
            self._account.paired()
            self._hand_on(pair)

    def clock_went_back(self, back_s: float, now_s: float) -> None:
        """Take note that the node's clock went back by more than the threshold, at a time on a steady clock."""
        self._newest_ns.clear()
        self._reset("clock", back_s, now_s)

    def _is_to_pass(self, name: str, now_s: float) -> bool:
        """Tell whether a frame is to be handed on alone; frames that wait for the missing input end there."""
        settings = self._settings
        other = _OTHER[name]
        self._arrived_s[name] = now_s
        silent_s = now_s - self._arrived_s.setdefault(other, now_s)
        on_missing = settings.on_missing_thermal if name == "rgb" else settings.on_missing_rgb
        passes = on_missing == "passthrough" and silent_s > settings.missing_after
        if passes and not self._passing:
            self._pairer.reset()
        self._passing = passes
        return passes

    def _watch_time(self, name: str, stamp_ns: int, now_s: float) -> None:
        newest_ns = self._newest_ns.get(name, stamp_ns)
        back_ns = newest_ns - stamp_ns
        threshold_ns = round(self._settings.sync_reset_threshold * _NS_PER_S)
        if back_ns <= threshold_ns:
            self._newest_ns[name] = max(newest_ns, stamp_ns)
            return
        follows = any(
            other != name and abs(other_ns - stamp_ns) <= threshold_ns for other, other_ns in self._newest_ns.items()
        )
        self._newest_ns = {name: stamp_ns}
        if follows:
            self._pairer.reset()
        else:
            self._reset(name, back_ns / _NS_PER_S, now_s)

    def _reset(self, name: str, back_s: float, now_s: float) -> None:
        """Forget the past; count it, unless clock and stamps, which go back together, have been counted already."""
        self._pairer.reset()
        by_clock = name == "clock"
        counted, self._counted_reset = self._counted_reset, None
        if counted and counted[0] != by_clock and now_s - counted[1] <= _SAME_RESET_S:
            return
        self._counted_reset = (by_clock, now_s)
        self._account.time_reset()
        self._on_reset(name, back_s)
