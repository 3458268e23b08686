"""The node's state as diagnostic_msgs, once a second: figures, and OK, WARN or ERROR by rules a reader can check."""

import os
import platform
from collections.abc import Mapping
from math import isnan, nan
from pathlib import Path
from typing import TYPE_CHECKING

from epofusion_core.registration.apply import LEAST_OVERLAP
from epofusion_core.thermal import COLOURED
from epofusion_ros.node.status import UNREGISTERED
from epofusion_ros.stream.frame_account import Account, Fate
from epofusion_ros.stream.pairing import StreamCount

if TYPE_CHECKING:
    from builtin_interfaces.msg import Time
    from diagnostic_msgs.msg import DiagnosticArray

_OTHER = {"rgb": "thermal", "thermal": "rgb"}
_DROPS = (Fate.STALE, Fate.CONVERT_ERRORS, Fate.SIZE_ERRORS, Fate.INFERENCE_ERRORS)


def figures_of_stream(
    now_s: float,
    account: Account,
    rgb: StreamCount,
    thermal: StreamCount,
    thermal_range: tuple[float, float] | None = None,
    overlap: float = 0.0,
) -> dict[str, float]:
    """Return what became of all frames up to a time on a steady clock, and how the last thermal image was prepared."""
    figures = account.snapshot(now_s) | figures_of_inputs(rgb, thermal)
    figures["thermal_min"], figures["thermal_max"] = thermal_range or (nan, nan)
    figures["registration_overlap"] = overlap
    return figures


def figures_of_inputs(rgb: StreamCount, thermal: StreamCount) -> dict[str, float]:
    """Return the counts of both inputs: received = pairs - reused + passed + unmatched + pending."""
    figures: dict[str, float] = {"reused_thermal": thermal.reused}
    for name, count in (("rgb", rgb), ("thermal", thermal)):
        figures[f"received_{name}"] = count.received
        figures[f"passed_{name}"] = count.passed
        figures[f"unmatched_{name}"] = count.unmatched
        figures[f"pending_{name}"] = count.pending
    return figures


def verdict(
    now: Mapping[str, float],
    before: Mapping[str, float],
    *,
    active: bool,
    why_unpaired: str = "no stamps lie within sync.slop",
) -> tuple[int, str]:
    """Return level (0 OK, 1 WARN, 2 ERROR) and a sentence, from the figures of this second and the last one.

    ERROR: pairs failed and nothing was published, or thermal reaches next to nothing of the RGB image. WARN: some
    failed, frames of one input are passed through, frames arrive and none could be paired, an input of the active
    node is silent, or the thermal image is coloured. OK else.

    Args:
        now: figures of this second.
        before: figures of the last one.
        active: the node is active.
        why_unpaired: the likely cause where frames of both inputs do not pair.
    """

    def grown(name: str) -> float:
        return now.get(name, 0) - before.get(name, 0)

    failed = {name: grown(name) for name in _DROPS if grown(name) > 0}
    if failed:
        said = ", ".join(f"{name} {count:.0f}" for name, count in failed.items())
        published = grown(Fate.FUSED) + grown(Fate.PASSED_THROUGH)
        return (1 if published > 0 else 2), f"pairs dropped in the last second: {said}"
    for name, missing in _OTHER.items():
        if grown(f"passed_{name}") > 0:
            return 1, f"no {missing} frame comes: {name} is passed through"
    received_rgb, received_thermal = grown("received_rgb"), grown("received_thermal")
    if received_rgb > 0 and received_thermal > 0 and grown("pairs") == 0:
        return 1, f"frames of both inputs arrive, but none pair: {why_unpaired}"
    if grown(Fate.FUSED) > 0 and now.get("registration_overlap", 1.0) < LEAST_OVERLAP:
        level, sentence = UNREGISTERED
        return level, f"{sentence}: {100 * now['registration_overlap']:.2f} %"
    silent = [name for name, received in (("rgb", received_rgb), ("thermal", received_thermal)) if received == 0]
    if not active:
        return 0, "not active"
    if silent:
        return 1, f"no {' and no '.join(silent)} frame in the last second"
    return (1, COLOURED) if now.get("thermal_coloured") else (0, "fusing")


def memory_mb() -> float:
    """Return the resident memory of this process, in MB; 0 where the system does not say."""
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[1])
    except (OSError, ValueError, IndexError):
        return 0.0
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def to_message(
    name: str, stamp: "Time", level: int, sentence: str, figures: Mapping[str, float], texts: Mapping[str, str]
) -> "DiagnosticArray":
    """Return a message with one status; figures and texts become its values by key."""
    from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus, KeyValue

    values = [KeyValue(key=key, value="nan" if isnan(value) else f"{value:.10g}") for key, value in figures.items()]
    values += [KeyValue(key=key, value=value) for key, value in texts.items()]
    status = DiagnosticStatus(level=bytes([level]), name=name, message=sentence, values=values)
    status.hardware_id = platform.node()
    message = DiagnosticArray(status=[status])
    message.header.stamp = stamp
    return message
