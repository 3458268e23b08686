"""When each pair of a bag would be decided and fused: the node's own pairing and mailbox, on the bag's time."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from epofusion_ros.replay.bag import BagMessage
from epofusion_ros.replay.settings import ReplaySettings
from epofusion_ros.replay.topics import TopicPair
from epofusion_ros.stream.frame_account import Account
from epofusion_ros.stream.intake import Intake, build_pairer
from epofusion_ros.stream.mailbox import Mailbox
from epofusion_ros.stream.pairing import Pair, StreamCount

_NS_PER_S = 1_000_000_000


@dataclass(frozen=True)
class ScheduledPair:
    """A pair and its way through the node, in times of the bag.

    Attributes:
        pair: as the node's pairer has found it.
        decided_ns: when the message was recorded that decided the pair.
        started_ns: when its fusion began, or it was dropped.
        published_ns: when its fused image was there; equal to `started_ns` where no inference time is simulated.
        fate: one of `account.FATES`; "fused" where it is to be fused.
        camera_info: the RGB camera's last calibration before, None where there is none.
        after_reset: the bag's time jumped back before this pair.
    """

    pair: Pair[BagMessage]
    decided_ns: int
    started_ns: int = 0
    published_ns: int = 0
    fate: str = "fused"
    camera_info: Any = None
    after_reset: bool = False


@dataclass
class Schedule:
    """Yields the scheduled pairs of a bag, in the order in which their fate is decided; counts meanwhile.

    Frames that the node would pass through alone count as unmatched: there is nothing of ours to evaluate in them.
    """

    topics: TopicPair
    settings: ReplaySettings
    rgb: StreamCount = field(default_factory=StreamCount)
    thermal: StreamCount = field(default_factory=StreamCount)
    time_resets: int = 0
    _unpaired_rgb: dict[int, int] = field(default_factory=dict)

    def pairs(self, messages: Iterable[BagMessage]) -> Iterator[ScheduledPair]:
        """Yield them; `messages` are those of both image topics and of the calibration, as recorded."""
        if self.settings.inference_ms is None:
            for found in self._found(messages):
                yield replace(found, started_ns=found.decided_ns, published_ns=found.decided_ns)
            return
        worker = _SimulatedWorker(round(self.settings.inference_ms * 1e6), self.settings.parameters.max_input_age)
        for found in self._found(messages):
            yield from worker.offer(found)
        yield from worker.finish()

    def unmatched_rgb(self) -> list[tuple[int, int]]:
        """Return stamp and time of recording, ns, of the RGB images without a partner, not of those that still wait."""
        unpaired = [(stamp_ns, bag_ns) for bag_ns, stamp_ns in self._unpaired_rgb.items()]
        return unpaired[: len(unpaired) - self.rgb.pending]

    def _found(self, messages: Iterable[BagMessage]) -> Iterator[ScheduledPair]:
        """Yield the pairs as the node's intake finds them."""
        found: list[Pair[BagMessage]] = []
        resets: list[float] = []
        pairer = build_pairer(self.settings.parameters)
        self.rgb, self.thermal = pairer.rgb, pairer.thermal
        intake = Intake(
            pairer,
            Account(),
            found.append,
            lambda _, back_s: resets.append(back_s),
            replace(self.settings.parameters, on_missing_rgb="drop", on_missing_thermal="drop"),
        )
        streams = {self.topics.rgb.name: "rgb", self.topics.thermal.name: "thermal"}
        camera_info = None
        for message in messages:
            if message.topic not in streams:
                camera_info = message.message
                continue
            if message.topic == self.topics.rgb.name:
                self._unpaired_rgb[message.bag_ns] = message.stamp_ns
            intake.take(streams[message.topic], message.stamp_ns, message, message.bag_ns / _NS_PER_S)
            for pair in found:
                self._unpaired_rgb.pop(pair.rgb.bag_ns, None)
                yield ScheduledPair(pair, message.bag_ns, camera_info=camera_info, after_reset=bool(resets))
                self.time_resets += len(resets)
                resets.clear()
            found.clear()
        self.time_resets += len(resets)


class _SimulatedWorker:
    """The node's worker behind its mailbox, which takes a given time for each pair."""

    def __init__(self, inference_ns: int, max_input_age_s: float) -> None:
        self._inference_ns, self._max_age_ns = inference_ns, round(max_input_age_s * _NS_PER_S)
        self._mailbox: Mailbox[ScheduledPair] = Mailbox()
        self._waiting: ScheduledPair | None = None
        self._free_ns = -(1 << 62)

    def offer(self, pair: ScheduledPair) -> Iterator[ScheduledPair]:
        """Take a pair when it is decided; yields those whose fate is decided by then."""
        if pair.decided_ns < self._free_ns - self._inference_ns:  # the bag's time has jumped back
            yield from self.finish()
            self._free_ns = pair.decided_ns
        yield from self._work_until(pair.decided_ns)
        superseded = self._waiting
        if self._mailbox.put(pair) and superseded is not None:
            yield replace(superseded, fate="superseded", started_ns=pair.decided_ns, published_ns=pair.decided_ns)
        self._waiting = pair
        yield from self._work_until(pair.decided_ns)

    def finish(self) -> Iterator[ScheduledPair]:
        """Yield what still waits when the bag ends."""
        yield from self._work_until(1 << 62)

    def _work_until(self, now_ns: int) -> Iterator[ScheduledPair]:
        if len(self._mailbox) == 0 or self._free_ns > now_ns:
            return
        pair = self._mailbox.take()
        self._waiting = None
        assert pair is not None
        started_ns = max(self._free_ns, pair.decided_ns)
        if 0 < self._max_age_ns < started_ns - pair.pair.stamp_ns:
            yield replace(pair, fate="stale", started_ns=started_ns, published_ns=started_ns)
            return
        self._free_ns = started_ns + self._inference_ns
        yield replace(pair, started_ns=started_ns, published_ns=self._free_ns)
