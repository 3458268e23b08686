"""Why nothing of a bag could be fused, in a sentence: as the live node's watch says it."""

from collections import Counter
from collections.abc import Sequence

from epofusion_ros.replay.rows import PairRow
from epofusion_ros.replay.schedule import Schedule
from epofusion_ros.stream.frame_account import Fate
from epofusion_ros.stream.sync_watch import InputState, Timing, why_unpaired


def cause_of_nothing_fused(schedule: Schedule, rows: Sequence[PairRow]) -> str:
    """Return the likely cause; empty where something was fused, but for single pairs of a camera without stamps."""
    fused = sum(row.fate is Fate.FUSED for row in rows)
    counts = {"rgb": schedule.rgb, "thermal": schedule.thermal}
    topics = {"rgb": schedule.topics.rgb.name, "thermal": schedule.topics.thermal.name}
    stands_still = any(stamps and stamps[0] == stamps[1] for stamps in schedule.last_two_ns.values())
    if fused and not (stands_still and 2 * fused < schedule.rgb.received):
        return ""
    silent = [topics[name] for name, count in counts.items() if not count.received]
    if silent:
        return f"nothing was fused: no image of {' or '.join(silent)} can be read"
    begin = f"{fused or 'nothing'} of {schedule.rgb.received} RGB and {schedule.thermal.received} thermal images fused"
    if rows and not fused:
        problem, count = Counter(row.problem or str(row.fate) for row in rows).most_common(1)[0]
        return f"{begin}: {count} of {len(rows)} pairs failed alike: {problem}"
    sync = schedule.settings.parameters.sync
    rgb, thermal = (
        InputState(topics[name], count.received, 1, 0, schedule.last_two_ns.get(name)) for name, count in counts.items()
    )
    offset_s = schedule.stamp_offset_s
    timing = Timing(None if offset_s is None else offset_s + sync.thermal_offset, sync.slop, sync.policy)
    return f"{begin}: {why_unpaired(rgb, thermal, timing)}"
