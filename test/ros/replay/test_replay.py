"""What a replay does with a bag: what the live node does, the same bytes each time, and nothing lost in between."""

import json
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from harness import Peer, running_node
from hypothesis import given
from hypothesis import strategies as st
from recording import INFO_TOPIC, MS, RGB_TOPIC, START_NS, THERMAL_TOPIC, drive, scene, write_bag
from rosbags.highlevel import AnyReader
from sensor_msgs.msg import Image

from epofusion_ros.messages.conversion import pixels
from epofusion_ros.parameters.parameter_file import parameters_of
from epofusion_ros.replay.bag import Bag, BagMessage
from epofusion_ros.replay.fused_bag import CAMERA_INFO_TOPIC, FUSED_TOPIC, TOPICS
from epofusion_ros.replay.replay_bag import BagTask, replay_bag
from epofusion_ros.replay.rows import read_rows, read_unmatched
from epofusion_ros.replay.schedule import Schedule
from epofusion_ros.replay.settings import ReplaySettings
from epofusion_ros.replay.topics import ImageTopic, TopicPair, choose_topics

SAME = ("metrics.csv", "unmatched.csv", "summary.json", "fused/fused.mcap", "fused/metadata.yaml")


def contents(folder: Path) -> dict[str, bytes]:
    """Everything that must be the same in every run."""
    files = [folder / name for name in SAME] + sorted((folder / "pictures").iterdir())
    return {str(file.relative_to(folder)): file.read_bytes() for file in files}


