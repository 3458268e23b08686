"""From arrival to pair: time resets are seen once, and both accounts hold."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from epofusion_ros.parameters.node_parameters import NodeParameters, from_values
from epofusion_ros.stream.frame_account import Account
from epofusion_ros.stream.intake import Intake
from epofusion_ros.stream.job import Job
from epofusion_ros.stream.pairing import FramePair, SingleFrame

MS, S = 1_000_000, 1_000_000_000


class Bench:
    """An intake with all that it needs, and what came out of it."""

    def __init__(self, parameters: NodeParameters = NodeParameters()) -> None:  # noqa: B008 - frozen
        self.jobs: list[Job] = []
        self.resets: list[tuple[str, float]] = []
        self.account = Account()
        self.intake = Intake(parameters, self.account, lambda name, back_s: self.resets.append((name, back_s)))

    @property
    def pairs(self) -> list[FramePair[int]]:
        return [job.frames for job in self.jobs if isinstance(job.frames, FramePair)]

    @property
    def passed(self) -> list[tuple[str, int]]:
        return [(job.frames.name, job.stamp_ns) for job in self.jobs if isinstance(job.frames, SingleFrame)]

    def take(self, name: str, stamp_ns: int, now_s: float = 0.0) -> None:
        self.jobs += self.intake.take(name, stamp_ns, stamp_ns, now_s)

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
    assert figures["pairs"] == figures["in_flight"] == len(bench.pairs) == bench.intake.rgb.paired == 3


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
    assert bench.intake.rgb.unmatched == 1


def test_while_an_input_is_missing_frames_of_the_other_are_given_out_alone_and_pairs_come_back_by_themselves() -> None:
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
    rgb = bench.intake.rgb
    assert (rgb.received, rgb.paired, rgb.passed, rgb.unmatched, rgb.pending) == (12, 2, 4, 5, 1)
    figures = bench.account.snapshot(2.0)
    assert (figures["pairs"], figures["passed"], figures["in_flight"]) == (2, 4, 6)


def test_without_being_asked_no_frame_is_given_out_alone() -> None:
    bench = Bench()
    for index in range(20):
        bench.take("thermal", index * 100 * MS, index * 0.1)
    assert bench.jobs == []


def test_a_camera_that_never_starts_is_missing_too() -> None:
    bench = Bench(NodeParameters(on_missing_rgb="passthrough", missing_after=0.5))
    for index in range(8):
        bench.take("thermal", index * 100 * MS, index * 0.1)
    assert bench.passed == [("thermal", 600 * MS), ("thermal", 700 * MS)]


@settings(max_examples=200, deadline=None)
@given(
    offset_ms=st.integers(-5000, 5000),
    intervals_ms=st.tuples(st.integers(16, 200), st.integers(16, 200)),
    phase_ms=st.integers(0, 200),
    frames=st.integers(2, 60),
    delays_ms=st.lists(st.integers(0, 3), min_size=2, max_size=8),
)
def test_the_offset_of_stamps_is_measured_whatever_the_rates_and_phases(
    offset_ms: int, intervals_ms: tuple[int, int], phase_ms: int, frames: int, delays_ms: list[int]
) -> None:
    bench = Bench()
    assert bench.intake.stamp_offset_s is None
    taken = [("rgb", index * intervals_ms[0]) for index in range(frames)]
    taken += [("thermal", phase_ms + index * intervals_ms[1]) for index in range(frames)]
    for number, (name, at_ms) in enumerate(sorted(taken, key=lambda each: each[1])):
        stamp_ns = (100_000 + at_ms + (offset_ms if name == "thermal" else 0)) * MS
        bench.take(name, stamp_ns, (at_ms + delays_ms[number % len(delays_ms)]) / 1e3)
    assert bench.intake.stamp_offset_s == pytest.approx(offset_ms / 1e3, abs=0.0031)


def test_a_node_that_is_activated_again_begins_a_new_stream_and_keeps_its_counts() -> None:
    bench = Bench()
    bench.both(10 * S)
    bench.intake.take_camera_info(10 * S, "of before")
    bench.take("rgb", 11 * S)
    bench.intake.restart()
    bench.both(5 * S)
    assert bench.resets == [], "time has not gone back within a stream"
    assert [job.epoch for job in bench.jobs] == [0, 1]
    assert bench.jobs[-1].camera_info() is None
    assert (bench.intake.rgb.received, bench.intake.rgb.paired, bench.intake.rgb.unmatched) == (3, 2, 1)


def test_live_parameters_reach_the_pairing() -> None:
    bench = Bench()
    bench.take("rgb", 10 * S)
    bench.intake.tune(from_values({"sync.slop": 0.5}))
    bench.take("thermal", 10 * S + 400 * MS)
    bench.take("rgb", 11 * S)
    assert [pair.delta_ns for pair in bench.pairs] == [400 * MS]
