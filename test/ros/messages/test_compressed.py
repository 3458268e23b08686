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
from epofusion_ros.messages.image_header import size_of

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


def with_a_chunk_that_claims(length: int) -> bytes:
    """Return a PNG whose second chunk claims a length."""
    good = encoded(".png", SCENE)
    return good[:33] + struct.pack(">I", length) + good[37:]


CLAIMS_A_CHUNK = with_a_chunk_that_claims(2**31 - 1)


def tiff_claiming(width: int, height: int, *, bits: int = 8, compression: int = 1, rows_per_strip: int = 278) -> bytes:
    """Return a TIFF whose directory claims another size; `rows_per_strip` is the tag that it gives the strips by."""
    entries = [
        (256, width),
        (257, height),
        (258, bits),
        (259, compression),
        (262, 1),
        (273, 8),
        (rows_per_strip, height),
    ]
    directory = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in entries)
    return b"II*\0" + struct.pack("<IH", 8, len(entries)) + directory + bytes(4)


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


BGR = cv2.cvtColor(SCENE, cv2.COLOR_RGB2BGR)
MOSAIC = np.tile(np.array([[200, 60], [60, 20]], np.uint8), (24, 32))
COUNTS = np.arange(48 * 64, dtype=np.uint16).reshape(48, 64) * 20


@pytest.mark.parametrize(
    ("form", "written"),
    [
        ("png", BGR),
        ("rgb8; png compressed bgr8", BGR),
        ("bgr8; png compressed bgr8", BGR),
        ("rgb8; png compressed rgb8", SCENE),
        ("bgr8; png compressed rgb8", SCENE),
        ("rgb8; tiff compressed ", SCENE),
        ("bgr8; tiff compressed ", BGR),
        ("rgb16; png compressed rgb16", SCENE.astype(np.uint16) * 257),
        ("rgba8; png compressed rgba8", np.dstack([SCENE, MOSAIC])),
        ("bgra8; png compressed bgra8", np.dstack([BGR, MOSAIC])),
    ],
)
def test_the_format_says_which_colour_was_written_first(form: str, written: np.ndarray) -> None:
    extension = ".tiff" if "tiff" in form else ".png"
    assert np.array_equal(to_rgb(Compressed(encoded(extension, written), form)), SCENE)


@pytest.mark.parametrize("pattern", ["rggb", "bggr", "gbrg", "grbg"])
@pytest.mark.parametrize(("extension", "bits"), [(".png", 8), (".png", 16), (".jpg", 8), (".tiff", 16)])
def test_a_compressed_mosaic_is_debayered(pattern: str, extension: str, bits: int) -> None:
    colour = {"r": 200, "g": 60, "b": 20}
    tile = np.array([colour[c] for c in pattern], f"u{bits // 8}").reshape(2, 2) << (bits - 8)
    form = f"bayer_{pattern}{bits}; {extension[1:]} compressed "
    rgb = to_rgb(Compressed(encoded(extension, np.tile(tile, (24, 32))), form))
    assert np.abs(rgb[4:-4, 4:-4].reshape(-1, 3).mean(axis=0) - [200, 60, 20]).max() < 8


