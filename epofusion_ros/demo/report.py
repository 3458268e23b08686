"""The demo's report: one HTML file that needs nothing else."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from markupsafe import Markup
from numpy.typing import NDArray

from epofusion_core.atomic_file import write_text
from epofusion_core.output_guard import OutputFolder
from epofusion_core.report.charts import histogram, timeline
from epofusion_core.report.page import jpeg_of, render_page
from epofusion_ros.demo.highlights import look_at_first, overexposed
from epofusion_ros.demo.pictures import Shown
from epofusion_ros.demo.recording import Balance, Recording

_PICTURE_WIDTH_PX = 640
_JPEG_QUALITY = 82


@dataclass(frozen=True)
class Figure:
    """A figure of the report's summary: what it is, its value with the unit, and what it means."""

    name: str
    value: str
    meaning: str


def write_report(path: Path, source: str, model: str, recording: Recording, shown: Shown) -> None:
    """Write the report of a run that has fused something, beside fused.mp4.

    Args:
        path: file to write.
        source: what was published, for the heading.
        model: name or weights file of what fused.
        recording: what was collected.
        shown: what was written beside it.
    """
    begin_ns = recording.frames[0].stamp_ns
    balance = recording.balance()
    replays = (folder.parent for folder in sorted(path.parent.glob(f"*/{path.name}")))
    page = render_page(
        __package__,
        "report.html.jinja",
        source=source,
        model=model,
        balance=balance,
        problem=verdict(balance),
        figures=_figures(recording),
        charts=_charts(recording, shown),
        frames=[
            (each, (each.frame.stamp_ns - begin_ns) / 1e9, overexposed(each.frame), _jpegs(layers))
            for each, layers in zip(shown.highlights, shown.layers, strict=True)
        ],
        first=look_at_first(shown.highlights),
        replays=[folder.name for folder in replays if OutputFolder(folder, "bag", ()).has_made(path.name)],
    )
    write_text(path, page)


def _jpegs(layers: Mapping[str, NDArray[np.uint8]]) -> list[tuple[str, bytes]]:
    return [(name, jpeg_of(picture, _PICTURE_WIDTH_PX, _JPEG_QUALITY)) for name, picture in layers.items()]


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


def _charts(recording: Recording, shown: Shown) -> list[tuple[str, Markup]]:
    frames = recording.frames
    ages = [frame.age_ms for frame in frames]
    times_s = [(frame.stamp_ns - frames[0].stamp_ns) / 1e9 for frame in frames]
    # The middle of its time on the screen: a player may show the frame before at the very beginning.
    links = {number: f"fused.mp4#t={(number + 0.5) / shown.rate_hz:.3f}" for number in range(len(frames))}
    links |= {each.number: f"#frame-{each.number}" for each in shown.highlights}
    return [
        ("Overexposed over time", timeline(times_s, [100 * overexposed(frame) for frame in frames], "%", links)),
        ("Age of each over the time of its stamp", timeline(times_s, ages, "ms", links)),
        ("Age of the fused images", histogram(ages, "ms")),
    ]
