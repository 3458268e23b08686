"""From arrival to pair: time resets are seen once, and both accounts hold."""

from epofusion_ros.account import Account
from epofusion_ros.intake import Intake, Job
from epofusion_ros.pairing import Lone, NearestPairer, Pair, PairingLimits
from epofusion_ros.parameters import NodeParameters

MS, S = 1_000_000, 1_000_000_000


class Bench:
    """An intake with all that it needs, and what came out of it."""

    def __init__(self, settings: NodeParameters = NodeParameters()) -> None:  # noqa: B008 - frozen
        self.jobs: list[Job] = []
        self.resets: list[tuple[str, float]] = []
        self.pairer: NearestPairer[int] = NearestPairer(PairingLimits(10 * MS), 5)
        self.account = Account()
        self.intake = Intake(
            self.pairer,
            self.account,
            self.jobs.append,
            lambda name, back_s: self.resets.append((name, back_s)),
            settings,
        )

    @property
    def pairs(self) -> list[Pair[int]]:
        return [job for job in self.jobs if isinstance(job, Pair)]

    @property
    def passed(self) -> list[tuple[str, int]]:
        return [(job.name, job.stamp_ns) for job in self.jobs if isinstance(job, Lone)]

    def take(self, name: str, stamp_ns: int, now_s: float = 0.0) -> None:
        self.intake.take(name, stamp_ns, stamp_ns, now_s)

    def both(self, stamp_ns: int) -> None:
        self.take("rgb", stamp_ns)
        self.take("thermal", stamp_ns)


def test_a_bag_that_loops_is_one_reset_and_pairs_go_on() -> None:
    bench = Bench()
    for index in range(5):
        bench.both(100 * S + index * 33 * MS)
    # One input is ahead of the other when the bag starts anew.
    bench.take("rgb", 100 * S + 165 * MS)
    bench.take("rgb", 50 * S)
    bench.take("thermal", 100 * S + 165 * MS)
    bench.take("rgb", 50 * S + 33 * MS)
    bench.take("thermal", 50 * S)
    for index in range(2, 6):
        bench.both(50 * S + index * 33 * MS)
    assert bench.resets == [("rgb", 50.165)]
    assert bench.account.snapshot(0.0)["time_resets"] == 1
    assert [pair.stamp_ns for pair in bench.pairs[-4:]] == [50 * S + index * 33 * MS for index in range(2, 6)]


def test_every_further_loop_is_counted() -> None:
    bench = Bench()
    for _ in range(3):
        bench.both(10 * S)
        bench.both(15 * S)
    assert [name for name, _ in bench.resets] == ["rgb", "rgb"]
    assert len(bench.pairs) == 6


def test_a_frame_out_of_order_empties_nothing() -> None:
    bench = Bench()
    bench.take("rgb", 10 * S)
    bench.take("rgb", 10 * S - 500 * MS)
    bench.take("thermal", 10 * S)
    assert bench.resets == []
    assert [pair.stamp_ns for pair in bench.pairs] == [10 * S]


def test_frames_and_pairs_are_counted_alike() -> None:
    bench = Bench()
    for index in range(7):
        bench.take("rgb", index * S)
        if index % 2:
            bench.take("thermal", index * S)
    figures = bench.account.snapshot(0.0)
    assert figures["pairs"] == figures["in_flight"] == len(bench.pairs) == bench.pairer.rgb.paired == 3


def test_a_clock_that_goes_back_with_the_stamps_is_one_reset_whichever_comes_first() -> None:
    bench = Bench()
    for loop in range(3):
        bench.both(100 * S)
        if loop % 2:
            bench.intake.clock_went_back(50.0, now_s=float(10 * loop))
            bench.take("rgb", 100 * S, now_s=10 * loop + 0.1)  # a last frame of before
            bench.take("rgb", 50 * S, now_s=10 * loop + 0.2)
        else:
            bench.take("rgb", 50 * S, now_s=float(10 * loop))
            bench.intake.clock_went_back(50.0, now_s=10 * loop + 0.1)
    assert [name for name, _ in bench.resets] == ["rgb", "clock", "rgb"]
    assert bench.account.snapshot(0.0)["time_resets"] == 3


def test_a_clock_that_goes_back_alone_empties_the_queues_and_is_counted() -> None:
    bench = Bench()
    bench.take("rgb", 10 * S)
    bench.intake.clock_went_back(2.0, now_s=0.0)
    bench.take("thermal", 10 * S)
    assert bench.pairs == []
    assert bench.resets == [("clock", 2.0)]
    assert bench.pairer.rgb.unmatched == 1


def test_while_an_input_is_missing_frames_of_the_other_are_handed_on_alone_and_pairs_come_back_by_themselves() -> None:
    bench = Bench(NodeParameters(on_missing_thermal="passthrough", missing_after=0.5))
    bench.take("rgb", 0, 0.0)
    bench.take("thermal", 0, 0.0)
    for index in range(1, 10):
        bench.take("rgb", index * 100 * MS, index * 0.1)
    assert bench.passed == [("rgb", index * 100 * MS) for index in range(6, 10)]
    bench.take("thermal", S, 1.0)
    bench.take("rgb", S, 1.0)
    bench.take("rgb", 1100 * MS, 1.1)
    assert [pair.stamp_ns for pair in bench.pairs] == [0, S]
    assert len(bench.passed) == 4
    rgb = bench.pairer.rgb
    assert (rgb.received, rgb.paired, rgb.passed, rgb.unmatched, rgb.pending) == (12, 2, 4, 5, 1)
    figures = bench.account.snapshot(2.0)
    assert (figures["pairs"], figures["passed"], figures["in_flight"]) == (2, 4, 6)


def test_without_being_asked_no_frame_is_handed_on_alone() -> None:
    bench = Bench()
    for index in range(20):
        bench.take("thermal", index * 100 * MS, index * 0.1)
    assert bench.jobs == []


def test_a_camera_that_never_starts_is_missing_too() -> None:
    bench = Bench(NodeParameters(on_missing_rgb="passthrough", missing_after=0.5))
    for index in range(8):
        bench.take("thermal", index * 100 * MS, index * 0.1)
    assert bench.passed == [("thermal", 600 * MS), ("thermal", 700 * MS)]
