"""The live node and a replay make the same of the same pairs: fates, reasons and bytes."""

from collections import Counter
from dataclasses import replace
from itertools import zip_longest
from pathlib import Path

import numpy as np
from diagnostic_msgs.msg import DiagnosticArray
from harness import TOPICS, Peer, accounts_balance, fill, running_node
from recording import INFO_TOPIC, MS, RGB_TOPIC, START_NS, THERMAL_TOPIC, Recorded, scene, write_bag
from rosgraph_msgs.msg import Clock
from sensor_msgs.msg import CameraInfo, Image

from epofusion_ros.messages import topics
from epofusion_ros.messages.conversion import pixels
from epofusion_ros.parameters.parameter_file import parameters_of
from epofusion_ros.replay.bag import Bag
from epofusion_ros.replay.fused_bag import CAMERA_INFO_TOPIC
from epofusion_ros.replay.replay_bag import BagTask, replay_bag
from epofusion_ros.replay.rows import read_rows
from epofusion_ros.replay.settings import ReplaySettings

S = 1_000_000_000
MAX_AGE_S = 5.0
Frames = tuple[int, str, np.ndarray, np.ndarray]
"""Stamp in ns, RGB encoding, RGB image and thermal counts of a pair."""


def pairs() -> list[Frames]:
    """Sound and unsound pairs; the last two come after the bag has looped onto a warmer scene."""
    (rgb, thermal), (other, _) = scene(0), scene(1)
    return [
        (START_NS - 10 * S, "rgb8", other, thermal),  # too old
        (START_NS, "rgb8", rgb, thermal),
        (START_NS + 33 * MS, "rgb32", other, thermal),  # an encoding that nobody knows
        (START_NS + 66 * MS, "rgb8", other, thermal[:24, :32]),  # another size
        (START_NS + 99 * MS, "rgb8", other, thermal + 50),
        (START_NS - 3 * S, "rgb8", rgb, thermal + 20_000),
        (START_NS - 3 * S + 33 * MS, "rgb8", other, thermal + 20_030),
    ]


def recorded(frames: list[Frames]) -> list[Recorded]:
    """Record them within a moment; before each pair comes the next one's calibration, that of a zoom camera."""
    infos = [Recorded(INFO_TOPIC, 0, frame[0], focal_px=float(index)) for index, frame in enumerate(frames)]
    messages = infos[:1]
    for (stamp_ns, encoding, rgb, thermal), next_info in zip_longest(frames, infos[1:]):
        messages += [next_info] if next_info else []
        messages.append(Recorded(RGB_TOPIC, 0, stamp_ns, encoding, rgb))
        messages.append(Recorded(THERMAL_TOPIC, 0, stamp_ns, "mono16", thermal))
    return [replace(each, bag_ns=START_NS + index * MS) for index, each in enumerate(messages)]


def publish(peer: Peer, message: Recorded) -> None:
    if message.pixels is None:
        info = CameraInfo(width=64, height=48)
        info.k[0] = message.focal_px
        made, publisher = info, peer.camera_info
    else:
        made = fill(Image(), message.pixels, message.encoding)
        publisher = peer.rgb if message.topic == RGB_TOPIC else peer.thermal
    made.header.stamp.sec, made.header.stamp.nanosec = divmod(message.stamp_ns, S)
    publisher.publish(made)


def test_the_node_and_a_replay_make_the_same_of_the_same_pairs(
    random_weights: Path, domain: int, tmp_path: Path
) -> None:
    messages = recorded(pairs())
    given = {"max_input_age": MAX_AGE_S, "threads": 1}
    parameters = parameters_of(None, {"model": str(random_weights), **given})
    bag = write_bag(tmp_path / "bag", messages)
    replay_bag(BagTask(bag, tmp_path / "out", ReplaySettings(parameters, inference_ms=0.01)))
    rows = read_rows(tmp_path / "out" / "metrics.csv")
    fates = [row.fate for row in rows]
    assert fates == ["stale", "fused", "convert_errors", "size_errors", "fused", "fused", "fused"]

    reported: list[int] = []
    with running_node(random_weights, domain, tmp_path / "log", use_sim_time=True, **given), Peer() as peer:
        clock = peer.node.create_publisher(Clock, "/clock", 10)
        peer.node.create_subscription(
            DiagnosticArray, topics.DIAGNOSTICS, lambda message: reported.append(message.header.stamp.sec), 10
        )
        peer.activate()
        now = Clock()
        now.clock.sec = START_NS // S

        def time_has_come() -> bool:
            clock.publish(now)
            return now.clock.sec in reported

        peer.spin_until(time_has_come, "the node's clock")
        for message in messages:
            publish(peer, message)
            if message.topic == THERMAL_TOPIC:
                done = Counter(row.fate for row in rows if row.rgb_bag_ns < message.bag_ns)
                peer.spin_until(
                    lambda done=done: all(peer.figure(fate) == done[fate] for fate in done), f"the fates {done}"
                )
        outputs = peer.outputs
        peer.spin_until(lambda: len(outputs.overlay) == len(outputs.camera_info) == 4, "the pictures")
        assert accounts_balance(peer)
        assert peer.figure("pairs") == len(rows)

    log = (tmp_path / "log").read_text()
    assert all(f"pair dropped: {row.problem}" in log for row in rows if row.problem)
    assert "it is 10.000 s old; expected at most 5.0 s" in log
    with Bag(tmp_path / "out" / "fused") as fused:
        for name in TOPICS:
            replayed = {
                message.stamp_ns: message.message for message in fused.messages([topics.full_name(TOPICS[name])])
            }
            live = {received.stamp_ns: received.message for received in getattr(outputs, name)}
            assert live.keys() == replayed.keys()
            assert all(np.array_equal(pixels(live[stamp_ns]), pixels(replayed[stamp_ns])) for stamp_ns in live)
        replayed_px = [(message.stamp_ns, message.message.k[0]) for message in fused.messages([CAMERA_INFO_TOPIC])]
    live_px = [(info.header.stamp.sec * S + info.header.stamp.nanosec, info.k[0]) for info in outputs.camera_info]
    assert live_px == replayed_px
    assert [focal_px for _, focal_px in live_px] == [1.0, 4.0, 5.0, 6.0]
