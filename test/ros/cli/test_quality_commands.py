"""`epofusion evaluate`, `score` and `ablate` as a user runs them on folders of images."""

import csv
import json
import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest
import typer
from typer.testing import CliRunner, Result

from epofusion_core.evaluation.baselines import average
from epofusion_core.imaging import read_grey, read_rgb, write_png
from epofusion_core.video import VideoWriter
from epofusion_ros.cli.ablate import ablate
from epofusion_ros.cli.evaluate import evaluate
from epofusion_ros.cli.score import score

app = typer.Typer()
for command in (evaluate, score, ablate):
    app.command()(command)

BOXES = str(Path(__file__).parents[3] / "config" / "train" / "glare_boxes.csv")
RULES = ["maximum", "average", "glare_maximum"]


def epofusion(*arguments: str | Path | int) -> Result:
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture
def town(glare_pairs: Path) -> Path:
    return glare_pairs / "town"


def test_evaluate_compares_a_model_with_the_rules_over_all_and_per_dataset(
    glare_pairs: Path, random_weights: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    result = epofusion(
        "evaluate", "--data", glare_pairs, "--model", f"mine={random_weights}", "--out", out, "--jobs", 1
    )
    assert result.exit_code == 0, result.output
    assert all(title in result.output for title in ("all (items: 5", "country (items: 2", "town (items: 3", "Q_oe ↑"))
    means = rows(out / "means.csv")
    assert [row["method"] for row in means] == 3 * [*RULES, "mine"]
    assert float(means[0]["mi"]) > 0
    assert means[0]["mask_iou"] == ""
    assert 0 <= float(means[3]["mask_iou"]) <= 1
    assert len(rows(out / "per_image.csv")) == 5 * 4
    tables = json.loads((out / "results.json").read_text())["tables"]
    assert [table["dataset"] for table in tables] == ["all", "country", "town"]
    assert tables[0]["rows"][0]["figures"]["mi"] == pytest.approx(float(means[0]["mi"]), abs=1e-4)
    report = (out / "report.html").read_text()
    assert f"<h1>Fusion quality: {glare_pairs.name}</h1>" in report
    assert report.count("data:image/jpeg") > 10


def test_evaluate_reads_a_list_and_names_what_is_missing(glare_pairs: Path, tmp_path: Path) -> None:
    chosen = tmp_path / "val.txt"
    chosen.write_text("town/0\ncountry/4\ntown/99\n")
    (glare_pairs / "country" / "ir" / "4.png").write_bytes(b"broken")
    result = epofusion("evaluate", "--data", glare_pairs, "--list", chosen, "--out", tmp_path / "out", "--jobs", 1)
    assert result.exit_code == 1
    assert "town/99 has no images" in result.output
    assert "4.png: is no image" in result.output
    assert "2 inputs could not be used" in result.output
    assert {row["item"] for row in rows(tmp_path / "out" / "per_image.csv")} == {"town/0"}


@pytest.fixture
def clips(tmp_path: Path) -> Path:
    """A clip of four frames in which the infrared alone flickers."""
    for folder, amplitude in (("vi", 0), ("ir", 60)):
        with VideoWriter(tmp_path / "clips" / folder / "drive.mp4", 10.0) as video:
            for frame in range(4):
                video.write(np.full((64, 96), 80 + amplitude * (frame % 2), np.uint8))
    return tmp_path / "clips"


def test_evaluate_measures_how_steady_videos_are(clips: Path, tmp_path: Path) -> None:
    result = epofusion("evaluate", "--videos", clips, "--out", tmp_path / "out", "--jobs", 1)
    assert result.exit_code == 0, result.output
    flicker = {row["method"]: float(row["flicker"]) for row in rows(tmp_path / "out" / "means.csv")}
    assert flicker["maximum"] == pytest.approx(30, abs=3)
    assert flicker["average"] == pytest.approx(0, abs=3)
    assert all(row["biswe"] and row["ms2r"] and row["blots"] == "0" for row in rows(tmp_path / "out" / "means.csv"))


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["evaluate"], "expected --data or --videos"),
        (["evaluate", "--data", "nowhere"], "data root nowhere is no folder"),
        (["evaluate", "--data", "TOWN", "--model", "epofusion_xxl"], "model 'epofusion_xxl' not found"),
        (["evaluate", "--data", "TOWN", "--model", "maximum=x.safetensors"], "'maximum' names two rows"),
        (["evaluate", "--videos", "TOWN"], "has no pair of videos"),
        (["evaluate", "--data", "TOWN", "--glare-boxes", BOXES], "glare_boxes.csv name none of the pairs"),
        (["score", "--vi", "TOWN/vi", "--ir", "TOWN/ir", "--fused", "nowhere"], "fused folder nowhere is missing"),
        (["score", "--vi", "TOWN/vi", "--ir", "nowhere", "--fused", "TOWN/ir"], "infrared folder nowhere is missing"),
        (["ablate", "--data", "TOWN", "--without-gm", "x.safetensors"], "model 'x.safetensors' not found"),
    ],
)
def test_a_wrong_argument_gets_one_sentence_and_exit_code_2(
    town: Path, tmp_path: Path, arguments: list[str], complaint: str
) -> None:
    result = epofusion(*(argument.replace("TOWN", str(town)) for argument in arguments), "--out", tmp_path / "out")
    assert result.exit_code == 2
    assert complaint in result.output
    assert not (tmp_path / "out").exists()


