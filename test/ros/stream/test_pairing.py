"""Pairing by stamp: rules that hold for any streams in any order of arrival."""

from itertools import pairwise
from types import SimpleNamespace

from hypothesis import given, settings
from hypothesis import strategies as st

from epofusion_ros.stream.nearest_pairing import NearestPairer
from epofusion_ros.stream.pairing import FramePair, PairingLimits

MS = 1_000_000


@st.composite
def arrivals(draw: st.DrawFn, latest_ms: int = 49) -> list[tuple[str, int]]:
    """Frames of both inputs with any stamps, repeated and out of order too, in any order of arrival.

    Up to 49 ms, no stamp is so far from another one that it has gone astray.
    """
    stamps = st.lists(st.integers(-50, latest_ms), max_size=40)
    frames = [("rgb", stamp * MS) for stamp in draw(stamps)] + [("thermal", stamp * MS) for stamp in draw(stamps)]
    return draw(st.permutations(frames))


def play(pairer: NearestPairer[int], frames: list[tuple[str, int]]) -> list[FramePair[int]]:
    pairs = []
    for name, stamp in frames:
        pairs += pairer.add_rgb(stamp, stamp) if name == "rgb" else pairer.add_thermal(stamp, stamp)
    return pairs


@settings(max_examples=300, deadline=None)
@given(frames=arrivals(), slop=st.integers(0, 60), queue=st.integers(1, 8), offset=st.integers(-30, 30))
def test_any_arrival_keeps_slop_order_memory_and_the_account(
    frames: list[tuple[str, int]], slop: int, queue: int, offset: int
) -> None:
    pairer: NearestPairer[int] = NearestPairer(PairingLimits(slop * MS, offset * MS), queue)
    pairs: list[FramePair[int]] = []
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


@settings(max_examples=300, deadline=None)
@given(frames=arrivals(2000), slop=st.integers(0, 60), queue=st.integers(1, 8), age=st.integers(0, 120))
def test_stamps_that_go_astray_keep_slop_memory_and_the_account(
    frames: list[tuple[str, int]], slop: int, queue: int, age: int
) -> None:
    pairer: NearestPairer[int] = NearestPairer(PairingLimits(slop * MS, 0, age * MS), queue)
    pairs: list[FramePair[int]] = []
    for frame in frames:
        pairs += play(pairer, [frame])
        assert pairer.rgb.pending <= queue
        assert pairer.thermal.pending <= queue
    for pair in pairs:
        assert -max(slop, age) * MS <= pair.delta_ns <= slop * MS
    assert pairer.rgb.paired == len(pairs)
    for count in (pairer.rgb, pairer.thermal):
        assert count.unmatched >= 0
        assert count.received == count.paired + count.unmatched + count.pending


@settings(max_examples=300, deadline=None)
@given(
    frames=arrivals(2000),
    sizes=st.lists(st.integers(0, 60), min_size=80, max_size=80),
    queue_bytes=st.integers(1, 200),
    age=st.sampled_from([0, 120]),
)
def test_what_waits_never_has_more_bytes_than_allowed_and_each_frame_has_one_fate(
    frames: list[tuple[str, int]], sizes: list[int], queue_bytes: int, age: int
) -> None:
    pairer: NearestPairer[SimpleNamespace] = NearestPairer(PairingLimits(20 * MS, 0, age * MS), 8, queue_bytes)
    for (name, stamp), size in zip(frames, sizes, strict=False):
        count, add = (pairer.rgb, pairer.add_rgb) if name == "rgb" else (pairer.thermal, pairer.add_thermal)
        dropped = count.unmatched
        pairs = add(stamp, SimpleNamespace(data=bytes(size)))
        if size > queue_bytes:
            assert count.unmatched > dropped or pairs, "what is too large alone is paired at once or counted"
        for stream in (pairer._rgb, pairer._thermal):
            assert sum(len(frame.data) for _, _, frame, _ in stream.waiting) <= queue_bytes
        for each in (pairer.rgb, pairer.thermal):
            assert each.unmatched >= 0
            assert each.received == each.paired + each.unmatched + each.pending


def test_of_large_frames_fewer_wait_and_small_ones_pair_as_ever() -> None:
    pairer: NearestPairer[SimpleNamespace] = NearestPairer(PairingLimits(MS), 10, 100)
    for index in range(6):
        pairer.add_rgb(index * 33 * MS, SimpleNamespace(data=bytes(40)))
    assert (pairer.rgb.pending, pairer.rgb.unmatched) == (2, 4), "the oldest go first"
    assert len(pairer.add_thermal(5 * 33 * MS, SimpleNamespace(data=bytes(90)))) == 1


