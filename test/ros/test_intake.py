"""From arrival to pair: time resets are seen once, and both accounts hold."""

from epofusion_ros.account import Account
from epofusion_ros.intake import Intake
from epofusion_ros.pairing import NearestPairer, Pair

MS, S = 1_000_000, 1_000_000_000


class Bench:
    """An intake with all that it needs, and what came out of it."""

    def __init__(self) -> None:
        self.pairs: list[Pair[int]] = []
        self.resets: list[tuple[str, float]] = []
        self.pairer: NearestPairer[int] = NearestPairer(10 * MS, 5)
        self.account = Account()
        self.intake = Intake(
            self.pairer, self.account, self.pairs.append, lambda name, back_s: self.resets.append((name, back_s)), 1.0
        )

    def take(self, name: str, stamp_ns: int) -> None:
        self.intake.take(name, stamp_ns, stamp_ns, now_s=0.0)

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
