"""What happens to a frame between its arrival and the mailbox: it is counted, its time is watched, it is paired."""

from collections.abc import Callable
from typing import Any

from epofusion_ros.parameters.node_parameters import NodeParameters, Sync
from epofusion_ros.stream.approximate_pairing import ApproximatePairer
from epofusion_ros.stream.frame_account import Account
from epofusion_ros.stream.job import CameraInfos, Job
from epofusion_ros.stream.nearest_pairing import NearestPairer
from epofusion_ros.stream.pairing import FramePair, Pairer, PairingLimits, SingleFrame, StreamCount

_NS_PER_S = 1_000_000_000
_MB = 1_000_000
_SAME_RESET_S = 3.0
_OTHER = {"rgb": "thermal", "thermal": "rgb"}


def _limits(sync: Sync) -> PairingLimits:
    """Return what the parameters allow to be a pair."""
    age_s = sync.max_thermal_age if sync.reuse_thermal else 0.0
    seconds = (sync.slop, sync.thermal_offset, age_s)
    return PairingLimits(*(round(each * _NS_PER_S) for each in seconds))


def _build_pairer(sync: Sync) -> Pairer:
    build = ApproximatePairer if sync.policy == "approximate" else NearestPairer
    return build(_limits(sync), sync.queue_size, sync.queue_memory * _MB)


class Intake:
    """Takes the frames of both inputs and gives out what is to be fused. For one thread at a time, the executor's.

    Time that goes back by more than a threshold means that a bag loops: what waits is dropped, since it can have no
    partner any more. An input that follows the other into the past, after a last frame of before, is no second reset;
    nor is a clock that goes back with the stamps.

    While an input is missing, the frames of the other are given out alone where the parameters say so.
    """

    def __init__(self, parameters: NodeParameters, account: Account, on_reset: Callable[[str, float], None]) -> None:
        """Set what it works with.

        Args:
            parameters: of the node; those of `sync` and of missing inputs count here.
            account: where frames and pairs are counted.
            on_reset: called with what went back, an input's name or "clock", and by how many seconds.

        Raises:
            ValueError: `sync.policy` needs what is not installed.
        """
        self._parameters = parameters
        self._pairer = _build_pairer(parameters.sync)
        self._account, self._on_reset = account, on_reset
        self._epoch = 0
        self._forget()

    def _forget(self) -> None:
        self._newest_ns: dict[str, int] = {}
        self._last_two_ns: dict[str, tuple[int | None, int]] = {}
        self._arrived_s: dict[str, float] = {}
        self._ahead_s: dict[str, float] = {}
        self._passing = False
        self._counted_reset: tuple[bool, float] | None = None
        self._camera_infos = CameraInfos()

    @property
    def rgb(self) -> StreamCount:
        """What became of the RGB frames."""
        return self._pairer.rgb

    @property
    def thermal(self) -> StreamCount:
        """What became of the thermal frames."""
        return self._pairer.thermal

    @property
    def stamp_offset_s(self) -> float | None:
        """By how much thermal stamps are ahead of RGB stamps, s, were both taken at one moment; None without both.

        Each stamp is compared with the arrival of its frame: the newest stamps of both alone differ by as much as a
        frame interval, 0.1 s for slow cameras, depending on which of them came last.
        """
        if not self._ahead_s.keys() >= {"rgb", "thermal"}:
            return None
        return self._ahead_s["thermal"] - self._ahead_s["rgb"]

    def last_two_ns(self, name: str) -> tuple[int, int] | None:
        """Return the stamps of an input's last two frames, the newest last; None before they have come."""
        before_ns, last_ns = self._last_two_ns.get(name, (None, 0))
        return None if before_ns is None else (before_ns, last_ns)

    def tune(self, parameters: NodeParameters) -> None:
        """Work with other live parameters from now on."""
        self._parameters = parameters
        self._pairer.limit(_limits(parameters.sync))

    def restart(self) -> None:
        """Begin a new stream: what came before is forgotten, and what waits counts as unmatched."""
        self._pairer.reset()
        self._forget()
        self._epoch += 1

    def take_camera_info(self, stamp_ns: int, camera_info: Any) -> None:  # noqa: ANN401 - of ROS or of a bag
        """Take a calibration of the RGB camera."""
        self._camera_infos.add(stamp_ns, camera_info)

    def take(self, name: str, stamp_ns: int, frame: Any, now_s: float) -> list[Job]:  # noqa: ANN401 - any message
        """Take a frame of input "rgb" or "thermal", at a time on a steady clock; returns what is decided now."""
        self._account.arrived(name, now_s)
        self._ahead_s[name] = stamp_ns / _NS_PER_S - now_s
        self._last_two_ns[name] = (self._last_two_ns.get(name, (None, None))[1], stamp_ns)
        self._watch_time(name, stamp_ns, now_s)
        if self._is_to_pass(name, now_s):
            count = self.rgb if name == "rgb" else self.thermal
            count.received += 1
            count.passed += 1
            self._account.passed()
            return [self._job(SingleFrame(name, stamp_ns, frame))]
        add = self._pairer.add_rgb if name == "rgb" else self._pairer.add_thermal
        pairs = add(stamp_ns, frame)
        for _ in pairs:
            self._account.paired()
        return [self._job(pair) for pair in pairs]

    def clock_went_back(self, back_s: float, now_s: float) -> None:
        """Take note that the node's clock went back by more than the threshold, at a time on a steady clock."""
        self._newest_ns.clear()
        self._reset("clock", back_s, now_s)

    def _job(self, frames: FramePair[Any] | SingleFrame[Any]) -> Job:
        return Job(frames, self._epoch, self._camera_infos)

    def _is_to_pass(self, name: str, now_s: float) -> bool:
        """Tell whether a frame is to be given out alone; frames that wait for the missing input end there."""
        parameters = self._parameters
        other = _OTHER[name]
        self._arrived_s[name] = now_s
        silent_s = now_s - self._arrived_s.setdefault(other, now_s)
        on_missing = parameters.on_missing_thermal if name == "rgb" else parameters.on_missing_rgb
        passes = on_missing == "passthrough" and silent_s > parameters.missing_after
        if passes and not self._passing:
            self._pairer.reset()
        self._passing = passes
        return passes

    def _watch_time(self, name: str, stamp_ns: int, now_s: float) -> None:
        newest_ns = self._newest_ns.get(name, stamp_ns)
        back_ns = newest_ns - stamp_ns
        threshold_ns = round(self._parameters.sync.reset_threshold * _NS_PER_S)
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
        self._epoch += 1
        self._account.time_reset()
        self._on_reset(name, back_s)