def test_score_compares_several_methods_at_once_and_marks_the_best(town: Path, tmp_path: Path) -> None:
    shutil.copytree(town / "vi", tmp_path / "visible_only")
    for path in (town / "ir").iterdir():
        blurred = cv2.GaussianBlur(average(read_grey(town / "vi" / path.name), read_grey(path)), (0, 0), 4)
        write_png(tmp_path / "blurred" / "fused" / path.name, np.asarray(blurred, np.uint8))
        write_png(tmp_path / "blurred" / "mask" / path.name, read_grey(town / "mask" / path.name))
    result = epofusion(
        "score", "--vi", town / "vi", "--ir", town / "ir", "--mask", town / "mask",
        "--fused", tmp_path / "visible_only",
        "--fused", f"soft={tmp_path / 'blurred'}", "--out", tmp_path / "out", "--jobs", 2,
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    found = {
        row["method"]: row for row in json.loads((tmp_path / "out" / "results.json").read_text())["tables"][0]["rows"]
    }
    assert list(found) == [*RULES, "visible_only", "soft"]
    assert found["visible_only"]["figures"]["dy"] == 0
    assert found["visible_only"]["marks"]["phantom"] == "best"
    assert found["soft"]["figures"]["mask_iou"] == 1
    assert found["soft"]["figures"]["qabf"] < found["average"]["figures"]["qabf"]


def test_score_names_results_that_are_missing_and_scores_the_rest(town: Path, tmp_path: Path) -> None:
    shutil.copytree(town / "ir", tmp_path / "mine")
    (tmp_path / "mine" / "1.png").unlink()
    (town / "ir" / "2.png").unlink()
    result = epofusion(
        "score", "--vi", town / "vi", "--ir", town / "ir", "--fused", tmp_path / "mine", "--out", tmp_path / "out"
    )
    assert result.exit_code == 1
    assert "has no image named 1" in result.output
    assert "2.png: has no infrared image of the same stem" in result.output
    assert {row["items"] for row in rows(tmp_path / "out" / "means.csv")} == {"1"}


def test_score_refuses_two_methods_of_one_name(town: Path, tmp_path: Path) -> None:
    arguments = ("score", "--vi", town / "vi", "--ir", town / "ir", "--fused", town / "vi", "--fused", town / "vi")
    result = epofusion(*arguments, "--out", tmp_path / "out")
    assert result.exit_code == 2
    assert "'vi' names two rows" in result.output


def test_ablate_writes_table_iv_and_the_curves_over_steps(
    town: Path, clips: Path, random_weights: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    result = epofusion(
        "ablate", "--data", town, "--model", random_weights, "--without-al", random_weights, "--max-steps", 2,
        "--videos", clips, "--out", out, "--jobs", 1, "--json",
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout).keys() == {"parts", "steps"}
    for folder, models in (("parts", ["w/o AL", "EPOFusion"]), ("steps", ["K = 1", "K = 2"])):
        means = [row for row in rows(out / folder / "means.csv") if row["dataset"] == "all"]
        assert [row["method"] for row in means] == [*RULES, *models]
    curves = rows(out / "steps" / "steps.csv")
    assert [row["steps"] for row in curves] == ["1", "2"]
    assert all(float(row["time_ms"]) > 0 and float(row["qabf"]) > 0 and row["biswe"] for row in curves)
    assert json.loads((out / "steps" / "steps.json").read_text())[1]["figures"]["mi"] > 0
    plot = read_rgb(out / "steps" / "steps.png")
    assert plot.shape[1] > 1000
    assert plot.std() > 5


def test_nothing_readable_still_gives_a_report_and_exit_code_1(tmp_path: Path) -> None:
    for folder in ("vi", "ir"):
        (tmp_path / "pairs" / folder).mkdir(parents=True)
        (tmp_path / "pairs" / folder / "1.png").write_bytes(b"broken")
    result = epofusion("evaluate", "--data", tmp_path / "pairs", "--out", tmp_path / "out", "--jobs", 1)
    assert result.exit_code == 1
    assert "1.png: is no image" in (tmp_path / "out" / "report.html").read_text()
