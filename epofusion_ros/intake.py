"""What happens to a frame between its arrival and the mailbox: it is counted, its time is watched, it is paired."""

from collections.abc import Callable
from typing import Any

from epofusion_ros.account import Account
from epofusion_ros.approximate import ApproximatePairer
from epofusion_ros.pairing import NearestPairer, Pair, Pairer
from epofusion_ros.parameters import NodeParameters

_NS_PER_S = 1_000_000_000


def build_pairer(settings: NodeParameters) -> Pairer:
    """Return the pairer of `sync.policy`.

    Raises:
        ValueError: the policy needs what is not installed, or does not go with another parameter.
    """
    slop_ns, offset_ns = (round(s * _NS_PER_S) for s in (settings.sync_slop, settings.sync_thermal_offset))
    build = ApproximatePairer if settings.sync_policy == "approximate" else NearestPairer
    return build(slop_ns, settings.sync_queue_size, offset_ns)


class Intake:
    """Takes the frames of both inputs and hands on the pairs. For one thread at a time, the executor's.

    Time that goes back by more than a threshold means that a bag loops: what waits is dropped, since it can have no
    partner any more. An input that follows the other into the past, after a last frame of before, is no second reset.
    """

    def __init__(
        self,
        pairer: Pairer,
        account: Account,
        hand_on: Callable[[Pair[Any]], None],
        on_reset: Callable[[str, float], None],
        reset_threshold_s: float,
    ) -> None:
        """Set what it works with.

        Args:
            pairer: of the policy that is asked for.
            account: where frames and pairs are counted.
            hand_on: called with each pair, in order.
            on_reset: called with the input's name and the seconds that its time went back.
            reset_threshold_s: going back by less is a frame out of order.
        """
        self._pairer, self._account = pairer, account
        self._hand_on, self._on_reset = hand_on, on_reset
        self._threshold_ns = round(reset_threshold_s * _NS_PER_S)
        self._newest_ns: dict[str, int] = {}

    @property
    def stamp_offset_s(self) -> float | None:
        """Newest thermal stamp minus newest RGB stamp, s; None without both."""
        newest_ns = self._newest_ns
        if not newest_ns.keys() >= {"rgb", "thermal"}:
            return None
        return (newest_ns["thermal"] - newest_ns["rgb"]) / _NS_PER_S

    def take(self, name: str, stamp_ns: int, frame: Any, now_s: float) -> None:  # noqa: ANN401 - any stamped message
        """Take a frame of input "rgb" or "thermal", at a time on a steady clock."""
        self._account.arrived(name, now_s)
        self._watch_time(name, stamp_ns)
        add = self._pairer.add_rgb if name == "rgb" else self._pairer.add_thermal
        for pair in add(stamp_ns, frame):
            self._account.paired()
            self._hand_on(pair)

    def _watch_time(self, name: str, stamp_ns: int) -> None:
        newest_ns = self._newest_ns.get(name, stamp_ns)
        back_ns = newest_ns - stamp_ns
        if back_ns <= self._threshold_ns:
            self._newest_ns[name] = max(newest_ns, stamp_ns)
            return
        follows = any(
            other != name and abs(other_ns - stamp_ns) <= self._threshold_ns
            for other, other_ns in self._newest_ns.items()
        )
        self._newest_ns = {name: stamp_ns}
        self._pairer.reset()
        if not follows:
            self._account.time_reset()
            self._on_reset(name, back_ns / _NS_PER_S)
