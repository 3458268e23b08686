"""Pairing by stamp: rules that hold for any streams in any order of arrival."""

from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from epofusion_ros.pairing import NearestPairer, Pair

MS = 1_000_000


@st.composite
def arrivals(draw: st.DrawFn) -> list[tuple[str, int]]:
    """Frames of both inputs with any stamps, repeated and out of order too, in any order of arrival."""
    stamps = st.lists(st.integers(-50, 400), max_size=40)
    frames = [("rgb", stamp * MS) for stamp in draw(stamps)] + [("thermal", stamp * MS) for stamp in draw(stamps)]
    return draw(st.permutations(frames))


def play(pairer: NearestPairer[int], frames: list[tuple[str, int]]) -> list[Pair[int]]:
    pairs = []
    for name, stamp in frames:
        pairs += pairer.add_rgb(stamp, stamp) if name == "rgb" else pairer.add_thermal(stamp, stamp)
    return pairs


@settings(max_examples=300, deadline=None)
@given(frames=arrivals(), slop=st.integers(0, 60), queue=st.integers(1, 8), offset=st.integers(-30, 30))
def test_any_arrival_keeps_slop_order_memory_and_the_account(
    frames: list[tuple[str, int]], slop: int, queue: int, offset: int
) -> None:
    pairer: NearestPairer[int] = NearestPairer(slop * MS, queue, offset * MS)
    pairs: list[Pair[int]] = []
    for frame in frames:
        pairs += play(pairer, [frame])
        assert pairer.rgb.pending <= queue
        assert pairer.thermal.pending <= queue
    for pair in pairs:
        assert abs(pair.delta_ns) <= slop * MS, "no pair beyond slop"
        assert pair.delta_ns == pair.thermal + offset * MS - pair.rgb
    for first, second in pairwise(pairs):
        assert first.rgb < second.rgb, "RGB order is kept, and no frame is used twice"
        assert first.thermal < second.thermal, "thermal order is kept, and no frame is used twice"
    for name, count in (("rgb", pairer.rgb), ("thermal", pairer.thermal)):
        assert count.received == sum(each == name for each, _ in frames)
        assert count.paired == len(pairs)
        assert count.unmatched >= 0
        assert count.received == count.paired + count.unmatched + count.pending
    pairer.reset()
    assert pairer.rgb.pending == pairer.thermal.pending == 0


@settings(max_examples=100, deadline=None)
@given(order=st.permutations(range(12)), jitter=st.lists(st.integers(-3, 3), min_size=6, max_size=6))
def test_equal_rates_pair_frame_by_frame_in_any_interleaving(order: list[int], jitter: list[int]) -> None:
    """Each input in its own order, the two interleaved anyhow: as bags and DDS deliver them."""
    rgb = [("rgb", index * 33 * MS) for index in range(6)]
    thermal = [("thermal", (index * 33 + jitter[index]) * MS) for index in range(6)]
    streams = {"rgb": iter(rgb), "thermal": iter(thermal)}
    frames = [next(streams["rgb" if slot < 6 else "thermal"]) for slot in order]
    pairer: NearestPairer[int] = NearestPairer(16 * MS, 12)
    pairs = play(pairer, frames)
    # The last pair may still wait for a frame that could be nearer.
    expected = [(first[1], second[1]) for first, second in zip(rgb, thermal, strict=True)]
    assert [(pair.rgb, pair.thermal) for pair in pairs] == expected[: len(pairs)]
    assert len(pairs) >= 5


def test_slop_is_inclusive() -> None:
    exact: NearestPairer[str] = NearestPairer(10, 4)
    exact.add_rgb(100, "rgb")
    exact.add_thermal(110, "thermal")
    (pair,) = exact.add_rgb(500, "next")
    assert (pair.rgb, pair.thermal, pair.delta_ns) == ("rgb", "thermal", 10)
    beyond: NearestPairer[str] = NearestPairer(9, 4)
    beyond.add_rgb(100, "rgb")
    assert beyond.add_thermal(110, "thermal") == []
    assert beyond.rgb.unmatched == 1


def test_equal_stamps_are_paired_at_once() -> None:
    pairer: NearestPairer[str] = NearestPairer(10 * MS, 4)
    assert pairer.add_thermal(5 * MS, "thermal") == []
    assert len(pairer.add_rgb(5 * MS, "rgb")) == 1


def test_a_thermal_frame_goes_to_the_rgb_frame_that_is_nearest_to_it() -> None:
    """Thermal at 10 Hz, RGB at 30 Hz: no RGB frame takes the thermal frame that a later one is nearer to."""
    pairer: NearestPairer[int] = NearestPairer(40 * MS, 10)
    frames = [("rgb", index * 33 * MS) for index in range(10)] + [("thermal", index * 99 * MS) for index in range(4)]
    pairs = play(pairer, sorted(frames, key=lambda frame: frame[1]))
    assert [(p.rgb, p.thermal) for p in pairs] == [(index * 99 * MS, index * 99 * MS) for index in range(4)]


def test_a_lagging_thermal_clock_is_corrected() -> None:
    pairer: NearestPairer[str] = NearestPairer(MS, 4, thermal_offset_ns=50 * MS)
    pairer.add_rgb(100 * MS, "rgb")
    (pair,) = pairer.add_thermal(50 * MS, "thermal")
    assert pair.delta_ns == 0


def test_after_a_reset_earlier_stamps_are_paired_again() -> None:
    pairer: NearestPairer[str] = NearestPairer(MS, 4)
    pairer.add_rgb(10**12, "rgb")
    pairer.add_thermal(10**12, "thermal")
    pairer.add_rgb(MS, "old")
    assert pairer.add_thermal(MS, "old") == [], "without a reset, order is kept"
    pairer.reset()
    pairer.add_rgb(2 * MS, "rgb")
    assert len(pairer.add_thermal(2 * MS, "thermal")) == 1