@pytest.fixture(scope="module")
def big_bag(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Images so large that the fused bag is written while it is made."""
    return write_bag(tmp_path_factory.mktemp("big") / "drive", drive(16, (240, 320)))


@pytest.fixture(scope="module")
def replayed(big_bag: Path, settings: ReplaySettings, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What an uninterrupted replay leaves."""
    folder = tmp_path_factory.mktemp("replayed") / "drive"
    replay_bag(BagTask(big_bag, folder, settings))
    return folder


def test_the_fused_bag_has_each_picture_under_the_stamp_of_its_rgb_image(replayed: Path, big_bag: Path) -> None:
    summary = json.loads((replayed / "summary.json").read_text())
    assert summary["pairs"] == summary["fates"]["fused"] == 14
    assert summary["model"].startswith("untrained_xs by ")
    assert summary["received_rgb"] == 16 == summary["pairs"] + summary["unmatched_rgb"]
    lonely = [(START_NS + index * 33 * MS, START_NS + (index * 33 + 5) * MS) for index in (3, 10)]
    assert read_unmatched(replayed / "unmatched.csv") == lonely
    assert summary["missing"] == []
    with Bag(big_bag) as bag:
        sources = {message.stamp_ns: message for message in bag.messages([RGB_TOPIC])}
    with Bag(replayed / "fused") as bag:
        messages = list(bag.messages([*TOPICS, CAMERA_INFO_TOPIC]))
    assert Counter(message.topic for message in messages) == dict.fromkeys([*TOPICS, CAMERA_INFO_TOPIC], 14)
    assert {message.stamp_ns for message in messages} <= sources.keys()
    assert [message.bag_ns for message in messages] == sorted(message.bag_ns for message in messages)
    for message in messages:
        assert message.header.frame_id == "camera"
        if message.topic == CAMERA_INFO_TOPIC:
            assert message.message.k[0] == 500.0
        else:
            assert pixels(message.message).shape[:2] == (240, 320)


def test_each_pair_has_a_row_with_its_measures_and_some_are_compared_with_the_rules(replayed: Path) -> None:
    rows = read_rows(replayed / "metrics.csv")
    assert [row.delta_ns for row in rows] == [4 * MS] * 14
    assert all({"en", "mi", "vif", "qabf", "ssim", "dy"} <= row.figures["fused"].keys() for row in rows)
    assert [len(row.figures) for row in rows] == [4, 1, 1, 1] * 3 + [4, 1]
    overexposed = [row.overexposed_fraction > 0.01 for row in rows]
    assert overexposed == [((row.stamp_ns - START_NS) // (33 * MS)) % 3 == 0 for row in rows]
    assert [row for row, glare in zip(rows, overexposed, strict=True) if "q_oe" in row.figures["fused"]] == [
        row for row, glare in zip(rows, overexposed, strict=True) if glare
    ]


def test_one_of_several_pairs_is_measured_where_that_is_asked_for(
    big_bag: Path, settings: ReplaySettings, tmp_path: Path
) -> None:
    replay_bag(BagTask(big_bag, tmp_path, replace(settings, measure_every=3, compare_every=6)))
    rows = read_rows(tmp_path / "metrics.csv")
    assert [len(row.figures) for row in rows] == [4, 0, 0, 1, 0, 0] * 2 + [4, 0]
    assert all(row.overexposed_fraction >= 0 for row in rows)


def test_every_run_gives_the_same_bytes(
    replayed: Path, big_bag: Path, settings: ReplaySettings, tmp_path: Path
) -> None:
    replay_bag(BagTask(big_bag, tmp_path / "again", settings))
    assert contents(tmp_path / "again") == contents(replayed)


@pytest.mark.parametrize("at", [[3], [9], [5, 12], [16]])
def test_an_interrupted_replay_goes_on_and_leaves_the_same_bytes(
    at: list[int], replayed: Path, big_bag: Path, settings: ReplaySettings, tmp_path: Path
) -> None:
    def interrupt_at(image: int) -> None:
        def report(done: int, _: int) -> None:
            if done == image:
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            replay_bag(BagTask(big_bag, tmp_path, settings, resume=True), report)

    for image in at:
        interrupt_at(image)
        assert not (tmp_path / "summary.json").exists()
    replay_bag(BagTask(big_bag, tmp_path, settings, resume=True))
    assert contents(tmp_path) == contents(replayed)
    assert not (tmp_path / "unfinished").exists()
    fused = sum(row.fate == "fused" for row in read_rows(tmp_path / "metrics.csv"))
    assert len((tmp_path / "timing.csv").read_text().splitlines()) == 1 + fused


@pytest.mark.parametrize("at", [[9], [13], [5, 15]])
def test_what_fails_after_it_was_scaled_is_made_up_for_too(
    at: list[int], settings: ReplaySettings, tmp_path: Path
) -> None:
    """Images of another size move the range of the scaling, and images of 8 bits leave it alone."""
    recorded = drive(20, (120, 160))
    thermal = [index for index, each in enumerate(recorded) if each.topic == THERMAL_TOPIC]
    for index in thermal[5:9]:
        pixels_of = recorded[index].pixels
        assert pixels_of is not None
        recorded[index] = replace(recorded[index], pixels=pixels_of[:50] + np.uint16(2000))
    for index in thermal[10:12]:
        pixels_of = recorded[index].pixels
        assert pixels_of is not None
        recorded[index] = replace(recorded[index], encoding="mono8", pixels=(pixels_of >> 6).astype(np.uint8))
    bag = write_bag(tmp_path / "drive", recorded)
    uninterrupted, resumed = tmp_path / "uninterrupted", tmp_path / "resumed"
    assert replay_bag(BagTask(bag, uninterrupted, settings)).fates["size_errors"] == 4

    for image in at:

        def report(done: int, _: int, image: int = image) -> None:
            if done == image:
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            replay_bag(BagTask(bag, resumed, settings, resume=True), report)
    replay_bag(BagTask(bag, resumed, settings, resume=True))
    assert contents(resumed) == contents(uninterrupted)


def test_other_readers_read_the_fused_bag(replayed: Path) -> None:
    with AnyReader([replayed / "fused"]) as reader:
        counts = Counter(connection.topic for connection, _, _ in reader.messages())
        assert counts == dict.fromkeys([*TOPICS, CAMERA_INFO_TOPIC], 14)
        assert counts == {connection.topic: connection.msgcount for connection in reader.connections}
        first = next(reader.messages())
        assert reader.deserialize(first[2], first[0].msgtype).header.frame_id == "camera"  # type: ignore[attr-defined]


def test_resume_refuses_other_settings_and_leaves_a_finished_replay_alone(
    replayed: Path, big_bag: Path, settings: ReplaySettings, tmp_path: Path
) -> None:
    folder = tmp_path / "drive"
    shutil.copytree(replayed, folder)
    before = (folder / "fused" / "fused.mcap").stat().st_mtime_ns
    assert replay_bag(BagTask(big_bag, folder, settings, resume=True)).pairs == 14
    assert (folder / "fused" / "fused.mcap").stat().st_mtime_ns == before
    with pytest.raises(ValueError, match="other settings"):
        replay_bag(BagTask(big_bag, folder, replace(settings, inference_ms=50.0), resume=True))


@pytest.mark.parametrize("ending", [signal.SIGINT, signal.SIGKILL])
def test_ctrl_c_and_a_kill_leave_what_the_same_command_with_resume_completes(
    ending: signal.Signals, replayed: Path, big_bag: Path, random_weights: Path, tmp_path: Path
) -> None:
    command = [sys.executable, "-m", "epofusion_ros.cli.main", "bag", str(big_bag), "--out", str(tmp_path)]
    command += ["--model", str(random_weights), "--compare-every", "4"]
    metrics = tmp_path / "drive" / "unfinished" / "metrics.csv"
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        try:
            deadline_s = time.monotonic() + 120
            while not metrics.exists() or len(metrics.read_text().splitlines()) < 4:
                assert time.monotonic() < deadline_s
                try:
                    process.wait(0.02)
                except subprocess.TimeoutExpired:
                    continue
                pytest.fail("the replay ended before it was interrupted")
            process.send_signal(ending)
            _, said = process.communicate(timeout=60)
        finally:
            process.kill()
    if ending is signal.SIGINT:
        assert process.returncode == 130
        assert "--resume goes on from here" in said
    assert "Traceback" not in said
    done = subprocess.run([*command, "--resume"], capture_output=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    again, uninterrupted = contents(tmp_path / "drive"), contents(replayed)
    assert again["metrics.csv"] == uninterrupted["metrics.csv"]
    assert again["fused/fused.mcap"] == uninterrupted["fused/fused.mcap"]
    assert (tmp_path / "report.html").is_file()


def as_ros(message: BagMessage) -> Image:
    recorded = message.message
    image = Image(height=recorded.height, width=recorded.width, encoding=recorded.encoding, step=recorded.step)
    image.header.stamp.sec, image.header.stamp.nanosec = divmod(message.stamp_ns, 1_000_000_000)
    image.data.frombytes(memoryview(recorded.data))
    return image


def test_the_live_node_makes_the_same_pairs_and_pictures_of_a_bag(
    drive_bag: Path, settings: ReplaySettings, random_weights: Path, domain: int, tmp_path: Path
) -> None:
    replay_bag(BagTask(drive_bag, tmp_path / "replayed", settings))
    with Bag(tmp_path / "replayed" / "fused") as bag:
        replayed = {message.stamp_ns: pixels(message.message) for message in bag.messages([FUSED_TOPIC])}

    with (
        Bag(drive_bag) as bag,
        running_node(random_weights, domain, tmp_path / "log"),
        Peer(listen_to=["fused"]) as peer,
    ):
        peer.activate()
        schedule = Schedule(choose_topics("drive", bag.image_topics()), settings)
        started_ns = peer.now_ns()

        def played() -> Iterator[BagMessage]:
            for message in bag.messages([RGB_TOPIC, THERMAL_TOPIC]):
                while (wait_ns := started_ns + message.bag_ns - START_NS - peer.now_ns()) > 0:
                    peer.spin_once(wait_ns / 1e9)
                (peer.rgb if message.topic == RGB_TOPIC else peer.thermal).publish(as_ros(message))
                yield message

        for count, pair in enumerate(schedule.pairs(played()), start=1):
            peer.spin_until(lambda count=count: len(peer.outputs.fused) >= count, f"pair {pair.pair.stamp_ns}")
        peer.spin_until(lambda: peer.figure("received_rgb") == 24, "the diagnostics")
        assert peer.figure("pairs") == len(replayed)
        assert peer.figure("unmatched_rgb") == schedule.rgb.unmatched
        assert peer.figure("sync_delta_ms_p95") == pytest.approx(4.0)
        live = {received.stamp_ns: pixels(received.message) for received in peer.outputs.fused}
    assert list(live) == list(replayed)
    for stamp_ns, picture in live.items():
        assert cv2.absdiff(picture, replayed[stamp_ns]).max() <= 1, "threads may round otherwise"


def scheduled(recorded: Iterable[tuple[int, int]], inference_ms: float, **parameters: float) -> list[tuple[int, str]]:
    """Stamp and fate of pairs with given stamps, both of whose images arrive at a given time, both in ms."""
    given_parameters = parameters_of(None, {name.replace("__", "."): value for name, value in parameters.items()})
    settings = ReplaySettings(given_parameters, inference_ms=inference_ms)
    schedule = Schedule(TopicPair(ImageTopic("/rgb"), ImageTopic("/lwir")), settings)
    messages = [
        BagMessage(topic, bag_ms * MS, Stamped(stamp_ms * MS))
        for stamp_ms, bag_ms in recorded
        for topic in ("/rgb", "/lwir")
    ]
    return [(pair.pair.stamp_ns // MS, pair.fate) for pair in schedule.pairs(messages)]


class Stamped:
    """A message of which nothing but the stamp is looked at."""

    def __init__(self, stamp_ns: int) -> None:
        self.header = self.stamp = self
        self.sec, self.nanosec = divmod(stamp_ns, 1_000_000_000)


def test_a_slow_node_drops_what_a_newer_pair_supersedes() -> None:
    at_30_hz = [(index * 33, index * 33) for index in range(7)]
    assert scheduled(at_30_hz, 80) == [
        (0, "fused"),
        (33, "superseded"),
        (66, "fused"),
        (99, "superseded"),
        (132, "fused"),
        (165, "superseded"),
        (198, "fused"),
    ]
    assert {fate for _, fate in scheduled(at_30_hz, 20)} == {"fused"}


def test_pairs_that_waited_too_long_are_stale() -> None:
    late = [(0, 10), (33, 300), (66, 310)]
    assert scheduled(late, 1, max_input_age=0.1) == [(0, "fused"), (33, "stale"), (66, "stale")]


@given(
    gaps=st.lists(st.integers(1, 100), min_size=1, max_size=40),
    inference_ms=st.integers(0, 300),
)
def test_every_pair_has_one_fate_and_the_newest_is_always_fused(gaps: list[int], inference_ms: int) -> None:
    times = list(np.cumsum(gaps))
    fates = scheduled([(int(time_ms), int(time_ms)) for time_ms in times], inference_ms)
    assert sorted(stamp for stamp, _ in fates) == times
    assert dict(fates)[times[-1]] == "fused"
    assert sum(fate == "fused" for _, fate in fates) <= 1 + (times[-1] - times[0]) // max(inference_ms, 1) + 1


def test_realtime_reports_what_a_live_node_would_have_dropped(
    drive_bag: Path, settings: ReplaySettings, tmp_path: Path
) -> None:
    summary = replay_bag(BagTask(drive_bag, tmp_path, replace(settings, inference_ms=100.0)))
    assert summary.mode == "realtime"
    assert summary.fates["fused"] + summary.fates["superseded"] == summary.pairs == 21
    assert summary.fates["superseded"] > 10
    assert 100 < summary.latency_ms["p50"] < summary.latency_ms["max"] < 2 * 100 + 67


def test_a_bag_that_loops_is_counted_and_paired_anew(settings: ReplaySettings, tmp_path: Path) -> None:
    once = drive(8)
    again = [replace(each, bag_ns=each.bag_ns + 2_000 * MS) for each in once]
    far = [replace(each, stamp_ns=each.stamp_ns + 10_000 * MS) for each in once]
    bag = write_bag(tmp_path / "loops", [*far, *again])
    summary = replay_bag(BagTask(bag, tmp_path / "out", settings))
    assert summary.time_resets == 1
    assert summary.pairs == 14


def test_images_that_cannot_be_fused_are_counted_and_named(settings: ReplaySettings, tmp_path: Path) -> None:
    recorded = drive(8)
    small = scene(0, (24, 32))[1]
    recorded[2] = replace(recorded[2], pixels=small)
    recorded[3] = replace(recorded[3], encoding="rgb32")
    bag = write_bag(tmp_path / "drive", [each for each in recorded if each.topic != INFO_TOPIC])
    summary = replay_bag(BagTask(bag, tmp_path / "out", settings))
    assert summary.fates["size_errors"] == summary.fates["convert_errors"] == 1
    assert summary.fates["fused"] == 5
    assert any("32x24" in sentence for sentence in summary.problems)
