"""Figures of a running node, and the verdict that diagnostics draw from them."""

import json
import subprocess
import sys

import pytest

from epofusion_ros.node.diagnostics import figures_of_inputs, to_message, verdict
from epofusion_ros.stream.frame_account import Account, Fate, PairTiming
from epofusion_ros.stream.pairing import StreamCount
from epofusion_ros.stream.statistics import Distribution, Rate


def test_every_pair_is_in_one_place() -> None:
    account = Account()
    for _ in range(9):
        account.paired()
    for fate in list(Fate)[1:]:
        account.ended(fate)
    account.published(Fate.FUSED, PairTiming(latency_ms=50.0, inference_ms=30.0, sync_delta_ms=2.0), 0.25, now_s=1.0)
    figures = account.snapshot(1.0)
    assert figures["pairs"] == sum(figures[fate] for fate in Fate) + figures["in_flight"] == 9
    assert figures["fused"] == 1
    assert figures["in_flight"] == 9 - len(Fate)
    assert (figures["latency_ms_max"], figures["inference_ms_p50"], figures["sync_delta_ms_p95"]) == (50.0, 30.0, 2.0)
    assert figures["overexposed_fraction"] == 0.25


@pytest.mark.parametrize("fate", Fate)
def test_a_fate_is_written_as_its_value(fate: Fate) -> None:
    assert f"{fate}" == str(fate) == "".join([fate]) == fate.value
    assert {fate: 1}[fate.value] == 1  # type: ignore[index]
    assert json.dumps({fate: fate}) == json.dumps({fate.value: fate.value})


def test_latencies_of_before_a_time_reset_are_forgotten() -> None:
    account = Account()
    for latency_ms in (9e6, 20.0):
        account.time_reset()
        account.paired()
        account.published(Fate.FUSED, PairTiming(latency_ms, 10.0, 0.0), 0.0, now_s=0.0)
    assert account.snapshot(0.0)["latency_ms_max"] == 20.0


def test_a_rate_is_of_the_last_ten_seconds_and_falls_to_zero_when_nothing_comes() -> None:
    rate = Rate()
    for index in range(900):
        rate.count(index / 30)
    assert rate.hz(30.0) == pytest.approx(30.0, rel=0.02)
    assert rate.hz(35.0) == pytest.approx(15.0, rel=0.05)
    assert rate.hz(100.0) == 0.0


def test_percentiles_are_of_the_last_values() -> None:
    window = Distribution(length=100)
    for value in range(1000):
        window.add(value)
    assert window.percentiles(0, 50, 100) == [900.0, 949.5, 999.0]
    window.clear()
    assert str(window.percentiles(50)) == "[nan]"


FUSING = {"received_rgb": 30, "received_thermal": 30, "pairs": 30, "fused": 30}


@pytest.mark.parametrize(
    ("now", "level", "sentence"),
    [
        ({}, 1, "no rgb and no thermal frame"),
        ({"received_rgb": 30, "received_thermal": 30, "pairs": 30, "fused": 30}, 0, "fusing"),
        ({"received_rgb": 30, "received_thermal": 30}, 1, "no stamps lie within sync.slop"),
        ({"received_rgb": 30}, 1, "no thermal frame"),
        ({"received_thermal": 30}, 1, "no rgb frame"),
        ({"received_rgb": 9, "received_thermal": 9, "pairs": 9, "fused": 5, "size_errors": 4}, 1, "size_errors 4"),
        ({"received_rgb": 9, "received_thermal": 9, "pairs": 9, "convert_errors": 9}, 2, "convert_errors 9"),
        ({"received_rgb": 9, "received_thermal": 9, "pairs": 9, "stale": 9}, 2, "stale 9"),
        ({"received_rgb": 9, "received_thermal": 9, "pairs": 9, "stale": 1, "superseded": 8}, 2, "stale 1"),
        ({**FUSING, "registration_overlap": 0.004}, 2, "next to nothing of the thermal image on the RGB image: 0.40 %"),
        ({**FUSING, "registration_overlap": 0.0}, 2, "next to nothing"),
        ({**FUSING, "registration_overlap": 0.05}, 0, "fusing"),
        ({"received_rgb": 9, "passed_rgb": 9, "passed_through": 8, "convert_errors": 1}, 1, "convert_errors 1"),
    ],
)
def test_the_verdict_names_what_is_wrong(now: dict[str, float], level: int, sentence: str) -> None:
    found = verdict(now, {}, active=True)
    assert found[0] == level
    assert sentence in found[1]


def test_a_node_that_is_not_active_misses_no_input() -> None:
    assert verdict({}, {}, active=False) == (0, "not active")


def test_what_went_wrong_earlier_is_no_verdict_on_this_second() -> None:
    figures = {"received_rgb": 9.0, "received_thermal": 9.0, "pairs": 9.0, "convert_errors": 9.0}
    later = {name: value + 30 if name != "convert_errors" else value for name, value in figures.items()}
    assert verdict(later | {"fused": 30.0}, figures, active=True) == (0, "fusing")


def test_the_message_carries_every_figure_by_name() -> None:
    from builtin_interfaces.msg import Time

    figures = {"rgb_hz": 29.97, "latency_ms_p50": float("nan")}
    figures |= figures_of_inputs(StreamCount(5, 3, 1), StreamCount(4, 3, 0))
    (status,) = to_message("node", Time(sec=3), 1, "said", figures, {"device": "cpu"}).status
    values = {each.key: each.value for each in status.values}
    assert values.keys() == {*figures, "device"}
    assert (values["rgb_hz"], values["latency_ms_p50"], values["pending_rgb"]) == ("29.97", "nan", "1")
    assert (int.from_bytes(status.level, "big"), status.message) == (1, "said")


def test_memory_is_that_of_this_process() -> None:
    """In a process of its own, whose memory nothing else has used before."""
    program = """
from epofusion_ros.node.diagnostics import memory_mb
before = memory_mb()
held = bytearray(b"x") * 100_000_000
print(memory_mb() - before)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60)
    assert 80 < float(done.stdout) < 200
