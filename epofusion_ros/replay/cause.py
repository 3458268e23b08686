"""Why nothing of a bag could be fused, in a sentence: as the live node's watch says it."""

from collections import Counter
from collections.abc import Sequence

from epofusion_ros.replay.rows import PairRow
from epofusion_ros.replay.schedule import Schedule
from epofusion_ros.stream.frame_account import Fate
from epofusion_ros.stream.sync_watch import InputState, likely_cause


def cause_of_nothing_fused(schedule: Schedule, rows: Sequence[PairRow]) -> str:
    """Return the likely cause; empty where something was fused, unless a camera gives no stamps."""
    fused = sum(row.fate is Fate.FUSED for row in rows)
    inputs = ((schedule.topics.rgb.name, schedule.rgb), (schedule.topics.thermal.name, schedule.thermal))
    unstamped = [topic for topic, count in inputs if count.received and schedule.unstamped[topic] == count.received]
    if fused and not (unstamped and 2 * fused < schedule.rgb.received):
        return ""
    silent = [topic for topic, count in inputs if not count.received]
    if silent:
        return f"nothing was fused: {' and '.join(silent)} has no image that can be read"
    begin = f"{fused or 'nothing'} of {schedule.rgb.received} RGB and {schedule.thermal.received} thermal images fused"
    if unstamped:
        return f"{begin}: the stamps of {' and '.join(unstamped)} are 0; expected the time of the image in each header"
    if rows:
        problem, count = Counter(row.problem or str(row.fate) for row in rows).most_common(1)[0]
        return f"{begin}: {count} of {len(rows)} pairs failed alike: {problem}"
    sync = schedule.settings.parameters.sync
    offset_s = schedule.stamp_offset_s
    rgb, thermal = (InputState(topic, count.received, publishers=1, incompatible=0) for topic, count in inputs)
    cause = likely_cause(rgb, thermal, None if offset_s is None else offset_s + sync.thermal_offset, sync.slop)
    return f"{begin}: {cause}"