@pytest.mark.parametrize(
    ("form", "values"),
    [
        ("16UC1; png", COUNTS),
        ("16UC1; tiff compressed ", COUNTS),
        ("32FC1; tiff compressed ", COUNTS.astype(np.float32) / 100 - 20),
        ("16SC1; tiff compressed ", (COUNTS // 4).astype(np.int16) - 300),
        ("64FC1; tiff compressed ", COUNTS.astype(np.float64) / 128),
    ],
)
def test_thermal_values_are_those_that_were_compressed(form: str, values: np.ndarray) -> None:
    thermal = to_thermal(Compressed(encoded(".tiff" if "tiff" in form else ".png", values), form))
    assert np.array_equal(thermal, values)


def test_compressed_depth_gives_the_values_behind_its_header() -> None:
    header = struct.pack("<iff", 0, 0.0, 0.0)
    for form in ("16UC1; compressedDepth png", "16UC1; compressedDepth"):
        assert np.array_equal(to_thermal(Compressed(header + encoded(".png", COUNTS), form)), COUNTS)
    depth_m = np.linspace(1, 9, 48 * 64, dtype=np.float32).reshape(48, 64)
    a, b = 10_000.0, 0.5
    inverse = np.rint(a / depth_m + b).astype(np.uint16)
    inverse[0, 0] = 0
    thermal = to_thermal(
        Compressed(struct.pack("<iff", 0, a, b) + encoded(".png", inverse), "32FC1; compressedDepth png")
    )
    assert np.isnan(thermal[0, 0])
    assert np.abs(thermal - depth_m)[1:].max() < 0.01
    with pytest.raises(ConversionError, match="no PNG behind its header of 12 bytes; expected compressedDepth png"):
        to_thermal(Compressed(bytes(40), "16UC1; compressedDepth rvl"))


_SEGMENT = st.integers(0, 40).map(
    lambda length: b"\xff\xfe" + struct.pack(">H", length + 2) + b"\xff\xc0" * (length // 2)
)
_BEFORE_A_MARKER = st.sampled_from(
    [b"\xff", b"\xff\xff", b"\xff\xd0", b"\xff\xd7", b"\xff\x01", b"\xff\x00", b"\x00\x07"]
)


@settings(max_examples=200, deadline=None)
@given(st.lists(_BEFORE_A_MARKER | _SEGMENT, max_size=5), st.sampled_from([b"\xff\xe0", b"\xff\xdb", b"\xff\xc0"]))
def test_a_jpeg_has_the_size_that_the_decoder_finds(inserted: list[bytes], marker: bytes) -> None:
    """Fill bytes, markers without parameters and garbage may lie between segments; the decoder skips them."""
    good = encoded(".jpg", SCENE)
    at = good.index(marker)
    data = good[:at] + b"".join(inserted) + good[at:]
    image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    if image is not None:
        assert size_of(data) == (64, 48)
        assert np.array_equal(to_rgb(Compressed(data, "jpeg")), image[..., ::-1])


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (b"", "begins with nothing; expected a JPEG, a PNG or a TIFF"),
        (b"\x00" * 12 + encoded(".png", SCENE), "begins with 00 00 00 00; expected"),
        (encoded(".png", SCENE)[:20], "ends within its headers, after 20 bytes"),
        (encoded(".png", SCENE)[:60], "a PNG of 64x48 pixels that is cut off within a chunk"),
        (CLAIMS_A_CHUNK, "a PNG of 64x48 pixels that is cut off within a chunk"),
        (encoded(".png", SCENE).replace(b"IDAT", b"IDAX"), "of 64x48 pixels, format 'png', cannot be decoded"),
        (encoded(".jpg", SCENE)[:4], "ends within its headers"),
        (b"\xff\xd8\xff\xe0\x00\x00", "a JPEG with damaged headers"),
        (encoded(".png", SCENE)[:12] + b"IEND" + encoded(".png", SCENE)[16:], "a PNG with damaged headers"),
        (HUGE_PNG, "is 100000x100000 pixels; expected 1 to 16384"),
        (claiming(16_000, 16_000), "is 16000x16000 pixels; expected at most 33554432 in all"),
        (tiff_claiming(16_000, 16_000), "is 16000x16000 pixels; expected at most 33554432 in all"),
        (tiff_claiming(100_000, 1), "is 100000x1 pixels; expected 1 to 16384"),
        (tiff_claiming(64, 48, rows_per_strip=322), "a TIFF that is tiled"),
        (tiff_claiming(5000, 5000, bits=512), "is 5000x5000 pixels of 512 bits; expected at most 33554432 of 64"),
        (tiff_claiming(64, 48, compression=7), "a TIFF that is tiled, of a rare compression"),
    ],
)
def test_what_cannot_be_decoded_is_one_clear_sentence(data: bytes, sentence: str) -> None:
    with pytest.raises(ConversionError, match=sentence):
        to_rgb(Compressed(data))


@settings(max_examples=200, deadline=None)
@given(st.sampled_from([encoded(extension, SCENE) for extension in (".png", ".jpg", ".tiff")]), st.data())
def test_damaged_bytes_raise_nothing_else(good: bytes, data: st.DataObject) -> None:
    bad = bytearray(good[: data.draw(st.integers(0, len(good)))])
    for at in data.draw(st.lists(st.integers(0, max(0, len(bad) - 1)), max_size=8)):
        if bad:
            bad[at] ^= data.draw(st.integers(1, 255))
    with suppress(ConversionError):
        assert to_rgb(Compressed(bytes(bad))).dtype == np.uint8


def test_compressed_cameras_are_fused_and_garbage_is_counted(random_weights: Path, domain: int, tmp_path: Path) -> None:
    settings = {"rgb.transport": "compressed", "thermal.transport": "compressedDepth", "output.jpeg_quality": 95}
    thermal = np.random.default_rng(1).integers(7000, 9000, (48, 64), dtype=np.uint16)
    received: list[CompressedImage] = []
    with running_node(random_weights, domain, tmp_path / "log", **settings) as _, Peer(["fused"]) as peer:
        publishers = [
            peer.node.create_publisher(CompressedImage, topic, qos_profile_sensor_data)
            for topic in ("rgb/image_raw/compressed", "thermal/image_raw/compressedDepth")
        ]
        peer.node.create_subscription(
            CompressedImage, "/epofusion/fused/image/compressed", received.append, QoSProfile(depth=5)
        )
        peer.configure_and_activate()
        for publisher in publishers:
            peer.spin_until(lambda publisher=publisher: publisher.get_subscription_count() > 0, "a subscription")

        def publish(stamp_ns: int, *images: bytes) -> None:
            for publisher, image, form in zip(publishers, images, ("jpeg", "16UC1; compressedDepth png"), strict=True):
                message = CompressedImage(format=form)
                message.header.stamp.sec, message.header.stamp.nanosec = divmod(stamp_ns, 1_000_000_000)
                message.data.frombytes(image)
                publisher.publish(message)

        good = encoded(".jpg", BGR), bytes(12) + encoded(".png", thermal)
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
