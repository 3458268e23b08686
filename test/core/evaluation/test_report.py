"""The report opens in a real browser: nothing missing, nothing cut off, on a desk and on a phone, light and dark."""

import json
import subprocess
from pathlib import Path

import numpy as np
import pytest
from browser import browser_page
from waiting import wait_until

from epofusion_core.data.pairs import find_pairs
from epofusion_core.evaluation.evaluate import measure_pairs
from epofusion_core.evaluation.methods import FolderMethod, Method, RuleMethod
from epofusion_core.evaluation.report import render
from epofusion_core.evaluation.summary import Evaluation, collect
from epofusion_core.imaging import read_rgb

PROBE = """<script>
addEventListener("load", () => {
  const images = [...document.images];
  document.body.setAttribute("data-probe", JSON.stringify({
    images: images.length,
    broken: images.filter(image => image.naturalWidth === 0).length,
    overflow: document.documentElement.scrollWidth - innerWidth,
    rows: document.querySelectorAll("tbody tr").length,
    best: document.querySelectorAll("td.best").length,
    injected: document.querySelectorAll("b").length,
  }));
});
</script>"""


@pytest.fixture
def evaluation(glare_pairs: Path) -> Evaluation:
    methods: list[Method] = [
        RuleMethod("maximum"),
        RuleMethod("average"),
        FolderMethod("<b>mine</b>", glare_pairs / "country" / "ir"),
    ]
    return collect(measure_pairs(find_pairs(glare_pairs / "country"), methods), 2, ["x<b>.png: has no partner"])


def browse(browser: str, page: Path, *options: str) -> str:
    command = [browser, "--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", *options, page.as_uri()]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=True).stdout


def test_the_report_needs_no_other_file_and_escapes_names(evaluation: Evaluation) -> None:
    page = render("Fusion quality", evaluation)
    assert "http://" not in page
    assert "https://" not in page
    assert "<script src" not in page
    assert "&lt;b&gt;mine&lt;/b&gt;" in page


def test_the_report_begins_with_the_best_method_against_the_best_rule(evaluation: Evaluation) -> None:
    assert render("Fusion quality", evaluation).index("Best method and best plain rule: ") < 10_000


@pytest.mark.parametrize("width", [1280, 500])
def test_a_browser_shows_every_picture_and_row_without_sideways_scrolling(
    evaluation: Evaluation, chromium: str, tmp_path: Path, width: int
) -> None:
    page = tmp_path / "report.html"
    page.write_text(render("Fusion quality", evaluation) + PROBE, encoding="utf-8")
    document = browse(chromium, page, f"--window-size={width},900", "--dump-dom", "--virtual-time-budget=5000")
    probe = json.loads(document.split('data-probe="')[1].split('"')[0].replace("&quot;", '"'))
    assert probe.pop("best") >= 1
    assert probe == {"images": 10, "broken": 0, "overflow": 0, "rows": 4, "injected": 0}


def test_the_page_follows_the_readers_light_or_dark_setting(
    evaluation: Evaluation, chromium: str, tmp_path: Path
) -> None:
    page = tmp_path / "report.html"
    page.write_text(render("Fusion quality", evaluation), encoding="utf-8")
    brightness = {}
    for scheme, setting in (("light", 1), ("dark", 0)):
        shot = tmp_path / f"{scheme}.png"
        options = (f"--screenshot={shot}", "--window-size=800,600", f"--blink-settings=preferredColorScheme={setting}")
        browse(chromium, page, *options)
        brightness[scheme] = float(np.median(read_rgb(shot)))
    assert brightness["light"] > 230
    assert brightness["dark"] < 50


@pytest.fixture
def masked(glare_pairs: Path, tmp_path: Path) -> Evaluation:
    """Pairs with true masks, and a method that predicts some."""
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "fused").symlink_to(glare_pairs / "town" / "vi")
    (tmp_path / "mine" / "mask").symlink_to(glare_pairs / "town" / "mask")
    methods: list[Method] = [RuleMethod("maximum"), FolderMethod("mine", tmp_path / "mine")]
    return collect(measure_pairs(find_pairs(glare_pairs / "town"), methods), 2)


def test_a_picture_grows_on_a_click_and_is_wiped_against_the_overlay_and_the_true_mask(
    masked: Evaluation, chromium: str, tmp_path: Path
) -> None:
    report = tmp_path / "report.html"
    report.write_text(render("Fusion quality", masked), encoding="utf-8")
    with browser_page(chromium, tmp_path / "profile") as page:
        page.resize(390, 844)
        page.open(report.as_uri())
        wait_until(lambda: page.evaluate("document.readyState") == "complete", "the report is loaded")
        layers = page.evaluate("[...document.querySelector('select').options].map(option => option.value)")
        assert layers == ["visible", "infrared", "mine", "mine: overlay", "mine: mask", "maximum", "true mask"]
        page.evaluate("document.querySelector('[data-layer=\"true mask\"] img').click()")
        width = "document.querySelector('[data-layer=\"true mask\"] img').getBoundingClientRect().width"
        shown = (
            "[...document.querySelector('.stage').children].filter(each => each.dataset.layer"
            " && getComputedStyle(each).visibility === 'visible').map(each => each.dataset.layer)"
        )
        assert page.evaluate(shown) == ["visible", "true mask"]
        assert page.evaluate(width) > 350, "over the whole width of a phone"
        page.evaluate(
            "document.activeElement.dispatchEvent(new KeyboardEvent('keydown', {key: 'Escape', bubbles: true}))"
        )
        assert page.evaluate(width) < 200
        assert len(page.evaluate(shown)) == len(layers), "side by side again"


def test_rules_stand_apart_below_the_methods(masked: Evaluation) -> None:
    page = render("Fusion quality", masked)
    assert page.index("<th>mine</th>") < page.index("plain rules, to compare with") < page.index("<th>maximum</th>")
