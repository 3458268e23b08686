"""Requirements of a soak test: accounts balance, memory does not grow, latency stays as in the beginning."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from epofusion_ros.remote_node.figures import both_sides
from epofusion_ros.soak.run import CleanPhase, Soak

_TOO_SHORT = "too short a soak to tell"
_MEMORY_GROWTH = 0.05
_LATENCY_GROWTH, _LATENCY_SLACK_MS = 1.25, 10.0


@dataclass(frozen=True)
class Bar:
    """One requirement.

    Attributes:
        what: is required.
        measured: in words.
        met: whether it is.
    """

    what: str
    measured: str
    met: bool


def judge(soak: Soak) -> list[Bar]:
    """Compare a soak with what is required; of its clean phases, those of the warm-up do not count."""
    phases = soak.phases[soak.warm_up :]
    third = max(1, len(phases) // 3)
    return [
        *balance(soak.figures),
        Bar(
            "no callback failed",
            f"{soak.figures.get('callback_errors', -1):.0f}",
            soak.figures.get("callback_errors") == 0,
        ),
        _memory(phases, third),
        _latency(phases, third),
    ]


def balance(figures: Mapping[str, float]) -> list[Bar]:
    """Compare both sides of the accounts of a node that has come to rest: nothing may be in work."""
    return [
        Bar(f"{what} = accounted for", f"{came:.0f} = {accounted:.0f}", came == accounted)
        for what, (came, accounted) in both_sides({**figures, "in_flight": 0.0}).items()
    ]


def _memory(phases: list[CleanPhase], third: int) -> Bar:
    what = f"memory grows by less than {_MEMORY_GROWTH:.0%} after warm-up"
    if len(phases) < 2:
        return Bar(what, _TOO_SHORT, False)
    first = float(np.median([phase.memory_mb for phase in phases[:third]]))
    last = float(np.median([phase.memory_mb for phase in phases[-third:]]))
    return Bar(
        what, f"{first:.0f} MB, then {last:.0f} MB ({last / first - 1:+.1%})", last < first * (1 + _MEMORY_GROWTH)
    )


def _latency(phases: list[CleanPhase], third: int) -> Bar:
    what = "age of fused images without faults, p99, as in the beginning"
    early, late = ([age for phase in part for age in phase.ages_ms] for part in (phases[:third], phases[-third:]))
    if len(phases) < 2 or not early or not late:
        return Bar(what, _TOO_SHORT, False)
    first, last = float(np.percentile(early, 99)), float(np.percentile(late, 99))
    measured = f"{first:.0f} ms of {len(early)}, then {last:.0f} ms of {len(late)} images"
    return Bar(what, measured, last <= first * _LATENCY_GROWTH + _LATENCY_SLACK_MS)
