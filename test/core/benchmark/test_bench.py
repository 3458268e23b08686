"""`epofusion bench`: the rows that it must have, and the front that it draws."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from epofusion_core.benchmark.pareto import Point, front
from epofusion_ros.cli.main import app


def test_bench_times_every_engine_and_draws_latency_against_quality(
    random_weights: Path, glare_pairs: Path, tmp_path: Path
) -> None:
    arguments = ["bench", "--model", str(random_weights), "--rounds", "5", "--height", "64", "--width", "96"]
    arguments += ["--data", str(glare_pairs), "--measure", "vif", "--batches", "--out", str(tmp_path / "out")]
    done = CliRunner().invoke(app, arguments)
    assert done.exit_code == 0, done.output
    results = json.loads((tmp_path / "out" / "bench.json").read_text())
    engines = {row["subject"].split("K=1 ")[1] for row in results["rows"]}
    assert {"torch f32", "onnxruntime f32", "openvino f32"} <= engines
    for row in results["rows"]:
        assert 0 < row["engine_ms"] < row["p50_ms"] <= row["p95_ms"] <= row["p99_ms"]
        assert 10 < row["memory_mb"] < 4000
        assert 0 < row["gmacs"] < 1
        assert 0 < row["share_of_peak"] < 1.2
    assert results["processor"]
    for rates in results["peak_gmacs_by_operation"].values():
        assert min(rates["f32"], rates["int8"]) > 0
    assert {"encoder", "refinement", "tail", "luma and padding"} <= results["parts_ms"][str(random_weights)].keys()
    costs_ms = results["batches"][str(random_weights)]
    assert list(costs_ms) == ["1", "2", "4", "8"]
    assert min(costs_ms.values()) > 0
    assert (tmp_path / "out" / "pareto.png").stat().st_size > 10_000


def test_bench_tells_the_cost_by_resolution(random_weights: Path, tmp_path: Path) -> None:
    arguments = ["bench", "--model", str(random_weights), "--rounds", "5", "--height", "64", "--width", "96"]
    arguments += ["--engine", "onnxruntime", "--resolutions", "--out", str(tmp_path)]
    done = CliRunner().invoke(app, arguments)
    assert done.exit_code == 0, done.output
    rows = json.loads((tmp_path / "bench.json").read_text())["resolutions"]
    assert [(row["width"], row["height"]) for row in rows] == [(320, 256), (640, 480), (1280, 720), (1920, 1080)]
    costs_ms = [row["p50_ms"] for row in rows]
    assert 0 < costs_ms[0] < costs_ms[-1]


def test_quality_is_what_a_judge_sees_in_the_glare(
    random_weights: Path, walkers: Path, bright_square_judge: Path, tmp_path: Path
) -> None:
    arguments = ["bench", "--model", str(random_weights), "--rounds", "5", "--height", "64", "--width", "96"]
    arguments += ["--engine", "torch", "--data", str(walkers), "--judge", f"squares={bright_square_judge}"]
    done = CliRunner().invoke(app, [*arguments, "--out", str(tmp_path / "out")])
    assert done.exit_code == 0, done.output
    (quality,) = json.loads((tmp_path / "out" / "bench.json").read_text())["quality"].values()
    assert 0 <= quality <= 1
    assert (tmp_path / "out" / "pareto.png").stat().st_size > 10_000


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (["--engine", "auto"], "engine 'auto' cannot be benchmarked; expected torch or onnxruntime"),
        (["--engine", "torch", "--precision", "int8"], "precision int8 is one of none of the engines torch on device"),
        (["--data", "{pairs}", "--measure", "beauty"], "measure 'beauty' is unknown; expected one of ap_glare, en"),
        (["--data", "nowhere"], "nowhere"),
        (["--data", "{pairs}", "--judge", "oracle"], "judge 'oracle' is unknown"),
    ],
)
def test_what_cannot_be_benchmarked_is_one_clear_sentence_before_anything_is_timed(
    options: list[str], sentence: str, random_weights: Path, glare_pairs: Path, tmp_path: Path
) -> None:
    arguments = ["bench", "--model", str(random_weights), "--out", str(tmp_path / "out")]
    done = CliRunner().invoke(app, [*arguments, *(option.format(pairs=glare_pairs) for option in options)])
    assert done.exit_code == 2
    assert sentence in done.output
    assert not (tmp_path / "out").exists()


_POINTS = st.lists(
    st.builds(Point, st.just("m"), st.just("torch"), st.just("f32"), st.just(1), st.floats(1, 99), st.floats(0, 1)),
    min_size=1,
)


@given(_POINTS)
def test_no_point_of_the_front_is_beaten_and_every_other_is(points: list[Point]) -> None:
    best = front(points)

    def beats(one: Point, other: Point) -> bool:
        at_least = one.latency_ms <= other.latency_ms and one.quality >= other.quality
        return at_least and (one.latency_ms, one.quality) != (other.latency_ms, other.quality)

    assert not any(beats(one, other) for one in points for other in best)
    assert all(point in best or any(beats(one, point) or one == point for one in best) for point in points)
