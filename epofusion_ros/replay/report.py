"""report.html of a replay, self-contained; of several bags one page with all, and a page in the folder of each."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from math import isnan, nan
from pathlib import Path

from markupsafe import Markup

from epofusion_core.atomic_file import write_text
from epofusion_core.evaluation.columns import COLUMNS, Column
from epofusion_core.evaluation.summary import Table
from epofusion_core.output_guard import OutputFolder
from epofusion_core.report.charts import events, histogram, timeline
from epofusion_core.report.page import render_page
from epofusion_ros.replay import checkpoint
from epofusion_ros.replay.gallery import Gallery, ShownFrame, are_near
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
        first: of these, one for each reason, none near another in time.
    """

    name: str
    summary: BagSummary
    begin_ns: int
    latency_ms: dict[str, float]
    charts: list[tuple[str, Markup]]
    table: Table | None
    frames: list[tuple[str, list[ShownFrame]]]
    first: list[tuple[str, ShownFrame]]

    def seconds(self, frame: ShownFrame) -> str:
        """Return when a frame's fate was decided, from the beginning of the bag."""
        return f"{(frame.row.decided_ns - self.begin_ns) / 1e9:.2f} s"


def write_report(path: Path, folders: Sequence[Path], failures: Sequence[Failure], frames: int) -> None:
    """Write the report of replayed bags; of several, the folder of each gets a report of its own that this links to.

    Args:
        path: file to write.
        folders: what `replay_bag` has written for each bag, within the file's folder.
        failures: bags that could not be replayed.
        frames: how many were kept of each bag.
    """
    demo = OutputFolder(path.parent.parent, "demo", ()).has_made(path.name)
    above = [("the demo", f"../{path.name}")] if demo else []
    bags = ((folder, _section(folder, read_summary(folder / checkpoint.SUMMARY), frames)) for folder in folders)
    if len(folders) == 1:
        write_text(path, _page([section for _, section in bags], failures, above))
        return
    sections = []
    for folder, section in bags:
        write_text(folder / path.name, _page([section], [], [("all bags", f"../{path.name}")]))
        sections.append(replace(section, charts=[], frames=[], first=[]))
    write_text(path, _page(sections, failures, above))


def _page(sections: Sequence[BagSection], failures: Sequence[Failure], above: Sequence[tuple[str, str]]) -> str:
    return render_page(
        __package__,
        "report.html.jinja",
        sections=sections,
        failures=failures,
        above=above,
        totals=[sum(counts) for counts in zip(*(_counts(section.summary) for section in sections), strict=True)],
        worst=_worst(sections),
        described=described,
    )


def _counts(summary: BagSummary) -> tuple[int, int, int]:
    return summary.fates[Fate.FUSED.value], summary.pairs, summary.overexposed_pairs


def _worst(sections: Sequence[BagSection]) -> list[tuple[str, str]]:
    """Return why a bag is worth a look, and its name; nothing of a single bag."""
    losses = {each.name: each.summary.received_rgb - each.summary.fates[Fate.FUSED.value] for each in sections}
    qualities = {each.name: each.summary.means.get(FUSED, {}).get("qabf", nan) for each in sections}
    measured = {name: quality for name, quality in qualities.items() if not isnan(quality)}
    found = [("most images not fused", max(losses, key=losses.__getitem__))] if any(losses.values()) else []
    found += [("lowest Qabf", min(measured, key=measured.__getitem__))] if measured else []
    return found if len(sections) > 1 else []


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
    shown = _grouped(gallery.shown())
    links = {frame.row.stamp_ns: f"#frame-{frame.row.stamp_ns}" for _, frames in shown for frame in frames}
    return BagSection(
        folder.name,
        summary,
        begin_ns,
        percentiles(simulated_ms),
        _charts(rows, unmatched_ns, begin_ns, simulated_ms, duration_s, links),
        comparison(rows),
        shown,
        _first(shown),
    )


def _charts(
    rows: Sequence[PairRow],
    unmatched_ns: Sequence[int],
    begin_ns: int,
    simulated_ms: Sequence[float],
    duration_s: float,
    links: Mapping[int, str],
) -> list[tuple[str, Markup]]:
    fused = [row for row in rows if row.fate is Fate.FUSED]
    if not fused:
        return []

    def over_time(rows: Sequence[PairRow], values: Sequence[float], unit: str) -> Markup:
        opened = {index: links[row.stamp_ns] for index, row in enumerate(rows) if row.stamp_ns in links}
        return timeline([(row.decided_ns - begin_ns) / 1e9 for row in rows], values, unit, opened)

    charts = [("Overexposed over time", over_time(fused, [100 * row.overexposed_fraction for row in fused], "%"))]
    if measured := [row for row in fused if "qabf" in row.figures.get(FUSED, {})]:
        qualities = [row.figures[FUSED]["qabf"] for row in measured]
        charts.append(("Qabf over time: edges of both images that are kept", over_time(measured, qualities, "Qabf")))
    if simulated_ms:
        charts.append(("Latency of the fused images", histogram(simulated_ms, "ms")))
        charts.append(("Latency over time", over_time(fused, simulated_ms, "ms")))
    dropped_ns = [row.decided_ns for row in rows if row.fate is not Fate.FUSED]
    lost_s = [(each_ns - begin_ns) / 1e9 for each_ns in (*dropped_ns, *unmatched_ns)]
    if lost_s:
        charts.append(("RGB images dropped or unmatched over time", events(lost_s, duration_s, "images")))
    return charts


def _grouped(frames: Iterable[ShownFrame]) -> list[tuple[str, list[ShownFrame]]]:
    return [(title, list(group)) for title, group in groupby(frames, lambda frame: frame.titles[0])]


def _first(groups: Sequence[tuple[str, list[ShownFrame]]]) -> list[tuple[str, ShownFrame]]:
    """Return the best frame of each group that is near none of the groups before it."""
    first: list[tuple[str, ShownFrame]] = []
    for title, frames in groups:
        first += [(title, frame) for frame in frames if not any(are_near(frame.row, o.row) for _, o in first)][:1]
    return first
