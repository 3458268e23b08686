"""The demo's report: one HTML file that needs nothing else."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from markupsafe import Markup

from epofusion_core.atomic_file import write_text
from epofusion_core.imaging import read_rgb
from epofusion_core.report.charts import histogram, timeline
from epofusion_core.report.page import jpeg_of, render_page
from epofusion_ros.demo.recording import Balance, Recording

_PICTURE_WIDTH_PX = 960
_JPEG_QUALITY = 82


@dataclass(frozen=True)
class Figure:
    """A figure of the report's summary: what it is, its value with the unit, and what it means."""

    name: str
    value: str
    meaning: str


def write_report(path: Path, source: str, model: str, recording: Recording, sides: Sequence[Path]) -> None:
    """Write the report of a run that has fused something.

    Args:
        path: file to write.
        source: what was published, for the heading.
        model: name or weights file of what fused.
        recording: what was collected.
        sides: pictures to show.
    """
    page = render_page(
        __package__,
        "report.html.jinja",
        source=source,
        model=model,
        balance=recording.balance(),
        figures=_figures(recording),
        charts=_charts(recording),
        pictures=[(side.stem, jpeg_of(read_rgb(side), _PICTURE_WIDTH_PX, _JPEG_QUALITY)) for side in sides],
    )
    write_text(path, page)


def verdict(balance: Balance) -> str | None:
    """Return in one sentence what is wrong with a run, or None."""
    if balance.fused == 0:
        return "nothing was fused"
    if balance.unaccounted or balance.waiting:
        return f"{balance.unaccounted + balance.waiting} of {balance.received} images are not accounted for"
    return None


def _figures(recording: Recording) -> list[Figure]:
    ages = [frame.age_ms for frame in recording.frames]
    p50, p95, p99 = np.percentile(ages, (50, 95, 99))
    known, balance = recording.figures, recording.balance()
    seconds = max(recording.duration_s, 1e-3)
    return [
        Figure("camera rate", f"{recording.published / seconds:.1f} Hz", "RGB images published"),
        Figure("fused rate", f"{balance.fused / seconds:.1f} Hz", "pairs fused, the newest first"),
        Figure("age p50", f"{p50:.0f} ms", "from camera stamp to receipt, DDS both ways included"),
        Figure("age p95", f"{p95:.0f} ms", "95 of 100 frames are younger"),
        Figure("age p99", f"{p99:.0f} ms", "99 of 100 frames are younger"),
        Figure("inference p50", f"{known.get('inference_ms_p50', float('nan')):.0f} ms", "conversion and network"),
        Figure("memory", f"{known.get('memory_mb', float('nan')):.0f} MB", "of the node's process, resident"),
    ]


def _charts(recording: Recording) -> list[tuple[str, Markup]]:
    ages = [frame.age_ms for frame in recording.frames]
    times_s = [(frame.stamp_ns - recording.frames[0].stamp_ns) / 1e9 for frame in recording.frames]
    return [
        ("Age of the fused images", histogram(ages, "ms")),
        ("Age of each over the time of its stamp", timeline(times_s, ages, "ms")),
    ]
