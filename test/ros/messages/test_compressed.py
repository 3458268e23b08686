"""JPEG and PNG images of image_transport: what they carry, and what is refused before it costs anything."""

import struct
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import pytest
from harness import Peer, accounts_balance, running_node
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from rclpy.qos import QoSProfile, qos_profile_sensor_data
from sensor_msgs.msg import CompressedImage

from epofusion_ros.messages.conversion import ConversionError, to_rgb, to_thermal

MS = 1_000_000


@dataclass
class Compressed:
    data: bytes
    format: str = "png"


def encoded(extension: str, image: np.ndarray) -> bytes:
    return bytes(cv2.imencode(extension, image)[1])


SCENE = cv2.GaussianBlur(np.random.default_rng(0).integers(0, 256, (48, 64, 3), dtype=np.uint8), (9, 9), 0)


def claiming(width: int, height: int) -> bytes:
    """Return a PNG whose headers claim another size."""
    good = encoded(".png", SCENE)
    return good[:16] + struct.pack(">II", width, height) + good[24:]


HUGE_PNG = claiming(100_000, 100_000)


@settings(max_examples=50, deadline=None)
@given(arrays(np.uint16, st.tuples(st.integers(1, 20), st.integers(1, 20))))
def test_a_16_bit_png_keeps_every_value(image: np.ndarray) -> None:
    decoded = to_thermal(Compressed(encoded(".png", image)))
    assert decoded.dtype == np.uint16
    assert np.array_equal(decoded, image)


def test_colours_come_in_order_from_png_and_nearly_from_jpeg() -> None:
    bgr = cv2.cvtColor(SCENE, cv2.COLOR_RGB2BGR)
    assert np.array_equal(to_rgb(Compressed(encoded(".png", bgr))), SCENE)
    jpeg = to_rgb(Compressed(encoded(".jpg", bgr), "rgb8; jpeg compressed bgr8"))
    assert np.abs(jpeg.astype(int) - SCENE).mean() < 4
    grey = to_rgb(Compressed(encoded(".jpg", SCENE[..., 0]), "mono8; jpeg compressed"))
    assert np.ptp(grey.astype(int), axis=2).max() == 0


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (b"", "begins with nothing; expected a JPEG or a PNG"),
        (b"\x00" * 12 + encoded(".png", SCENE), "begins with 00 00 00 00; expected"),
        (encoded(".png", SCENE)[:20], "ends within its headers, after 20 bytes"),
        (encoded(".png", SCENE)[:60], "of 64x48 pixels, format 'png', cannot be decoded"),
        (encoded(".jpg", SCENE)[:4], "ends within its headers"),
        (b"\xff\xd8\x00\x00\x00\x00", "a JPEG with damaged headers"),
        (HUGE_PNG, "is 100000x100000 pixels; expected 1 to 16384"),
        (claiming(16_000, 16_000), "is 16000x16000 pixels; expected at most 33554432 in all"),
    ],
)
def test_what_cannot_be_decoded_is_one_clear_sentence(data: bytes, sentence: str) -> None:
    with pytest.raises(ConversionError, match=sentence):
        to_rgb(Compressed(data))


@settings(max_examples=200, deadline=None)
@given(st.sampled_from([encoded(".png", SCENE), encoded(".jpg", SCENE)]), st.data())
def test_damaged_bytes_raise_nothing_else(good: bytes, data: st.DataObject) -> None:
    bad = bytearray(good[: data.draw(st.integers(0, len(good)))])
    for at in data.draw(st.lists(st.integers(0, max(0, len(bad) - 1)), max_size=8)):
        if bad:
            bad[at] ^= data.draw(st.integers(1, 255))
    with suppress(ConversionError):
        assert to_rgb(Compressed(bytes(bad))).dtype == np.uint8


def test_compressed_cameras_are_fused_and_garbage_is_counted(random_weights: Path, domain: int, tmp_path: Path) -> None:
    settings = {"rgb.transport": "compressed", "thermal.transport": "compressed", "output.jpeg_quality": 95}
    thermal = np.random.default_rng(1).integers(7000, 9000, (48, 64), dtype=np.uint16)
    received: list[CompressedImage] = []
    with running_node(random_weights, domain, tmp_path / "log", **settings) as _, Peer(["fused"]) as peer:
        publishers = [
            peer.node.create_publisher(CompressedImage, f"{name}/image_raw/compressed", qos_profile_sensor_data)
            for name in ("rgb", "thermal")
        ]
        peer.node.create_subscription(
            CompressedImage, "/epofusion/fused/image/compressed", received.append, QoSProfile(depth=5)
        )
        peer.configure_and_activate()
        for publisher in publishers:
            peer.spin_until(lambda publisher=publisher: publisher.get_subscription_count() > 0, "a subscription")

        def publish(stamp_ns: int, *images: bytes) -> None:
            for publisher, image in zip(publishers, images, strict=True):
                message = CompressedImage(format="jpeg")
                message.header.stamp.sec, message.header.stamp.nanosec = divmod(stamp_ns, 1_000_000_000)
                message.data.frombytes(image)
                publisher.publish(message)

        good = encoded(".jpg", cv2.cvtColor(SCENE, cv2.COLOR_RGB2BGR)), encoded(".png", thermal)
        publish(5_000_000_000, *good)
        peer.spin_until(lambda: len(peer.outputs.fused) == 1 and len(received) == 1, "a pair")
        publish(5_100_000_000, HUGE_PNG, good[1])
        peer.spin_until(lambda: peer.figure("convert_errors") == 1, "the garbage in diagnostics")
        publish(5_200_000_000, *good)
        peer.spin_until(lambda: len(peer.outputs.fused) == 2, "a pair after the garbage")
        peer.spin_until(lambda: accounts_balance(peer) and peer.figure("fused") == 2, "an account that balances")
    assert [frame.stamp_ns for frame in peer.outputs.fused] == [5_000_000_000, 5_200_000_000]
    fused = np.frombuffer(peer.outputs.fused[0].message.data, np.uint8).reshape(48, 64, 3)
    assert np.abs(to_rgb(received[0]).astype(int) - fused).mean() < 4
