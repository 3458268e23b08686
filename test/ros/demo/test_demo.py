"""The demo as a user runs it: the command, the real node in its own process, real DDS, and the files that it leaves."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import av
import numpy as np
import pytest
import rclpy
from rclpy.executors import SingleThreadedExecutor
from rclpy.task import Future
from sensor_msgs.msg import Image

from epofusion_core.imaging import read_rgb
from epofusion_core.video import VideoReader
from epofusion_ros.installed_files import DDS_PROFILE_VARIABLE

DOMAIN = 1 + os.getpid() % 100  # as the `domain` fixture, which lives for one test only
FRAMES = 10
PROBE = """<script>
addEventListener("load", () => console.log("PROBE", JSON.stringify({
  broken: [...document.images].filter(image => !image.naturalWidth).length,
  images: document.images.length,
  charts: document.querySelectorAll("svg .mark").length > 1,
  sideways: document.documentElement.scrollWidth > innerWidth,
})));
</script>"""


def command(model: Path, out: Path, *options: str) -> tuple[list[str], dict[str, str]]:
    arguments = ["demo", "--model", str(model), "--out", str(out), "--frames", str(FRAMES), *options]
    environment = {**os.environ, "ROS_DOMAIN_ID": str(DOMAIN), "OMP_NUM_THREADS": "1"}
    del environment[DDS_PROFILE_VARIABLE]  # a user's shell has none: the demo chooses it
    return [sys.executable, "-m", "epofusion_ros.cli.main", *arguments], environment


def run(model: Path, out: Path, *options: str) -> subprocess.CompletedProcess[str]:
    arguments, environment = command(model, out, *options)
    return subprocess.run(arguments, env=environment, capture_output=True, text=True, timeout=200, check=False)


@pytest.fixture(scope="module")
def drive(random_weights: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Path]:
    """What the demo has printed on the embedded drive, and its folder."""
    out = tmp_path_factory.mktemp("demo")
    done = run(random_weights, out)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout, out


def numbers_of(balance: str) -> list[int]:
    found = re.search(
        r"(\d+)\s+received\s+=\s+(\d+)\s+fused\s+\+\s+(\d+)\s+superseded\s+\+\s+(\d+)\s+unmatched\s+\+\s+(\d+)\s+dropped",
        balance,
    )
    assert found is not None, balance
    return [int(number) for number in found.groups()]


def test_every_image_that_the_node_received_is_accounted_for(drive: tuple[str, Path]) -> None:
    printed, out = drive
    received, *fates = numbers_of(printed)
    assert 0 < received <= FRAMES
    assert received == sum(fates)
    assert fates[0] > 0
    assert numbers_of((out / "report.html").read_text(encoding="utf-8")) == [received, *fates]
    assert "report.html" in printed.splitlines()[-1]


def test_the_video_and_the_masks_have_each_fused_frame(drive: tuple[str, Path]) -> None:
    printed, out = drive
    fused = numbers_of(printed)[1]
    with VideoReader(out / "fused.mp4") as video:
        frames = [image for _, image in video]
    assert len(frames) == fused
    assert frames[0].shape == (480, 640, 3)
    with av.open(str(out / "fused.mp4")) as container:
        codec = container.streams.video[0].codec_context
        assert (codec.name, codec.pix_fmt) == ("h264", "yuv420p")  # what browsers play
    assert len(list((out / "masks").glob("*_guidance_mask.png"))) == fused
    assert len(list((out / "masks").glob("*_overexposure_mask.png"))) == fused


def test_sources_stand_beside_the_result(drive: tuple[str, Path]) -> None:
    from epofusion_core.simulation import Drive

    picture = read_rgb(min((drive[1] / "side_by_side").glob("*.png")))
    visible = picture[34 : 34 + 480, :640]
    rendered = Drive(0)
    differences = [np.abs(visible.astype(int) - rendered.frame(i).visible).max() for i in range(FRAMES)]
    assert min(differences) == 0


@pytest.mark.parametrize("width", [1280, 500])
def test_a_browser_opens_the_report_without_errors_or_sideways_scrolling(
    drive: tuple[str, Path], chromium: str, width: int
) -> None:
    page = drive[1] / "probed.html"
    report = (drive[1] / "report.html").read_text(encoding="utf-8")
    assert "http://" not in report
    assert "https://" not in report
    page.write_text(report + PROBE, encoding="utf-8")
    options = ["--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--enable-logging=stderr"]
    options += [f"--window-size={width},900", "--virtual-time-budget=5000", "--dump-dom"]
    done = subprocess.run([chromium, *options, page.as_uri()], capture_output=True, text=True, timeout=120, check=True)
    said = [line for line in done.stderr.splitlines() if "CONSOLE" in line]
    pictures = 6 * len(list((drive[1] / "side_by_side").iterdir()))
    expected = f'{{"broken":0,"images":{pictures},"charts":true,"sideways":false}}'
    assert len(said) == 1, said
    assert expected in said[0]


def test_live_publishes_until_ctrl_c_and_then_writes_the_report(random_weights: Path, tmp_path: Path) -> None:
    arguments, environment = command(random_weights, tmp_path, "--live")
    with subprocess.Popen(arguments, env=environment, stdout=subprocess.PIPE, text=True) as process:
        try:
            wait_for_fused_images(2 * FRAMES)
            process.send_signal(signal.SIGINT)
            printed, _ = process.communicate(timeout=90)
        finally:
            process.terminate()
    received, *fates = numbers_of(printed)
    assert process.returncode == 0
    assert received == sum(fates) > FRAMES
    assert (tmp_path / "report.html").is_file()


def test_a_demo_that_is_terminated_leaves_no_node_behind(random_weights: Path, tmp_path: Path) -> None:
    arguments, environment = command(random_weights, tmp_path, "--live")
    with subprocess.Popen(arguments, env=environment, stdout=subprocess.DEVNULL) as process:
        try:
            wait_for_fused_images(1)
            nodes = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
        finally:
            process.terminate()
        assert process.wait(timeout=60) == 128 + signal.SIGTERM
    assert nodes
    assert not [node for node in nodes if Path("/proc", node).exists()]


def wait_for_fused_images(wanted: int) -> None:
    context = rclpy.Context()
    rclpy.init(context=context, domain_id=DOMAIN)
    node = rclpy.create_node("test_demo_viewer", context=context)
    executor = SingleThreadedExecutor(context=context)
    executor.add_node(node)
    arrived = Future(executor=executor)
    stamps: set[int] = set()

    def look(message: Image) -> None:
        stamps.add(message.header.stamp.sec * 1_000_000_000 + message.header.stamp.nanosec)
        if len(stamps) == wanted:
            arrived.set_result(None)

    node.create_subscription(Image, "/epofusion/fused/image", look, 10)
    executor.spin_until_future_complete(arrived, timeout_sec=120)
    node.destroy_node()
    rclpy.shutdown(context=context)
    assert arrived.done(), f"{len(stamps)} fused images came; expected {wanted}"


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (["--vi", "missing.mp4", "--thermal", "missing.mp4"], "missing.mp4 does not exist"),
        (["--vi", "missing.mp4"], "only one of --vi and --thermal"),
        (["--bag", "missing_bag"], "bag missing_bag does not exist"),
    ],
)
def test_a_source_that_is_not_there_is_refused_in_one_sentence(
    options: Sequence[str], sentence: str, random_weights: Path, tmp_path: Path
) -> None:
    done = run(random_weights, tmp_path / "out", *options)
    assert done.returncode == 2
    assert sentence in done.stderr
    assert "Traceback" not in done.stderr


def test_a_broken_model_is_named_with_the_last_words_of_the_node(tmp_path: Path) -> None:
    broken = tmp_path / "broken.safetensors"
    broken.write_bytes(b"nothing")
    done = run(broken, tmp_path / "out")
    assert done.returncode == 2
    assert "failed to configure" in done.stderr
    assert "broken.safetensors" in done.stderr
