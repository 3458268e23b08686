"""When the pairs of a bag are found, by the stamps or by the times of recording."""

import pytest
from sensor_msgs.msg import Image

from epofusion_ros.parameters.node_parameters import from_values
from epofusion_ros.replay.bag import BagMessage
from epofusion_ros.replay.schedule import Schedule
from epofusion_ros.replay.settings import ReplaySettings
from epofusion_ros.replay.topics import ImageTopic, TopicPair

MS = 1_000_000


@pytest.mark.parametrize(("stamps", "pairs"), [("header", 1), ("arrival", 9)])
def test_frames_that_no_driver_has_stamped_pair_by_when_they_were_recorded(stamps: str, pairs: int) -> None:
    topics = TopicPair(ImageTopic("/rgb"), ImageTopic("/ir"))
    schedule = Schedule(topics, ReplaySettings(from_values({"sync.stamps": stamps})))
    started_ns = 1_790_000_000_000 * MS
    recorded = [
        BagMessage(topic, started_ns + (33 * index + late_ms) * MS, Image())
        for index in range(10)
        for topic, late_ms in (("/rgb", 0), ("/ir", 9))
    ]
    found = list(schedule.pairs(recorded))
    assert len(found) >= pairs
    assert len(found) == 1 or all(each.pair.delta_ns == 9 * MS for each in found)
    assert schedule.rgb.received == len(found) + schedule.rgb.unmatched + schedule.rgb.pending == 10
