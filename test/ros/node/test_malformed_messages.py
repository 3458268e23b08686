"""Each kind of malformed message over real DDS: dropped and counted, and the next good one is fused."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from harness import Peer, accounts_balance, fill, running_node
from sensor_msgs.msg import Image

pytestmark = pytest.mark.one_release

RGB = np.random.default_rng(0).integers(0, 256, (48, 64, 3), dtype=np.uint8)
THERMAL = np.random.default_rng(1).integers(7000, 9000, (48, 64), dtype=np.uint16)


def image(array: np.ndarray, encoding: str, stamp_ns: int) -> Image:
    message = fill(Image(), array, encoding)
    message.header.stamp.sec, message.header.stamp.nanosec = divmod(stamp_ns, 1_000_000_000)
    return message


def change(**values: object) -> Callable[[Image], None]:
    def apply(message: Image) -> None:
        for name, value in values.items():
            setattr(message, name, value)

    return apply


def shorten(message: Image) -> None:
    del message.data[-1:]


DEFECTS: dict[str, Callable[[Image], None]] = {
    "a step shorter than a row": change(step=191),
    "a step that wraps around": change(step=2**32 - 1),
    "data that end too early": shorten,
    "no data at all": change(data=b""),
    "a height of zero": change(height=0),
    "a width of zero": change(width=0),
    "an absurd size": change(height=2**32 - 1, width=2**32 - 1),
    "an unknown encoding": change(encoding="jpeg2000"),
    "no encoding": change(encoding=""),
}


def test_every_kind_of_malformed_message_is_dropped_counted_and_outlived(
    random_weights: Path, domain: int, tmp_path: Path
) -> None:
    with running_node(random_weights, domain, tmp_path / "log"), Peer(["fused"]) as peer:
        peer.activate()
        stamp_ns = peer.now_ns()
        for count, (what, damage) in enumerate(DEFECTS.items(), start=1):
            stamp_ns += 1_000_000_000
            bad = image(RGB, "rgb8", stamp_ns)
            damage(bad)
            peer.rgb.publish(bad)
            peer.thermal.publish(image(THERMAL, "mono16", stamp_ns))
            peer.spin_until(lambda count=count: peer.figure("convert_errors") == count, f"{what} in diagnostics")
            assert peer.level > 0, "it is a warning at least"
            peer.images(stamp_ns + 100_000_000, RGB, THERMAL, thermal_encoding="mono16")
            peer.spin_until(lambda count=count: len(peer.outputs.fused) == count, f"a good pair after {what}")
        peer.spin_until(lambda: peer.figure("fused") == len(DEFECTS), "the good pairs in diagnostics")
        assert accounts_balance(peer)
        assert peer.figure("callback_errors") == 0


def test_a_thermal_camera_of_the_other_byte_order_is_fused_alike(
    random_weights: Path, domain: int, tmp_path: Path
) -> None:
    with running_node(random_weights, domain, tmp_path / "log"), Peer(["fused"]) as peer:
        peer.activate()
        stamp_ns = peer.now_ns()
        for count, is_big in enumerate((False, True), start=1):
            stamp_ns += 100_000_000
            thermal = image(THERMAL.byteswap() if is_big else THERMAL, "mono16", stamp_ns)
            thermal.is_bigendian = int(is_big)
            peer.rgb.publish(image(RGB, "rgb8", stamp_ns))
            peer.thermal.publish(thermal)
            peer.spin_until(lambda count=count: len(peer.outputs.fused) == count, "a frame")
        little, big = (frame.message.data for frame in peer.outputs.fused)
        assert little == big


def test_an_image_size_that_changes_in_mid_stream_is_fused_in_the_new_size(
    random_weights: Path, domain: int, tmp_path: Path
) -> None:
    sizes = [(48, 64), (96, 128), (33, 41), (48, 64)]
    with running_node(random_weights, domain, tmp_path / "log"), Peer(["fused"]) as peer:
        peer.activate()
        stamp_ns = peer.now_ns()
        for count, (height, width) in enumerate(sizes, start=1):
            rgb, thermal = np.full((height, width, 3), 80, np.uint8), np.full((height, width), 90, np.uint8)
            peer.images(stamp_ns + count * 100_000_000, rgb, thermal)
            peer.spin_until(lambda count=count: len(peer.outputs.fused) == count, f"{width}x{height} pixels")
        assert [(frame.message.height, frame.message.width) for frame in peer.outputs.fused] == sizes


def test_stamps_that_no_clock_gives_are_taken_and_accounted_for(
    random_weights: Path, domain: int, tmp_path: Path
) -> None:
    """A stamp cannot be NaN, but it can be before 1970, at the ends of its type, and have too many nanoseconds."""
    stamps = [(-(2**31), 0), (2**31 - 1, 2**32 - 1), (0, 2**32 - 1), (-1, 999_999_999), (0, 0)]
    with running_node(random_weights, domain, tmp_path / "log", max_input_age=0.0), Peer(["fused"]) as peer:
        peer.activate()
        for count, (sec, nanosec) in enumerate(stamps, start=1):
            for publisher, array, encoding in ((peer.rgb, RGB, "rgb8"), (peer.thermal, THERMAL, "mono16")):
                message = fill(Image(), array, encoding)
                message.header.stamp.sec, message.header.stamp.nanosec = sec, nanosec
                publisher.publish(message)
            peer.spin_until(lambda count=count: len(peer.outputs.fused) == count, f"a frame of {sec} s {nanosec} ns")
        peer.spin_until(lambda: peer.figure("fused") == len(stamps), "the frames in diagnostics")
        assert accounts_balance(peer)
        assert peer.figure("callback_errors") == 0
