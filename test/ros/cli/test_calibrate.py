"""`epofusion calibrate`: the file that it writes is the one that the node reads."""

from pathlib import Path

import cv2
import numpy as np
import pytest
from rosbags.rosbag2 import Writer
from typer.testing import CliRunner

from epofusion_core.imaging import read_rgb, write_png
from epofusion_core.registration.apply import build_registration
from epofusion_core.registration.calibration import read_homography
from epofusion_core.registration.coarse import similarity
from epofusion_core.simulation import SCENES, Drive, DriveFrame
from epofusion_ros.cli.main import app
from epofusion_ros.replay.bag_writer import TYPES
from epofusion_ros.replay.fused_bag import header_of, image_message
from epofusion_ros.replay.topics import IMAGE_TYPE

SIZE = (240, 320)
TRUTH = similarity(SIZE, 1.1, 2.0, (9.0, -5.0))


@pytest.fixture(scope="module")
def frames() -> list[tuple[DriveFrame, np.ndarray]]:
    """Rendered frames, and their thermal images as a camera that is not aligned sees them."""
    rendered = [Drive(seed, *SIZE, SCENES[seed % 3]).frame(20 * seed) for seed in range(6)]
    return [(f, cv2.warpPerspective(f.thermal, np.linalg.inv(TRUTH), SIZE[::-1])) for f in rendered]


def grid_error_px(file: Path) -> float:
    grid = np.array([[[x, y]] for x in (20.0, 160.0, 300.0) for y in (20.0, 120.0, 220.0)])
    found, wanted = (cv2.perspectiveTransform(grid, m) for m in (read_homography(file).matrix, TRUTH))
    return float(np.linalg.norm(found - wanted, axis=2).mean())


def test_a_folder_gives_a_file_that_the_node_registers_with(
    frames: list[tuple[DriveFrame, np.ndarray]], tmp_path: Path
) -> None:
    for index, (frame, thermal) in enumerate(frames):
        write_png(tmp_path / "pairs" / "vi" / f"{index}.png", frame.visible)
        write_png(tmp_path / "pairs" / "ir" / f"{index}.png", thermal)
    out = tmp_path / "rig" / "calibration.yaml"
    done = CliRunner().invoke(app, ["calibrate", "--data", str(tmp_path / "pairs"), "--out", str(out)])
    assert done.exit_code == 0, done.output
    assert "6 pairs, by gradients, similarity: residual" in done.output
    assert grid_error_px(out) < 1.0
    frame, thermal = frames[0]
    registered = build_registration("homography", str(out), 20.0)(thermal, frame.visible)
    inner = (slice(60, 180), slice(80, 240))
    apart = np.abs(registered.thermal[inner].astype(int) - frame.thermal[inner]).mean()
    assert apart < 0.5 * np.abs(thermal[inner].astype(int) - frame.thermal[inner]).mean()
    assert read_rgb(out.with_suffix(".png")).shape == (240, 640, 3)


def test_a_bag_does_as_well(frames: list[tuple[DriveFrame, np.ndarray]], tmp_path: Path) -> None:
    with Writer(tmp_path / "drive", version=9) as bag:
        topics = ("/camera/image_raw", "/lwir/image_raw")
        connections = [bag.add_connection(topic, IMAGE_TYPE, typestore=TYPES) for topic in topics]
        for index, (frame, thermal) in enumerate(frames):
            stamp_ns = 10**18 + index * 10**9
            for connection, image in zip(connections, (frame.visible, thermal), strict=True):
                message = image_message(image, header_of(stamp_ns, "camera"))
                bag.write(connection, stamp_ns, TYPES.serialize_cdr(message, IMAGE_TYPE))
    out = tmp_path / "calibration.yaml"
    done = CliRunner().invoke(app, ["calibrate", "--bag", str(tmp_path / "drive"), "--out", str(out)])
    assert done.exit_code == 0, done.output
    assert grid_error_px(out) < 1.0


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ([], "either --data or --bag is needed"),
        (["--data", "nowhere", "--bag", "nowhere"], "expected one of them"),
        (["--data", "nowhere"], "nowhere is no folder"),
        (["--data", ".", "--pattern", "9"], "expected"),
        (["--data", ".", "--board", "acircles"], "needs --pattern"),
    ],
)
def test_what_is_wrong_is_one_clear_sentence(arguments: list[str], sentence: str, tmp_path: Path) -> None:
    done = CliRunner().invoke(app, ["calibrate", "--out", str(tmp_path / "c.yaml"), *arguments])
    assert done.exit_code == 2
    assert sentence in done.output.replace("\n", " ")
    assert not (tmp_path / "c.yaml").exists()
