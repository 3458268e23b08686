"""Pairing by message_filters, where a ROS 2 distribution brings it, and a clear word where none does."""

from importlib.util import find_spec
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sensor_msgs.msg import Image

from epofusion_ros.approximate import ApproximatePairer
from epofusion_ros.intake import build_pairer
from epofusion_ros.pairing import PairingLimits
from epofusion_ros.parameters import NodeParameters

MS = 1_000_000


@pytest.mark.skipif(find_spec("message_filters") is not None, reason="message_filters is installed")
def test_without_message_filters_the_policy_is_refused_with_the_remedy() -> None:
    with pytest.raises(ValueError, match=r"message_filters is not installed; .* or sync.policy: nearest"):
        build_pairer(NodeParameters(sync_policy="approximate"))


@pytest.mark.parametrize("value", [{"sync_thermal_offset": 0.1}, {"sync_reuse_thermal": True}])
def test_what_message_filters_cannot_do_is_refused(value: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"knows no sync.thermal_offset and no sync.reuse_thermal; expected nearest"):
        NodeParameters(sync_policy="approximate", **value)


@settings(max_examples=100, deadline=None)
@given(frames=st.lists(st.tuples(st.booleans(), st.integers(-50, 500)), max_size=40), reset_at=st.integers(0, 40))
def test_every_frame_is_accounted_for_across_resets(frames: list[tuple[bool, int]], reset_at: int) -> None:
    pytest.importorskip("message_filters", reason="message_filters comes with a ROS 2 distribution only")
    pairer = ApproximatePairer(PairingLimits(20 * MS), 5)
    pairs = []
    for index, (is_rgb, stamp_ms) in enumerate(frames):
        if index == reset_at:
            pairer.reset()
        image = Image()
        image.header.stamp.sec, image.header.stamp.nanosec = divmod(stamp_ms * MS, 1_000_000_000)
        pairs += (pairer.add_rgb if is_rgb else pairer.add_thermal)(stamp_ms * MS, image)
        for count in (pairer.rgb, pairer.thermal):
            assert count.received == count.paired + count.unmatched + count.pending
            assert 0 <= count.pending <= 5
    assert pairer.rgb.paired == len(pairs)
    assert all(abs(pair.delta_ns) <= 20 * MS for pair in pairs)
