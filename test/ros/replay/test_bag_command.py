"""`epofusion bag` as a user runs it: many bags, parameter files, and what is refused or named in one sentence."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from recording import INFO_TOPIC, MS, RGB_TOPIC, THERMAL_TOPIC, Recorded, drive, write_bag
from typer.testing import CliRunner

from epofusion_core.output_guard import OutputFolder
from epofusion_ros.cli.main import app
from epofusion_ros.parameters.parameter_file import read_parameter_file


def run(*arguments: str | Path | int) -> tuple[int, str]:
    done = CliRunner().invoke(app, ["bag", *(str(argument) for argument in arguments)])
    return done.exit_code, done.output


def test_many_bags_make_a_report_each_and_one_of_all_that_links_them_and_names_a_failed_one(
    drive_bag: Path, random_weights: Path, tmp_path: Path
) -> None:
    broken = tmp_path / "broken.mcap"
    broken.write_bytes(b"nothing")
    OutputFolder(tmp_path, "demo", ["report.html"]).mark()
    code, said = run(
        drive_bag, broken, drive_bag, "--out", tmp_path / "out", "--jobs", 2, "--model", random_weights
    )  # fmt: skip
    assert code == 1, said
    assert "broken.mcap" in said
    report = (tmp_path / "out" / "report.html").read_text()
    assert "broken.mcap" in report
    assert 'href="../report.html">the demo' in report
    for name in ("drive", "drive_2"):
        assert f'href="{name}/report.html"' in report
        of_bag = (tmp_path / "out" / name / "report.html").read_text()
        assert 'href="../report.html">all bags' in of_bag
        assert "Latency" not in of_bag, "a replay that waits for each pair says nothing of a node's latency"
    first, second = ((tmp_path / "out" / name / "metrics.csv").read_bytes() for name in ("drive", "drive_2"))
    assert first == second


def test_a_parameter_file_of_the_node_is_taken_and_wrong_ones_are_refused(tmp_path: Path) -> None:
    file = tmp_path / "params.yaml"
    file.write_text(
        "/**:\n  ros__parameters:\n    sync: {slop: 0.05}\n    use_sim_time: true\n"
        "    qos_overrides: {/rgb/image_raw: {subscription: {depth: 1}}}\n"
        "/vehicle/epofusion:\n  ros__parameters:\n    thermal.polarity: black_hot\n"
        "other:\n  ros__parameters: {a: 1}\n"
    )
    assert read_parameter_file(file) == {"sync.slop": 0.05, "thermal.polarity": "black_hot"}
    for text, sentence in (
        ("/**:\n  ros__parameters:\n    sync.slip: 0.05\n", "sync.slip, which the node has not"),
        ("/**:\n  ros__parameters:\n    sync.slop: fast\n", "expected a number with a point"),
        ("/**:\n  ros__parameters:\n    sync.slop: 1\n", "sync.slop to 1; expected a number with a point"),
        ("/**:\n  ros__parameters:\n    steps: true\n", "steps to True; expected a whole number"),
        ("/**:\n  ros__parameters:\n    thermal.percentiles: ['a', 'b']\n", "expected a list of numbers with a point"),
        ("/**:\n  ros__parameters:\n    thermal.percentiles: [null, 99.0]\n", "expected a list of numbers"),
        ("/**:\n  ros__parameters:\n    thermal.percentiles: 1.0\n", "expected a list of numbers"),
        ("/**:\n  ros__parameters: 5\n", "has no parameters"),
        ("/**:\n  ros__parameters: &a\n    x: *a\n", "cannot be read"),
        ("nothing", "has no parameters"),
        ("{", "cannot be read"),
        ("[" * 5000, "cannot be read"),
    ):
        file.write_text(text)
        with pytest.raises(ValueError, match=sentence) as refused:
            read_parameter_file(file)
        assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["missing"], "does not exist"),
        (["BAG", "--mode", "realtime"], "go together"),
        (["BAG", "--config", "missing.yaml"], "missing.yaml"),
        (["BAG", "--model", "epofusion_xxl"], "epofusion_xxl"),
        (["BAG", "--rgb-topic", "/typo"], "has no image topic /typo; expected one of /camera/image_raw (rgb8"),
        (["a[red]b"], "a[red]b does not exist"),
        (["BAG", "--config", "a[red]b.yaml"], "a[red]b.yaml"),
    ],
)
def test_what_cannot_be_done_is_said_in_one_sentence(
    arguments: list[str], sentence: str, drive_bag: Path, tmp_path: Path
) -> None:
    code, said = run(*(argument.replace("BAG", str(drive_bag)) for argument in arguments), "--out", tmp_path / "out")
    assert code == 2
    assert sentence in " ".join(said.split())
    assert "Traceback" not in said


def shifted(recorded: list[Recorded], topics: set[str], stamp: Callable[[int], int]) -> list[Recorded]:
    return [replace(each, stamp_ns=stamp(each.stamp_ns)) if each.topic in topics else each for each in recorded]


BOTH = {RGB_TOPIC, THERMAL_TOPIC, INFO_TOPIC}


@pytest.mark.parametrize(
    ("recorded", "sentence"),
    [
        (shifted(drive(12), {THERMAL_TOPIC}, lambda ns: ns + 37_000 * MS), f"{THERMAL_TOPIC} is 37 s ahead, as TAI"),
        (shifted(drive(12), {THERMAL_TOPIC}, lambda ns: ns - 350 * MS), "stamps are -0.3"),
        (shifted(drive(12), BOTH, lambda ns: 0), f"every stamp of {RGB_TOPIC} is 0"),
        ([replace(each, encoding="rgb32") for each in drive(12)], "10 of 10 pairs failed alike: encoding 'rgb32'"),
    ],
)
def test_of_a_bag_of_which_nothing_is_fused_the_cause_is_named(
    recorded: list[Recorded], sentence: str, random_weights: Path, tmp_path: Path
) -> None:
    write_bag(tmp_path / "drive", recorded)
    topics = ("--rgb-topic", RGB_TOPIC, "--thermal-topic", THERMAL_TOPIC)
    code, said = run(tmp_path / "drive", "--out", tmp_path / "out", "--model", random_weights, *topics)
    assert code == 1
    assert sentence in said
    assert sentence in (tmp_path / "out" / "report.html").read_text().replace("&#39;", "'")


def test_a_text_of_any_length_in_a_message_spoils_no_report(random_weights: Path, tmp_path: Path) -> None:
    recorded = drive(6)
    recorded[3] = replace(recorded[3], encoding="A" * 140_000)
    write_bag(tmp_path / "drive", recorded)
    code, said = run(tmp_path / "drive", "--out", tmp_path / "out", "--model", random_weights)
    assert code == 0, said
    summary = json.loads((tmp_path / "out" / "drive" / "summary.json").read_text())
    (problem,) = summary["problems"]
    assert len(problem) <= 1000
    assert "expected one of" in problem
    assert "1 dropped: encoding 'AAA" in said


def test_bags_of_one_camera_each_are_taken_as_one_drive_and_folders_of_bags_are_opened(
    random_weights: Path, tmp_path: Path
) -> None:
    recorded = drive(8)
    for name in ("rgb", "thermal"):
        part = [each for each in recorded if (each.topic == THERMAL_TOPIC) == (name == "thermal")]
        write_bag(tmp_path / "day" / name, part)
    code, said = run(tmp_path / "day", "--out", tmp_path / "out", "--model", random_weights)
    assert code == 0, said
    assert "they are taken as one drive" in said
    assert "rgb: 8 RGB images" in said
    assert f"RGB is {RGB_TOPIC} (rgb8, 64x48, 8 images), thermal is {THERMAL_TOPIC}" in said


def test_equal_runs_give_equal_reports_and_an_edited_calibration_is_noticed(
    drive_bag: Path, random_weights: Path, tmp_path: Path
) -> None:
    calibration, parameters = tmp_path / "calibration.yaml", tmp_path / "parameters.yaml"
    size = "{height: 48, width: 64}"
    parameters.write_text(
        f"/**:\n  ros__parameters:\n    registration: {{mode: homography, file: {calibration}}}\n    engine: torch\n"
    )

    def replay(out: str, shift: int, *options: str) -> tuple[int, str]:
        calibration.write_text(
            f"homography: [1,0,{shift},0,1,0,0,0,1]\nthermal_size: {size}\nrgb_size: {size}\n", encoding="utf-8"
        )
        return run(
            drive_bag, "--out", tmp_path / out, "--config", parameters, "--model", random_weights,
            "--compare-every", 100, "--measure-every", 100, *options,
        )  # fmt: skip

    assert replay("a", 0)[0] == replay("b", 0)[0] == 0
    assert (tmp_path / "a" / "report.html").read_bytes() == (tmp_path / "b" / "report.html").read_bytes()
    code, said = replay("a", 5, "--resume")
    assert code == 2
    assert "with other settings" in said
