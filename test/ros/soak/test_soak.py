"""The soak in short: all faults come, the node outlives them, and a wrong account or growth would be said."""

from dataclasses import replace
from pathlib import Path

import pytest

from epofusion_ros.soak.faults import FAULTS
from epofusion_ros.soak.run import CleanPhase, Soak, SoakSettings, run_soak
from epofusion_ros.soak.verdict import balance, judge


def test_the_node_outlives_every_fault_and_its_accounts_balance(
    random_weights: Path, domain: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ROS_DOMAIN_ID", str(domain))
    settings = SoakSettings(0.23, tmp_path, str(random_weights), phase_s=0.9, height=48, width=64)
    soak = run_soak(settings, lambda *_: None)
    assert all(soak.faults[name] > 0 for name in FAULTS)
    assert [bar for bar in balance(soak.figures) if not bar.met] == []
    assert soak.figures["callback_errors"] == 0
    assert soak.figures["convert_errors"] > 0, "garbage was sent, and counted"
    assert soak.figures["time_resets"] > 0
    assert sum(len(phase.ages_ms) for phase in soak.phases) > 10
    assert "Traceback" not in (tmp_path / "node.log").read_text()


GOOD = Soak(
    SoakSettings(1.0, Path()),
    [CleanPhase(float(index), [50.0] * 20, 300.0) for index in range(20)],
    figures={
        "pairs": 5,
        "fused": 5,
        "received_rgb": 6,
        "unmatched_rgb": 1,
        "received_thermal": 5,
        "callback_errors": 0,
    },
)


def verdict(soak: Soak) -> dict[str, bool]:
    return {bar.what.split()[0]: bar.met for bar in judge(soak)}


def test_what_is_not_as_required_is_said() -> None:
    assert all(verdict(GOOD).values())
    assert not verdict(replace(GOOD, figures=GOOD.figures | {"fused": 4}))["pairs"]
    assert not verdict(replace(GOOD, figures=GOOD.figures | {"unmatched_rgb": 0}))["rgb"]
    assert not verdict(replace(GOOD, figures=GOOD.figures | {"callback_errors": 1}))["no"]
    fatter = [replace(phase, memory_mb=300 + 2 * phase.at_s) for phase in GOOD.phases]
    assert not verdict(replace(GOOD, phases=fatter))["memory"]
    slower = [replace(phase, ages_ms=[50 + 5 * phase.at_s] * 20) for phase in GOOD.phases]
    assert not verdict(replace(GOOD, phases=slower))["age"]
    assert not verdict(replace(GOOD, phases=GOOD.phases[:8]))["memory"], "too short a soak shows nothing"