@settings(max_examples=200, deadline=None)
@given(
    ahead_ms=st.integers(101, 999),
    at=st.integers(0, 50),
    astray=st.sampled_from([("rgb",), ("thermal",), ("rgb", "thermal")]),
    first=st.sampled_from(["rgb", "thermal"]),
    interval_ms=st.integers(20, 111),
    age_ms=st.sampled_from([0, 150]),
)
def test_a_stamp_that_goes_astray_costs_a_pair_or_two_and_not_all_until_its_time(
    ahead_ms: int, at: int, astray: tuple[str, ...], first: str, interval_ms: int, age_ms: int
) -> None:
    pairer: NearestPairer[int] = NearestPairer(PairingLimits(15 * MS, 0, age_ms * MS), 10)
    pairs: list[tuple[int, FramePair[int]]] = []
    for index in range(60):
        for name in (first, "thermal" if first == "rgb" else "rgb"):
            stamp_ns = (index * interval_ms + (ahead_ms if index == at and name in astray else 0)) * MS
            add = pairer.add_rgb if name == "rgb" else pairer.add_thermal
            pairs += [(index, pair) for pair in add(stamp_ns, index)]
    assert len(pairs) >= 54
    if at >= 2 and ahead_ms > 3 * interval_ms:  # the interval is known, and this is not a frame or two that are missing
        assert len(pairs) >= 59
        assert all(pair.rgb == pair.thermal for _, pair in pairs) or age_ms, "what belongs together is paired"
        assert max(index - pair.rgb for index, pair in pairs) <= 1, "no pair comes late"


def test_after_a_pause_of_both_cameras_the_first_pair_does_not_wait() -> None:
    pairer: NearestPairer[int] = NearestPairer(PairingLimits(15 * MS), 10)
    for index in range(10):
        play(pairer, [("rgb", index * 33 * MS), ("thermal", index * 33 * MS)])
    later = 1200 * MS
    assert len(play(pairer, [("rgb", later), ("thermal", later)])) == 1


def test_after_a_pause_of_the_thermal_camera_the_first_pair_does_not_wait() -> None:
    pairer: NearestPairer[int] = NearestPairer(PairingLimits(15 * MS), 10)
    for index in range(40):
        play(pairer, [("rgb", index * 33 * MS)] + [("thermal", index * 33 * MS)] * (index < 20))
    assert len(play(pairer, [("rgb", 40 * 33 * MS), ("thermal", 40 * 33 * MS)])) == 1


@settings(max_examples=100, deadline=None)
@given(order=st.permutations(range(12)), jitter=st.lists(st.integers(-3, 3), min_size=6, max_size=6))
def test_equal_rates_pair_frame_by_frame_in_any_interleaving(order: list[int], jitter: list[int]) -> None:
    """Each input in its own order, the two interleaved anyhow: as bags and DDS deliver them."""
    rgb = [("rgb", index * 33 * MS) for index in range(6)]
    thermal = [("thermal", (index * 33 + jitter[index]) * MS) for index in range(6)]
    streams = {"rgb": iter(rgb), "thermal": iter(thermal)}
    frames = [next(streams["rgb" if slot < 6 else "thermal"]) for slot in order]
    pairer: NearestPairer[int] = NearestPairer(PairingLimits(16 * MS), 12)
    pairs = play(pairer, frames)
    # The last pair may still wait for a frame that could be nearer.
    expected = [(first[1], second[1]) for first, second in zip(rgb, thermal, strict=True)]
    assert [(pair.rgb, pair.thermal) for pair in pairs] == expected[: len(pairs)]
    assert len(pairs) >= 5


def test_slop_is_inclusive() -> None:
    exact: NearestPairer[str] = NearestPairer(PairingLimits(10), 4)
    exact.add_rgb(100, "rgb")
    exact.add_thermal(110, "thermal")
    (pair,) = exact.add_rgb(500, "next")
    assert (pair.rgb, pair.thermal, pair.delta_ns) == ("rgb", "thermal", 10)
    beyond: NearestPairer[str] = NearestPairer(PairingLimits(9), 4)
    beyond.add_rgb(100, "rgb")
    assert beyond.add_thermal(110, "thermal") == []
    assert beyond.rgb.unmatched == 1


def test_equal_stamps_are_paired_at_once() -> None:
    pairer: NearestPairer[str] = NearestPairer(PairingLimits(10 * MS), 4)
    assert pairer.add_thermal(5 * MS, "thermal") == []
    assert len(pairer.add_rgb(5 * MS, "rgb")) == 1


