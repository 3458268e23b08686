"""`epofusion downstream` from the command line, on a tiny street."""

import csv
import json
from pathlib import Path

import numpy as np
import pytest
import torch
from typer.testing import CliRunner, Result

from epofusion_core.imaging import read_grey, write_png
from epofusion_ros.cli.main import app


def downstream(*arguments: object) -> Result:
    before = torch.get_num_threads()
    torch.set_num_threads(1)  # several threads on images this small wait for each other
    try:
        return CliRunner().invoke(app, ["downstream", *map(str, arguments), "--jobs", "1"])
    finally:
        torch.set_num_threads(before)


def rows(path: Path) -> list[dict[str, str]]:
    with path.open() as file:
        return list(csv.DictReader(file))


def test_frozen_judges_compare_sources_rules_models_and_others(
    walkers: Path, bright_square_judge: Path, random_weights: Path, tmp_path: Path
) -> None:
    for path in (walkers / "ir").iterdir():
        write_png(tmp_path / "theirs" / path.name, read_grey(path))
    out = tmp_path / "out"
    result = downstream(
        "detect", "--data", walkers, "--out", out, "--judge", f"squares={bright_square_judge}",
        "--model", f"ours={random_weights}", "--engine", "torch", "--fused", tmp_path / "theirs",
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    assert "squares (objects: 12, overexposed: 0)" in result.output
    found = {row["method"]: row["ap50"] for row in rows(out / "ap50.csv") if row["part"] == "all"}
    assert list(found) == ["visible", "infrared", "maximum", "average", "glare_maximum", "ours", "theirs"]
    assert (found["visible"], found["infrared"], found["theirs"]) == ("0", "1", "1")
    assert (out / "ap50.png").stat().st_size > 1000
    assert (out / "misses" / "squares_ours.png").is_file()


def test_what_cannot_be_used_is_named_and_the_exit_code_says_so(
    walkers: Path, bright_square_judge: Path, random_weights: Path, tmp_path: Path
) -> None:
    (walkers / "boxes" / "1.txt").unlink()
    result = downstream(
        "detect", "--data", walkers, "--out", tmp_path / "out", "--judge", bright_square_judge,
        "--model", random_weights, "--engine", "torch", "--glare", "spots", "--seed", 1, "--seed", 2,
    )  # fmt: skip
    assert result.exit_code == 1
    assert "pair 1: its objects are not known; expected boxes, or marked ones" in result.output
    assert {row["seed"] for row in rows(tmp_path / "out" / "ap50.csv")} == {"all", "1", "2"}


def test_a_test_set_is_written_for_others_to_fuse(walkers: Path, tmp_path: Path) -> None:
    result = downstream("prepare", "--data", walkers, "--out", tmp_path / "set", "--seed", 4)
    assert result.exit_code == 0, result.output
    assert {path.name for path in (tmp_path / "set").iterdir()} == {"vi", "ir", "boxes"}
    again = downstream("prepare", "--data", walkers, "--out", tmp_path / "set")
    assert again.exit_code == 2
    assert "is not empty; expected a new folder" in again.output


def test_table_vii_trains_a_detector_on_each_methods_images(
    walkers: Path, random_weights: Path, tmp_path: Path
) -> None:
    result = downstream(
        "train-detect", "--train", walkers, "--test", walkers, "--out", tmp_path / "out",
        "--model", f"ours={random_weights}", "--engine", "torch", "--iterations", 1, "--batch", 2,
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    methods = {row["method"] for row in rows(tmp_path / "out" / "ap50.csv")}
    assert methods == {"visible", "infrared", "maximum", "average", "glare_maximum", "ours"}
    assert (tmp_path / "out" / "ap50.png").is_file()


def test_table_vi_trains_segformer_on_each_methods_images(walkers: Path, random_weights: Path, tmp_path: Path) -> None:
    for path in (walkers / "ir").iterdir():
        write_png(tmp_path / "labels" / path.name, (read_grey(path) > 200).astype(np.uint8))
    result = downstream(
        "segment", "--train", walkers, "--test", walkers, "--labels", tmp_path / "labels", "--out", tmp_path / "out",
        "--model", f"ours={random_weights}", "--engine", "torch", "--iterations", 1, "--batch", 2,
        "--crop", 64, "--classes", "background,person",
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    found = rows(tmp_path / "out" / "iou.csv")
    assert [row["method"] for row in found] == ["visible", "infrared", "maximum", "average", "glare_maximum", "ours"]
    assert all(0 <= float(row["mIoU"]) <= 1 for row in found)
    assert json.loads((tmp_path / "out" / "iou.json").read_text())["ours"].keys() == {"background", "person", "mIoU"}


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["--judge", "oracle"], "judge 'oracle' is unknown"),
        (["--judge", "JUDGE", "--judge", "JUDGE"], "'bright_squares' names two judges"),
        (["--judge", "JUDGE", "--glare", "fog"], "fog"),
        (["--judge", "JUDGE", "--glare", "spots", "--fused", "DATA"], "cannot show glare that is added here"),
        (["--judge", "JUDGE", "--classes", "cat"], "no pair has an object that a judge knows"),
        (["--judge", "JUDGE", "--model", "maximum=x"], "'maximum' names two rows"),
    ],
)
def test_a_wrong_argument_gets_one_sentence_and_exit_code_2(
    walkers: Path, bright_square_judge: Path, random_weights: Path, tmp_path: Path, arguments: list[str], complaint: str
) -> None:
    given = [word.replace("JUDGE", str(bright_square_judge)).replace("DATA", str(walkers)) for word in arguments]
    model = [] if "--model" in given else ["--model", random_weights]
    result = downstream("detect", "--data", walkers, "--out", tmp_path / "out", *model, *given)
    assert result.exit_code == 2
    assert complaint in result.output
    assert not (tmp_path / "out").exists()
