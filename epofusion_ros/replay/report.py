"""report.html of a replay: one self-contained page for all bags."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from markupsafe import Markup

from epofusion_core.evaluation.columns import COLUMNS, Column
from epofusion_core.evaluation.summary import Table
from epofusion_core.page import render_page
from epofusion_ros.charts import events, histogram, timeline
from epofusion_ros.replay import journal
from epofusion_ros.replay.gallery import LAYERS, Gallery, ShownFrame
from epofusion_ros.replay.rows import FUSED, METRICS, PairRow, read_rows
from epofusion_ros.replay.summary import BagSummary, comparison, latency_ms

_SHOWN_METRICS = [column for column in COLUMNS if column.key in METRICS]


@dataclass(frozen=True)
class Failure:
    """A bag that could not be replayed, and why, in a sentence."""

    bag: str
    sentence: str


@dataclass(frozen=True)
class BagSection:
    """What the report shows of a bag.

    Attributes:
        name: of its folder.
        summary: its account.
        charts: title and drawing of each.
        table: fused images and plain rules; None where too little was measured.
        frames: with pictures, the overexposed first.
    """

    name: str
    summary: BagSummary
    charts: list[tuple[str, Markup]]
    table: Table | None
    frames: list[ShownFrame]


def write_report(path: Path, folders: Sequence[Path], failures: Sequence[Failure], frames: int) -> None:
    """Write the report of replayed bags.

    Args:
        path: file to write.
        folders: what `replay_bag` has written for each bag.
        failures: bags that could not be replayed.
        frames: how many were kept of each bag.
    """
    from epofusion_ros.replay.summary import read_summary

    sections = [_section(folder, read_summary(folder / journal.SUMMARY), frames) for folder in folders]
    page = render_page(
        __package__, "report.html.jinja", sections=sections, failures=failures, layers=LAYERS, described=described
    )
    path.write_text(page, encoding="utf-8")


def described(row: PairRow) -> list[tuple[Column, str]]:
    """Return the measures of a fused image as tables show them."""
    figures = row.figures.get(FUSED, {})
    return [(column, column.format(figures[column.key])) for column in _SHOWN_METRICS if column.key in figures]


def _section(folder: Path, summary: BagSummary, frames: int) -> BagSection:
    rows = read_rows(folder / journal.METRICS)
    gallery = Gallery(folder / journal.PICTURES, frames)
    for row in rows:
        if row.fate == FUSED:
            gallery.offer(row, None)
    charts = _charts(rows, summary, journal.read_times(folder / journal.TIMING))
    return BagSection(folder.name, summary, charts, comparison(rows), gallery.shown())


def _charts(rows: Sequence[PairRow], summary: BagSummary, times_ms: Sequence[str]) -> list[tuple[str, Markup]]:
    fused = [row for row in rows if row.fate == FUSED]
    if not fused:
        return []
    begin_ns = min(row.decided_ns for row in rows)
    times_s = [(row.decided_ns - begin_ns) / 1e9 for row in fused]
    dropped_s = [(row.decided_ns - begin_ns) / 1e9 for row in rows if row.fate != FUSED]
    latencies = [latency_ms(row) for row in fused]
    named = "Latency, with the simulated inference time"
    if summary.mode == "every":
        named = "Wait for the partner, plus inference on the machine of the replay"
        latencies = [wait + float(time_ms) for wait, time_ms in zip(latencies, times_ms, strict=False)]
    return [
        (named, histogram(latencies, "ms")),
        ("The same over the time of the bag", timeline(times_s, latencies, "ms")),
        ("Pairs dropped over the time of the bag", events(dropped_s, summary.duration_s, "drops")),
    ]
