"""The live view in a real browser, on the real node over DDS: what an engineer sees who opens the page."""

import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from browser import Page, browser_page
from harness import REPOSITORY, Peer, running_node
from waiting import wait_until

from epofusion_core.imaging import read_rgb
from epofusion_ros.messages import topics
from epofusion_ros.messages.topics import full_name
from epofusion_ros.parameters.node_parameters import DECLARATIONS
from epofusion_ros.stream.frame_account import Fate

DOMAIN = 1 + os.getpid() % 100  # as the `domain` fixture, which lives for one test only
RATE_HZ = 10.0
TIMEOUT_S = 30.0
BRIGHTNESS = """(async name => {
  const image = document.querySelector(`[data-pane=${name}] img`);
  if (!image.naturalWidth) return -1;
  const canvas = new OffscreenCanvas(1, 1), paint = canvas.getContext("2d");
  paint.drawImage(image, 0, 0, 1, 1);
  return paint.getImageData(0, 0, 1, 1).data[1];
})"""


class Cameras(threading.Thread):
    """Publishes pairs whose brightness goes up and down, and hears the node's diagnostics."""

    def __init__(self, peer: Peer) -> None:
        super().__init__(daemon=True)
        self.peer, self.is_over = peer, threading.Event()

    def run(self) -> None:
        number, next_s = 0, time.monotonic()
        while not self.is_over.is_set():
            grey = np.full((48, 64), 40 + 8 * (number % 20), np.uint8)
            self.peer.images(self.peer.now_ns(), np.dstack([grey] * 3), grey)
            number, next_s = number + 1, next_s + 1 / RATE_HZ
            while (left_s := next_s - time.monotonic()) > 0:
                self.peer.spin_once(left_s)


