"""report.html of a replay, self-contained; of several bags one page that lists all, and one in the folder of each."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from pathlib import Path

from markupsafe import Markup

from epofusion_core.atomic_file import write_text
from epofusion_core.evaluation.columns import COLUMNS, Column
from epofusion_core.evaluation.summary import Table
from epofusion_core.report.charts import events, histogram, timeline
from epofusion_core.report.page import render_page
from epofusion_ros.replay import checkpoint
from epofusion_ros.replay.gallery import LAYERS, Gallery, ShownFrame
from epofusion_ros.replay.remote_bag import BagSource
from epofusion_ros.replay.rows import FUSED, METRICS, PairRow, read_rows, read_unmatched
from epofusion_ros.replay.summary import BagSummary, comparison, latency_ms, percentiles, read_summary
from epofusion_ros.stream.frame_account import Fate

REPORT = "report.html"
"""Name of the page of all bags, and of that in the folder of each."""

_SHOWN_METRICS = [column for column in COLUMNS if column.key in METRICS]


@dataclass(frozen=True)
class Failure:
    """A bag that could not be replayed.

    Attributes:
        bag: its name.
        sentence: why not.
        sources: where it is; several of one drive.
    """

    bag: str
    sentence: str
    sources: tuple[BagSource, ...] = ()


@dataclass(frozen=True)
class BagSection:
    """What the report shows of a bag.

    Attributes:
        name: of its folder.
        summary: its account.
        begin_ns: when the fate of its first RGB image was decided, on the bag's time; charts and frames count from it.
        latency_ms: percentiles by name, from the stamp to the fused image as simulated; empty in mode every, which
            waits for each pair and so says nothing of a node's latency.
        charts: title and drawing of each.
        table: fused images and plain rules; None where too little was measured.
        frames: with pictures, by the first reason for each, the overexposed first.
    """

    name: str
    summary: BagSummary
    begin_ns: int
    latency_ms: dict[str, float]
    charts: list[tuple[str, Markup]]
    table: Table | None
    frames: list[tuple[str, list[ShownFrame]]]


def write_report(path: Path, folders: Sequence[Path], failures: Sequence[Failure], frames: int) -> None:
    """Write the report of replayed bags; of several, the folder of each gets a report of its own that this links to.

    Args:
        path: file to write.
        folders: what `replay_bag` has written for each bag.
        failures: bags that could not be replayed.
        frames: how many were kept of each bag.
    """
    sections = []
    for folder in folders:
        section = _section(folder, read_summary(folder / checkpoint.SUMMARY), frames)
        if len(folders) > 1:
            write_text(folder / REPORT, _page([section], []))
            section = replace(section, charts=[], table=None, frames=[])
        sections.append(section)
    write_text(path, _page(sections, failures))


def _page(sections: Sequence[BagSection], failures: Sequence[Failure]) -> str:
    return render_page(
        __package__, "report.html.jinja", sections=sections, failures=failures, layers=LAYERS, described=described
    )


def described(row: PairRow) -> list[tuple[Column, str]]:
    """Return the measures of a fused image as tables show them."""
    figures = row.figures.get(FUSED, {})
    return [(column, column.format(figures[column.key])) for column in _SHOWN_METRICS if column.key in figures]


def _section(folder: Path, summary: BagSummary, frames: int) -> BagSection:
    rows = read_rows(folder / checkpoint.METRICS)
    gallery = Gallery(folder / checkpoint.PICTURES, frames)
    for row in rows:
        if row.fate is Fate.FUSED:
            gallery.offer(row, None)
    unmatched_ns = [bag_ns for _, bag_ns in read_unmatched(folder / checkpoint.UNMATCHED)]
    moments_ns = [*(row.decided_ns for row in rows), *unmatched_ns]
    begin_ns = min(moments_ns, default=0)
    duration_s = (max(moments_ns, default=0) - begin_ns) / 1e9
    simulated_ms = [latency_ms(row) for row in rows if row.fate is Fate.FUSED] if summary.mode == "realtime" else []
    return BagSection(
        folder.name,
        summary,
        begin_ns,
        percentiles(simulated_ms),
        _charts(rows, unmatched_ns, begin_ns, simulated_ms, duration_s),
        comparison(rows),
        _grouped(gallery.shown()),
    )


def _charts(
    rows: Sequence[PairRow],
    unmatched_ns: Sequence[int],
    begin_ns: int,
    simulated_ms: Sequence[float],
    duration_s: float,
) -> list[tuple[str, Markup]]:
    fused_s = [(row.decided_ns - begin_ns) / 1e9 for row in rows if row.fate is Fate.FUSED]
    if not fused_s:
        return []
    charts: list[tuple[str, Markup]] = []
    if simulated_ms:
        charts.append(("Latency of the fused images", histogram(simulated_ms, "ms")))
        charts.append(("Latency over time", timeline(fused_s, simulated_ms, "ms")))
    dropped_ns = [row.decided_ns for row in rows if row.fate is not Fate.FUSED]
    lost_s = [(each_ns - begin_ns) / 1e9 for each_ns in (*dropped_ns, *unmatched_ns)]
    return [*charts, ("RGB images dropped or unmatched over time", events(lost_s, duration_s, "images"))]


def _grouped(frames: Iterable[ShownFrame]) -> list[tuple[str, list[ShownFrame]]]:
    return [(title, list(group)) for title, group in groupby(frames, lambda frame: frame.titles[0])]