def test_a_thermal_frame_goes_to_the_rgb_frame_that_is_nearest_to_it() -> None:
    """Thermal at 10 Hz, RGB at 30 Hz: no RGB frame takes the thermal frame that a later one is nearer to."""
    pairer: NearestPairer[int] = NearestPairer(PairingLimits(40 * MS), 10)
    frames = [("rgb", index * 33 * MS) for index in range(10)] + [("thermal", index * 99 * MS) for index in range(4)]
    pairs = play(pairer, sorted(frames, key=lambda frame: frame[1]))
    assert [(p.rgb, p.thermal) for p in pairs] == [(index * 99 * MS, index * 99 * MS) for index in range(4)]


def test_a_lagging_thermal_clock_is_corrected() -> None:
    pairer: NearestPairer[str] = NearestPairer(PairingLimits(MS, thermal_offset_ns=50 * MS), 4)
    pairer.add_rgb(100 * MS, "rgb")
    (pair,) = pairer.add_thermal(50 * MS, "thermal")
    assert pair.delta_ns == 0


def test_after_a_reset_earlier_stamps_are_paired_again() -> None:
    pairer: NearestPairer[str] = NearestPairer(PairingLimits(MS), 4)
    pairer.add_rgb(10**12, "rgb")
    pairer.add_thermal(10**12, "thermal")
    pairer.add_rgb(MS, "old")
    assert pairer.add_thermal(MS, "old") == [], "without a reset, order is kept"
    pairer.reset()
    pairer.add_rgb(2 * MS, "rgb")
    assert len(pairer.add_thermal(2 * MS, "thermal")) == 1


@settings(max_examples=300, deadline=None)
@given(frames=arrivals(), slop=st.integers(0, 40), queue=st.integers(1, 8), age=st.integers(1, 120))
def test_with_reuse_any_arrival_keeps_age_order_memory_and_the_account(
    frames: list[tuple[str, int]], slop: int, queue: int, age: int
) -> None:
    pairer: NearestPairer[int] = NearestPairer(PairingLimits(slop * MS, 0, age * MS), queue)
    pairs: list[FramePair[int]] = []
    for frame in frames:
        pairs += play(pairer, [frame])
        assert pairer.rgb.pending <= queue
        assert pairer.thermal.pending <= queue
    for pair in pairs:
        assert -max(slop, age) * MS <= pair.delta_ns <= slop * MS
        assert pair.delta_ns == pair.thermal - pair.rgb
    for first, second in pairwise(pairs):
        assert first.rgb < second.rgb, "no RGB frame is used twice"
        assert first.thermal <= second.thermal, "time does not go back"
    repeated = sum(first.thermal == second.thermal for first, second in pairwise(pairs))
    assert pairer.thermal.reused == repeated
    assert pairer.rgb.paired == len(pairs) == pairer.thermal.paired + repeated
    for count in (pairer.rgb, pairer.thermal):
        assert count.received == count.paired + count.unmatched + count.pending


def test_a_slow_thermal_camera_serves_every_rgb_frame_without_waiting() -> None:
    """Thermal at 9 Hz, RGB at 30 Hz: each RGB frame is paired by the arrival of the next one at the latest."""
    pairer: NearestPairer[int] = NearestPairer(PairingLimits(16 * MS, 0, 120 * MS), 10)
    frames = [("rgb", index * 33 * MS + MS) for index in range(60)] + [
        ("thermal", index * 111 * MS) for index in range(18)
    ]
    waited, paired = 0, 0
    for name, stamp in sorted(frames, key=lambda frame: frame[1]):
        found = play(pairer, [(name, stamp)])
        paired += len(found)
        waited += sum(name == "rgb" and pair.rgb < stamp for pair in found)
        assert pairer.rgb.pending <= 1 or stamp < 111 * MS, "until two thermal frames tell their interval"
        assert all(-120 * MS <= pair.delta_ns <= 16 * MS for pair in found)
    assert paired >= 59
    assert waited <= 12, "only a frame that the next thermal one could be nearer to waits"


def test_a_thermal_frame_older_than_allowed_is_not_used_again() -> None:
    pairer: NearestPairer[int] = NearestPairer(PairingLimits(5 * MS, 0, 50 * MS), 4)
    frames = [("thermal", 0)] + [("rgb", index * 30 * MS) for index in range(6)]
    assert [pair.rgb for pair in play(pairer, frames)] == [0, 30 * MS]
    assert pairer.thermal.reused == 1
