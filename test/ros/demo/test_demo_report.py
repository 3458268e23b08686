"""The demo's report leads to what is worth a look: frames apart in time, the video, and the replay beside it."""

from pathlib import Path

import numpy as np
import pytest
from browser import browser_page
from std_msgs.msg import Header
from waiting import wait_until

from epofusion_core.output_guard import OutputFolder
from epofusion_ros.demo.highlights import highlights, look_at_first
from epofusion_ros.demo.images import StampedImage
from epofusion_ros.demo.pictures import write_pictures
from epofusion_ros.demo.recording import FusedFrame, Recording
from epofusion_ros.demo.report import write_report
from epofusion_ros.messages.conversion import to_message

FRAMES, RATE_HZ = 50, 10


def frame(index: int) -> FusedFrame:
    """Glare grows until 2 s and falls again; what is found in it is largest at 2.1 s."""
    picture = np.full((48, 64, 3), index, np.uint8)
    masks = np.zeros((2, 48, 64), np.uint8)
    masks[0, : 48 - abs(20 - index)] = 255
    masks[1, : 48 - abs(21 - index)] = 255
    pictures = {"fused": picture, "overlay": picture, "overexposure_mask": masks[0], "guidance_mask": masks[1]}
    return FusedFrame(index * 1_000_000_000 // RATE_HZ, 200.0 if index == 45 else 20.0, index, pictures)


@pytest.fixture
def report(tmp_path: Path) -> Path:
    """The report of five seconds, beside which the replay lies and a folder of somebody else's."""
    frames = [frame(index) for index in range(FRAMES)]
    picture = np.zeros((48, 64, 3), np.uint8)
    images: list[StampedImage] = []
    for each in frames:
        images.append(StampedImage("rgb", each.stamp_ns, to_message(picture, Header())))
        images.append(StampedImage("thermal", each.stamp_ns, to_message(picture[:, :, 0], Header())))
    OutputFolder(tmp_path / "replay", "bag", ["report.html"]).mark()
    for name in ("replay", "mine"):
        (tmp_path / name).mkdir(exist_ok=True)
        (tmp_path / name / "report.html").write_text("a report")
    figures = {"received_rgb": 60.0, "fused": 50.0, "superseded": 10.0}
    shown = write_pictures(frames, images, tmp_path, lambda done, total: None)
    write_report(tmp_path / "report.html", "a drive", "xs", Recording(60, frames, figures, 5.0), shown)
    return tmp_path / "report.html"


def test_frames_to_look_at_are_apart_in_time_each_for_a_reason() -> None:
    shown = highlights([frame(index) for index in range(FRAMES)], at_most=4)
    stamps_ns = sorted(each.frame.stamp_ns for each in shown)
    assert len(shown) == 4
    assert min(np.diff(stamps_ns)) >= 1_000_000_000
    first = {each.reason: each.number for each in look_at_first(shown)}
    assert first["most overexposed"] == 20
    assert first["oldest on arrival"] == 45
    assert abs(first["most found in the glare"] - 21) == 9, "the nearest that does not look the same"


def test_the_report_begins_with_a_verdict_and_links_the_replay_beside_it(report: Path) -> None:
    page = report.read_text(encoding="utf-8")
    assert page.index("Every image is accounted for.") < page.index("Look at these first") < page.index("<video")
    assert 'href="replay/report.html"' in page
    assert "mine/report.html" not in page


def test_a_dot_opens_its_frame_in_the_video_and_a_large_one_its_pictures(
    report: Path, chromium: str, tmp_path: Path
) -> None:
    def click(link: str) -> None:
        event = "new MouseEvent('click', {bubbles: true, cancelable: true})"
        page.evaluate(f"document.querySelector('svg a[href*=\"{link}\"]').dispatchEvent({event})")

    with browser_page(chromium, tmp_path / "profile") as page:
        page.open(report.as_uri())
        wait_until(lambda: page.evaluate("document.querySelector('video')?.readyState > 0"), "the video is loaded")
        click("t=3.35")
        wait_until(lambda: page.evaluate("document.querySelector('video').currentTime") == 3.35, "the frame of the dot")
        click("#frame-20")
        wait_until(lambda: page.evaluate("location.hash") == "#frame-20", "the pictures are shown")
        assert page.evaluate("document.querySelector(':target .set') !== null")
