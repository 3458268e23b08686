"""Pairing by message_filters, where a ROS 2 distribution brings it, and a clear word where none does."""

from importlib.util import find_spec
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sensor_msgs.msg import Image

from epofusion_ros.parameters.node_parameters import from_values
from epofusion_ros.stream.approximate_pairing import ApproximatePairer
from epofusion_ros.stream.frame_account import Account
from epofusion_ros.stream.intake import Intake
from epofusion_ros.stream.job import Job
from epofusion_ros.stream.pairing import PairingLimits

MS = 1_000_000
APPROXIMATE = from_values({"sync.policy": "approximate", "sync.queue_size": 5})


def at(stamp_ms: int) -> Image:
    return at_ns(stamp_ms * MS)


def at_ns(stamp_ns: int) -> Image:
    image = Image()
    image.header.stamp.sec, image.header.stamp.nanosec = divmod(stamp_ns, 1_000_000_000)
    return image


@pytest.mark.skipif(find_spec("message_filters") is not None, reason="message_filters is installed")
def test_without_message_filters_the_policy_is_refused_with_the_remedy() -> None:
    with pytest.raises(ValueError, match=r"message_filters is not installed; .* or sync.policy: nearest"):
        Intake(APPROXIMATE, Account(), lambda *_: None)


@pytest.mark.parametrize(
    "value", [{"sync.thermal_offset": 0.1}, {"sync.reuse_thermal": True}, {"sync.stamps": "arrival"}], ids=str
)
def test_what_message_filters_cannot_do_is_refused(value: dict[str, Any]) -> None:
    with pytest.raises(
        ValueError, match=r"knows no sync.thermal_offset and no .*sync.stamps: arrival; expected nearest"
    ):
        from_values({"sync.policy": "approximate", **value})


@settings(max_examples=100, deadline=None)
@given(frames=st.lists(st.tuples(st.booleans(), st.integers(-50, 500)), max_size=40), reset_at=st.integers(0, 40))
def test_every_frame_is_accounted_for_across_resets(frames: list[tuple[bool, int]], reset_at: int) -> None:
    pytest.importorskip("message_filters", reason="message_filters comes with a ROS 2 distribution only")
    pairer = ApproximatePairer(PairingLimits(20 * MS), 5)
    pairs = []
    for index, (is_rgb, stamp_ms) in enumerate(frames):
        if index == reset_at:
            pairer.reset()
        pairs += (pairer.add_rgb if is_rgb else pairer.add_thermal)(stamp_ms * MS, at(stamp_ms))
        for count in (pairer.rgb, pairer.thermal):
            assert count.received == count.paired + count.unmatched + count.pending
            assert 0 <= count.pending <= 5
    assert pairer.rgb.paired == len(pairs)
    assert all(abs(pair.delta_ns) <= 20 * MS for pair in pairs)


def test_what_waits_never_has_more_bytes_than_allowed_and_each_frame_is_accounted_for() -> None:
    pytest.importorskip("message_filters", reason="message_filters comes with a ROS 2 distribution only")
    pairer = ApproximatePairer(PairingLimits(20 * MS), 5, queue_bytes=100)
    for index, size in enumerate((40, 40, 40, 101, 60, 100)):
        image = at(index * 100)
        image.data.frombytes(bytes(size))
        pairer.add_rgb(index * 100 * MS, image)
        (waiting, _) = pairer._synchronizer.queues
        assert sum(len(each.data) for each in waiting.values()) <= 100
        assert pairer.rgb.received == pairer.rgb.unmatched + pairer.rgb.pending
    assert pairer.rgb.pending == 1


def test_a_bag_that_loops_is_paired_again_and_a_full_queue_of_its_end_does_not_stand_in_the_way() -> None:
    pytest.importorskip("message_filters", reason="message_filters comes with a ROS 2 distribution only")
    jobs, account = list[Job](), Account()
    intake = Intake(APPROXIMATE, account, lambda *_: None)
    for stamp_ms in range(100_000, 100_400, 33):  # without partners, so that the queue is full
        intake.take("rgb", stamp_ms * MS, at(stamp_ms), 0.0)
    for stamp_ms in range(50_000, 50_400, 33):
        jobs += intake.take("rgb", stamp_ms * MS, at(stamp_ms), 0.0)
        jobs += intake.take("thermal", (stamp_ms + 5) * MS, at(stamp_ms + 5), 0.0)
    assert [job.stamp_ns for job in jobs] == [stamp_ms * MS for stamp_ms in range(50_000, 50_400, 33)]
    assert account.snapshot(0.0)["time_resets"] == 1


@settings(max_examples=100, deadline=None)
@given(slop_ns=st.integers(0, 10_000_000_000), stamp_ns=st.integers(10_000_000_000, 2_000_000_000_000_000_000))
def test_slop_is_inclusive_to_the_nanosecond(slop_ns: int, stamp_ns: int) -> None:
    pytest.importorskip("message_filters", reason="message_filters comes with a ROS 2 distribution only")
    for beyond_ns, pairs in ((0, 1), (1, 0)):
        pairer = ApproximatePairer(PairingLimits(slop_ns), 5)
        later_ns = stamp_ns + slop_ns + beyond_ns
        found = pairer.add_rgb(stamp_ns, at_ns(stamp_ns)) + pairer.add_thermal(later_ns, at_ns(later_ns))
        assert len(found) == pairs
