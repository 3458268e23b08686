"""When each pair of a bag would be decided and fused: the node's own pairing and mailbox, on the bag's time."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from epofusion_ros.replay.bag import BagMessage
from epofusion_ros.replay.settings import ReplaySettings
from epofusion_ros.replay.topics import TopicPair
from epofusion_ros.stream.frame_account import Account, Fate
from epofusion_ros.stream.fuse_job import is_stale
from epofusion_ros.stream.intake import Intake
from epofusion_ros.stream.job import Job
from epofusion_ros.stream.mailbox import Mailbox
from epofusion_ros.stream.pairing import FramePair, StreamCount

_NS_PER_S = 1_000_000_000


@dataclass(frozen=True)
class ScheduledPair:
    """A pair and its way through the node, in times of the bag.

    Attributes:
        job: as the node's intake has given it out.
        decided_ns: when the message was recorded that decided the pair.
        started_ns: when its fusion began, or it was dropped.
        published_ns: when its fused image was there; equal to `started_ns` where no inference time is simulated.
        fate: FUSED where it is to be fused.
        camera_info: the RGB camera's calibration at the stamp, of those recorded up to the decision; None without.
    """

    job: Job
    decided_ns: int
    started_ns: int = 0
    published_ns: int = 0
    fate: Fate = Fate.FUSED
    camera_info: Any = None

    @property
    def pair(self) -> FramePair[BagMessage]:
        """The frames of the job."""
        assert isinstance(self.job.frames, FramePair), "a replay passes no frame through"
        return self.job.frames

    @property
    def size(self) -> int:
        """Bytes of the images."""
        return len(self.pair.rgb.message.data) + len(self.pair.thermal.message.data)

    @property
    def node_job(self) -> Job:
        """The job as the node's worker would have it: with the messages alone, not when they were recorded."""
        pair = self.pair
        return replace(self.job, frames=replace(pair, rgb=pair.rgb.message, thermal=pair.thermal.message))


@dataclass
class Schedule:
    """Yields the scheduled pairs of a bag, in the order in which their fate is decided; counts meanwhile.

    Frames that the node would pass through alone count as unmatched: there is nothing of ours to evaluate in them.

    Attributes:
        topics: of the images.
        settings: of the replay.
        rgb, thermal: what became of the frames.
        time_resets: how often time jumped back.
        stamp_offset_s: by how much thermal stamps are ahead of RGB stamps, as `Intake` has it.
        last_two_ns: stamps of the last two frames of each input, "rgb" and "thermal", as `Intake` has them.
    """

    topics: TopicPair
    settings: ReplaySettings
    rgb: StreamCount = field(default_factory=StreamCount)
    thermal: StreamCount = field(default_factory=StreamCount)
    time_resets: int = 0
    stamp_offset_s: float | None = None
    last_two_ns: dict[str, tuple[int, int] | None] = field(default_factory=dict)
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
        parameters = replace(self.settings.parameters, on_missing_rgb="drop", on_missing_thermal="drop")
        intake = Intake(parameters, Account(), self._count_reset)
        self.rgb, self.thermal = intake.rgb, intake.thermal
        streams = {self.topics.rgb.name: "rgb", self.topics.thermal.name: "thermal"}
        by_arrival = parameters.sync.stamps == "arrival"
        for message in messages:
            stamp_ns = message.bag_ns if by_arrival else message.stamp_ns
            if message.topic not in streams:
                intake.take_camera_info(stamp_ns, message.message)
                continue
            if message.topic == self.topics.rgb.name:
                self._unpaired_rgb[message.bag_ns] = stamp_ns
            for job in intake.take(streams[message.topic], stamp_ns, message, message.bag_ns / _NS_PER_S):
                found = ScheduledPair(job, message.bag_ns, camera_info=job.camera_info())
                self._unpaired_rgb.pop(found.pair.rgb.bag_ns, None)
                yield found
        self.stamp_offset_s = intake.stamp_offset_s
        self.last_two_ns = {name: intake.last_two_ns(name) for name in streams.values()}

    def _count_reset(self, _name: str, _back_s: float) -> None:
        self.time_resets += 1


class _SimulatedWorker:
    """The node's worker behind its mailbox, which takes a given time for each pair."""

    def __init__(self, inference_ns: int, max_input_age_s: float) -> None:
        self._inference_ns, self._max_input_age_s = inference_ns, max_input_age_s
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
            yield replace(superseded, fate=Fate.SUPERSEDED, started_ns=pair.decided_ns, published_ns=pair.decided_ns)
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
        if is_stale((started_ns - pair.job.stamp_ns) / _NS_PER_S, self._max_input_age_s):
            yield replace(pair, fate=Fate.STALE, started_ns=started_ns, published_ns=started_ns)
            return
        self._free_ns = started_ns + self._inference_ns
        yield replace(pair, started_ns=started_ns, published_ns=self._free_ns)
