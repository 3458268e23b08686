"""The report of a replay opens in a real browser: complete, nothing cut off, and its slider wipes."""

import json
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from recording import drive, write_bag

from epofusion_ros.replay.batch import Replays, replay_bags, tasks_of
from epofusion_ros.replay.report import Failure, write_report
from epofusion_ros.replay.settings import ReplaySettings

PROBE = """<script>
addEventListener("load", () => {
  const stage = document.querySelector(".stage");
  const wipe = stage.querySelector("input");
  const isShown = image => getComputedStyle(image).visibility === "visible";
  stage.scrollIntoView({block: "center"});
  const {x, y, width, height} = stage.getBoundingClientRect();
  const touched = document.elementFromPoint(x + width / 2, y + height / 2);
  const before = getComputedStyle(stage.querySelector(".right")).clipPath;
  wipe.focus();
  wipe.value = 25;
  wipe.dispatchEvent(new Event("input", {bubbles: true}));
  const after = getComputedStyle(stage.querySelector(".right")).clipPath;
  const choices = document.querySelectorAll(".set select");
  choices[0].value = "thermal";
  choices[0].dispatchEvent(new Event("change", {bubbles: true}));
  choices[1].value = "overlay";
  choices[1].dispatchEvent(new Event("change", {bubbles: true}));
  console.log("PROBE", JSON.stringify({
    broken: [...document.images].filter(image => !image.naturalWidth).length,
    images: document.images.length,
    charts: document.querySelectorAll("svg").length,
    rows: document.querySelectorAll("tbody tr").length,
    sideways: document.documentElement.scrollWidth > innerWidth,
    before, after, reached: touched === wipe,
    shown: [...stage.querySelectorAll("[data-layer]")].filter(isShown).map(image => image.dataset.layer),
    cut: [...document.querySelectorAll("svg text")].filter(text => {
      const inner = text.getBoundingClientRect(), outer = text.closest("svg").getBoundingClientRect();
      const within = inner.left >= outer.left && inner.right <= outer.right;
      return !(within && inner.top >= outer.top && inner.bottom <= outer.bottom);
    }).map(text => text.textContent),
    smallest: Math.min(...[...document.querySelectorAll("svg text")].map(text => text.getBoundingClientRect().height)),
    first: document.querySelector(".frames").previousElementSibling.firstChild.textContent.trim(),
    dots: document.querySelectorAll("svg a[href^='#']").length > 0,
    dead: [...document.querySelectorAll("a[href^='#']")].filter(link =>
      !document.getElementById(link.getAttribute("href").slice(1))).length,
    nearest: Math.min(...[...document.querySelectorAll(".frames")].flatMap(group => {
      const stamps = [...group.children].map(frame => Number(frame.id.slice(-19)) / 1e9).sort();
      return stamps.slice(1).map((stamp, index) => stamp - stamps[index]);
    })),
    injected: document.querySelectorAll("b.evil").length,
  }));
});
</script>"""

SET_WIPE = """<script>
const wipe = document.querySelector(".stage input");
wipe.value = {share};
wipe.dispatchEvent(new Event("input"));
document.body.replaceChildren(document.querySelector(".stage"));
</script>"""


@pytest.fixture(scope="module")
def report(settings: ReplaySettings, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The report of a bag of 70 images (2.3 s), and of one that could not be read."""
    folder = tmp_path_factory.mktemp("report")
    bag = write_bag(folder / "drive", drive(70))
    live = replace(settings, inference_ms=1.0)
    replays: Replays = replay_bags(tasks_of([bag], folder / "out", live, resume=False), 1, quiet)
    failures = [Failure("<b class=evil>x</b>", "is no bag")]
    write_report(folder / "report.html", list(replays.done), failures, settings.pictures)
    return (folder / "report.html").read_text(encoding="utf-8")


@contextmanager
def quiet(_: str) -> Iterator[Callable[[int, int], None]]:
    yield lambda done, total: None


def browse(browser: str, page: Path, *options: str) -> subprocess.CompletedProcess[str]:
    command = [browser, "--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars"]
    command += ["--enable-logging=stderr", "--virtual-time-budget=5000", *options, page.as_uri()]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)


def test_the_report_needs_no_other_file_and_escapes_names(report: str) -> None:
    assert "http://" not in report
    assert "https://" not in report
    assert "&lt;b class=evil&gt;" in report


@pytest.mark.parametrize("width", [1280, 500])
def test_a_browser_shows_everything_without_errors_and_the_slider_moves(
    report: str, chromium: str, tmp_path: Path, width: int
) -> None:
    page = tmp_path / "report.html"
    page.write_text(report + PROBE, encoding="utf-8")
    done = browse(chromium, page, f"--window-size={width},900", "--dump-dom")
    said = [line for line in done.stderr.splitlines() if "CONSOLE" in line]
    assert len(said) == 1, said
    found = json.loads(said[0].split("PROBE ")[1].rsplit('", source', 1)[0])
    assert found.pop("images") >= 5 * 3
    assert found.pop("nearest") >= 1, "seconds between two frames that are shown side by side"
    assert found.pop("smallest") >= 10, "labels of charts are large enough to be read"
    assert found == {
        "broken": 0,
        "charts": 5,
        "rows": 5,
        "sideways": False,
        "before": "inset(0px 0px 0px 50%)",
        "after": "inset(0px 0px 0px 25%)",
        "reached": True,
        "shown": ["thermal", "overlay"],
        "cut": [],
        "first": "Most overexposed",
        "dots": True,
        "dead": 0,
        "injected": 0,
    }


def screenshot(browser: str, page: Path, *options: str) -> np.ndarray:
    picture = page.with_suffix(".png")
    browse(browser, page, f"--screenshot={picture}", "--window-size=640,700", *options)
    return np.asarray(cv2.imread(str(picture)))


def test_wiping_uncovers_the_visible_picture_with_its_glare(report: str, chromium: str, tmp_path: Path) -> None:
    page = tmp_path / "report.html"
    middles = {}
    for share in (0, 100):
        page.write_text(report + SET_WIPE.replace("{share}", str(share)), encoding="utf-8")
        shown = screenshot(chromium, page)
        middles[share] = shown[150:300, 250:390]
    assert np.median(middles[100]) > 240, "the glare in the visible picture"
    assert cv2.absdiff(middles[0], middles[100]).mean() > 20


def test_the_page_follows_the_readers_light_or_dark_setting(report: str, chromium: str, tmp_path: Path) -> None:
    page = tmp_path / "report.html"
    page.write_text(report, encoding="utf-8")
    light, dark = (screenshot(chromium, page, f"--blink-settings=preferredColorScheme={value}") for value in (1, 0))
    assert np.median(light) > 230
    assert np.median(dark) < 60