@contextmanager
def running_view(domain: int, *options: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """Run `epofusion view` as a user would, on a free port; yields the process and the address that it prints."""
    command = [sys.executable, "-m", "epofusion_ros.cli.main", "view", "--port", "0", *options]
    environment = {**os.environ, "ROS_DOMAIN_ID": str(domain)}
    process = subprocess.Popen(
        command, cwd=REPOSITORY, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout is not None
        found = re.search(r"http://\S+", process.stdout.readline())
        assert found is not None, process.communicate()
        yield process, found[0]
    finally:
        process.kill()
        process.communicate()


@dataclass
class Scene:
    page: Page
    peer: Peer
    address: str

    def text(self, selector: str) -> str:
        return str(self.page.evaluate(f"document.querySelector('{selector}')?.textContent"))

    def viewers_of(self, topic: str) -> int:
        return int(self.peer.node.count_subscribers(full_name(topic)))


@pytest.fixture(scope="module")
def running(chromium: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    """The node, its cameras, the view that may change parameters, and an open browser."""
    folder = tmp_path_factory.mktemp("view")
    os.environ["ROS_DOMAIN_ID"] = str(DOMAIN)
    with ExitStack() as stack:
        stack.callback(os.environ.pop, "ROS_DOMAIN_ID")
        stack.enter_context(running_node("epofusion_xs", DOMAIN, folder / "node.log"))
        _, address = stack.enter_context(running_view(DOMAIN, "--allow-changes"))
        page = stack.enter_context(browser_page(chromium, folder / "profile"))
        peer = stack.enter_context(Peer(listen_to=()))
        peer.activate()
        cameras = Cameras(peer)
        cameras.start()
        stack.callback(cameras.join)
        stack.callback(cameras.is_over.set)
        yield Scene(page, peer, address)


@pytest.fixture
def scene(running: Scene) -> Scene:
    """The page, freshly opened."""
    running.page.open(running.address)
    wait_until(lambda: running.text("#status") == "fusing", "a fusing node on the page")
    return running


@pytest.mark.parametrize("pane", ["rgb", "thermal", "fused", "overlay"])
def test_each_pane_shows_one_image_after_another(scene: Scene, pane: str) -> None:
    seen: set[int] = set()

    def look() -> bool:
        seen.add(scene.page.evaluate(f"{BRIGHTNESS}('{pane}')"))
        return len(seen - {-1}) >= 4

    wait_until(look, f"four images in {pane}")
    assert scene.text(f"[data-pane={pane}] span:last-child").endswith("64 x 48")


def test_rates_latency_and_fates_are_those_of_the_node(scene: Scene) -> None:
    shown = {name: f"[data-figure={name}]" for name in ("rgb_hz", "thermal_hz", "output_hz")}
    wait_until(lambda: all(abs(float(scene.text(each)) - RATE_HZ) < 2 for each in shown.values()), "the cameras' rate")
    wait_until(
        lambda: scene.text(shown["rgb_hz"]) == f"{scene.peer.figure('rgb_hz'):.1f}", "the rate in the diagnostics"
    )
    assert 0 < float(scene.text("[data-figure=latency_ms_p50]")) <= float(scene.text("[data-figure=latency_ms_max]"))
    rows = scene.page.evaluate(
        "[...document.querySelectorAll('#fates tr')].map(row => [...row.cells].map(cell => cell.textContent))"
    )
    assert len(rows) == len(Fate) + 2
    assert all(re.match(rf"{str(fate).replace('_', ' ')} \w", row[0]) for fate, row in zip(Fate, rows, strict=False))
    assert int(rows[0][1]) > 0


def test_a_warning_of_the_node_appears(scene: Scene) -> None:
    rgb, thermal = np.zeros((48, 64, 3), np.uint8), np.zeros((48, 64), np.uint8)

    def is_shown() -> bool:
        scene.peer.images(scene.peer.now_ns(), rgb, thermal, thermal_encoding="odd")
        return "encoding 'odd' is unknown" in scene.text("#warnings")

    wait_until(is_shown, "the warning")
    assert scene.page.evaluate("document.querySelectorAll('#warnings li').length") <= 10


def test_live_parameters_are_shown_with_their_ranges_and_can_be_changed_where_that_is_allowed(scene: Scene) -> None:
    live = [name for name, declared in DECLARATIONS.items() if declared.live]
    wait_until(lambda: "slop" in scene.text("#parameters"), "the parameters")
    assert scene.page.evaluate("[...document.querySelectorAll('.row label')].map(label => label.textContent)") == live
    assert "[0 to 10 s]" in scene.text(".row")

    def enter(value: str) -> None:
        scene.page.evaluate(
            f"(field => {{ field.value = '{value}'; field.dispatchEvent(new Event('change')); }})"
            "(document.getElementById('parameter sync.slop'))"
        )

    enter("11")
    wait_until(lambda: scene.text(".row .refused") == "parameter sync.slop is 11.0; expected at most 10 s", "a refusal")
    enter("0.05")
    wait_until(lambda: not scene.text(".row .refused"), "the change")
    scene.page.open(scene.address)
    wait_until(lambda: "slop" in scene.text("#parameters"), "the parameters")
    assert scene.page.evaluate("document.getElementById('parameter sync.slop').value") == "0.05"


def test_an_enlarged_pane_is_the_only_one_that_is_subscribed_to_and_nothing_is_when_nobody_looks(scene: Scene) -> None:
    outputs = (topics.FUSED_IMAGE, topics.OVERLAY)
    wait_until(lambda: [scene.viewers_of(topic) for topic in outputs] == [1, 1], "both subscriptions")
    scene.page.evaluate("document.querySelector('[data-pane=fused]').click()")
    wait_until(lambda: [scene.viewers_of(topic) for topic in outputs] == [1, 0], "one subscription")
    assert scene.viewers_of(topics.RGB_IMAGE) == 1, "the node's own"
    assert scene.page.evaluate("document.querySelector('[data-pane=fused]').clientWidth") > 500
    scene.page.open("about:blank")
    wait_until(lambda: [scene.viewers_of(topic) for topic in outputs] == [0, 0], "no subscription")


@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (1280, "dark"), (390, "light"), (390, "dark")])
def test_nothing_is_cut_off_on_a_desk_or_a_phone_light_or_dark(
    scene: Scene, tmp_path: Path, width: int, scheme: str
) -> None:
    scene.page.resize(width, 900)
    scene.page.prefer(scheme)
    assert scene.page.evaluate("document.documentElement.scrollWidth") == width
    scene.page.screenshot(tmp_path / "page.png")
    corner = read_rgb(tmp_path / "page.png")[-8:, :8].mean()
    assert corner > 230 if scheme == "light" else corner < 50


@pytest.mark.parametrize("signal_number", [signal.SIGINT, signal.SIGTERM])
def test_the_view_waits_for_a_node_and_ends_with_code_0(running: Scene, signal_number: signal.Signals) -> None:
    with running_view(DOMAIN, "--node", "/front/epofusion") as (process, address):
        running.page.open(address)
        wait_until(lambda: running.text("#status") == "waiting for /front/epofusion: it is not there yet", "it to wait")
        assert "no image yet" in running.text("[data-pane=rgb]")
        process.send_signal(signal_number)
        _, complaints = process.communicate(timeout=TIMEOUT_S)
        assert (process.returncode, complaints) == (0, "")
        wait_until(lambda: "no connection to the view" in running.text("#status"), "the page to notice")
