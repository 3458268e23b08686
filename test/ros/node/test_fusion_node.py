"""The real lifecycle node over real DDS, as its users meet it."""

import signal
import subprocess
import sys
from pathlib import Path

import harness
import numpy as np
import pytest
from diagnostic_msgs.msg import DiagnosticStatus
from harness import ACTIVATE, CLEANUP, CONFIGURE, DEACTIVATE, TIMEOUT_S, Peer, accounts_balance, fill, running_node
from rclpy.qos import DurabilityPolicy, QoSProfile, ReliabilityPolicy, qos_profile_sensor_data
from sensor_msgs.msg import CameraInfo, Image
from std_msgs.msg import Float32MultiArray

from epofusion_core.registration.calibration import Homography, write_homography
from epofusion_ros.messages import topics
from epofusion_ros.messages.topics import full_name

RGB = np.random.default_rng(0).integers(0, 256, (48, 64, 3), dtype=np.uint8)
THERMAL = np.random.default_rng(1).integers(0, 256, (48, 64), dtype=np.uint8)


def test_a_pair_comes_back_fused_with_the_rgb_header(random_weights: Path, domain: int, tmp_path: Path) -> None:
    with running_node(random_weights, domain, tmp_path / "log"), Peer() as peer:
        peer.activate()
        info = CameraInfo(width=64, height=48)
        info.k[0] = 500.0
        peer.camera_info.publish(info)
        stamps = [7_000_000_001 + index * 33_333_333 for index in range(4)]
        for count, stamp in enumerate(stamps, start=1):
            peer.images(stamp, RGB, THERMAL)
            peer.spin_until(lambda count=count: len(peer.outputs.overlay) >= count, f"fused frame {count}")
        outputs = peer.outputs
        assert [received.stamp_ns for received in outputs.fused] == stamps
        fused = outputs.fused[0].message
        assert (fused.header.frame_id, fused.encoding, fused.height, fused.width) == ("rgb8_frame", "rgb8", 48, 64)
        assert [m[0].message.encoding for m in (outputs.overexposure, outputs.guidance)] == ["mono8", "mono8"]
        peer.spin_until(lambda: len(outputs.camera_info) > 0, "the camera info")
        assert outputs.camera_info[-1].k[0] == 500.0
        assert outputs.camera_info[-1].header.frame_id == "rgb8_frame"
        peer.spin_until(lambda: peer.figure("fused") == 4, "the diagnostics")
        assert accounts_balance(peer)


def test_lifecycle_states_do_their_duties(random_weights: Path, domain: int, tmp_path: Path) -> None:
    with running_node(random_weights, domain, tmp_path / "log") as process, Peer() as peer:
        assert peer.state() == "unconfigured"
        peer.activate()
        assert peer.state() == "active"
        assert peer.transition(DEACTIVATE)
        assert peer.state() == "inactive"
        peer.spin_until(lambda: peer.rgb.get_subscription_count() == 0, "the end of the subscription")
        assert peer.transition(ACTIVATE)
        peer.spin_until(lambda: peer.rgb.get_subscription_count() > 0, "the subscription")
        peer.images(1_000_000_000, RGB, THERMAL)
        peer.spin_until(lambda: len(peer.outputs.fused) > 0, "a frame after re-activation")
        assert peer.transition(DEACTIVATE)
        assert peer.transition(CLEANUP)
        assert peer.state() == "unconfigured"
        peer.activate()
        peer.images(2_000_000_000, RGB, THERMAL)
        peer.spin_until(lambda: len(peer.outputs.fused) > 1, "a frame after everything was freed and loaded again")
        peer.spin_until(lambda: peer.figure("fused") == 1, "an account that starts anew with the model")
        assert accounts_balance(peer)
        process.send_signal(signal.SIGINT)
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=TIMEOUT_S) == 0, "SIGINT, impatient too, ends an active node cleanly"
    assert "Traceback" not in (tmp_path / "log").read_text()


def test_what_cannot_be_configured_fails_with_one_line_and_stays_unconfigured_until_it_is_right(
    random_weights: Path, domain: int, tmp_path: Path
) -> None:
    missing, broken = tmp_path / "missing.safetensors", tmp_path / "broken.safetensors"
    broken.write_bytes(random_weights.read_bytes()[:1000])
    with running_node(missing, domain, tmp_path / "log") as process, Peer() as peer:
        for model, sentence in ((missing, "missing.safetensors"), (broken, "broken.safetensors")):
            assert peer.set_parameter("model", str(model)) == ""
            assert not peer.transition(CONFIGURE)
            assert peer.state() == "unconfigured"
            lines = [line for line in (tmp_path / "log").read_text().splitlines() if "cannot be configured" in line]
            assert len(lines) == 1 + (model == broken)
            assert sentence in lines[-1]
        assert peer.set_parameter("model", str(random_weights)) == ""
        assert peer.set_parameter("registration.mode", "extrinsics") == ""
        (tmp_path / "wrong.yaml").write_text("thermal: yes")
        for file, sentence in (
            ("missing.yaml", "missing.yaml: cannot be read"),
            ("wrong.yaml", "T_rgb_thermal is miss"),
        ):
            assert peer.set_parameter("registration.file", str(tmp_path / file)) == ""
            assert not peer.transition(CONFIGURE)
            assert peer.state() == "unconfigured"
            lines = [line for line in (tmp_path / "log").read_text().splitlines() if "cannot be configured" in line]
            assert sentence in lines[-1]
        assert peer.set_parameter("registration.mode", "none") == ""
        assert "scale_mode is 'magic'; expected one of" in peer.set_parameter("thermal.scale_mode", "magic")
        assert peer.set_parameter("model", str(random_weights)) == ""
        assert peer.set_parameter("device", "abacus") == ""
        assert not peer.transition(CONFIGURE)
        assert peer.set_parameter("device", "cpu") == ""
        assert peer.set_parameter("qos.thermal.reliability", "reliable") == ""
        peer.activate()
        assert peer.state() == "active"
        assert peer.reliability_asked_for("/rgb/image_raw") == ReliabilityPolicy.BEST_EFFORT
        assert peer.reliability_asked_for("/thermal/image_raw") == ReliabilityPolicy.RELIABLE
    assert process.returncode == 0
    assert "Traceback" not in (tmp_path / "log").read_text()


@pytest.mark.parametrize(("name", "value"), [("sync.slop", -1.0), ("sync.slop", 1), ("steps", "many")])
def test_a_parameter_that_cannot_be_taken_at_the_start_is_one_clear_line(
    domain: int, tmp_path: Path, name: str, value: object
) -> None:
    with running_node("epofusion_xs", domain, tmp_path / "log", **{name: value}) as process:
        assert process.wait(timeout=TIMEOUT_S) == 1
    (line,) = (tmp_path / "log").read_text().splitlines()
    assert f"cannot be started: {'Invalid' if value == -1.0 else 'Trying'}" in line
    assert name in line


@pytest.mark.parametrize(
    "content",
    ["/**:\n  ros__parameters: [1", "/**:\n  ros__parameters:\n    steps:\n", "a: &b\n  c: *b\n", None],
    ids=["no YAML", "no value", "alias", "no file"],
)
def test_a_malformed_parameter_file_is_one_clear_line(tmp_path: Path, content: str | None) -> None:
    file = tmp_path / "params.yaml"
    if content is not None:
        file.write_text(content)
    command = [sys.executable, "-c", harness._PROGRAM, "", "--ros-args", "--params-file", str(file)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT_S, cwd=harness.REPOSITORY)
    assert done.returncode == 1
    *of_ros, line = (done.stdout + done.stderr).splitlines()
    assert all(" [rcl]: " in each for each in of_ros)
    assert "cannot be started: " in line
    assert str(file) in line


def test_cameras_of_other_kinds_are_fused(random_weights: Path, domain: int, tmp_path: Path) -> None:
    rng = np.random.default_rng(2)
    kinds = [
        ("mono8", (), "mono8", "u1"),
        ("bgr8", (3,), "mono16", "u2"),
        ("bayer_rggb8", (), "16UC1", "u2"),
        ("rgba8", (4,), "32FC1", "f4"),
        ("yuv422_yuy2", (2,), "8UC1", "u1"),
    ]
    with running_node(random_weights, domain, tmp_path / "log"), Peer() as peer:
        peer.activate()
        for count, (rgb_encoding, channels, thermal_encoding, thermal_type) in enumerate(kinds, start=1):
            rgb = rng.integers(0, 256, (48, 64, *channels), dtype=np.uint8)
            thermal = rng.integers(0, 250, (48, 64)).astype(thermal_type)
            peer.images(count * 1_000_000_000, rgb, thermal, rgb_encoding, thermal_encoding)
            peer.spin_until(
                lambda count=count: len(peer.outputs.fused) == count, f"{rgb_encoding} with {thermal_encoding}"
            )
        grey = np.frombuffer(peer.outputs.fused[0].message.data, np.uint8).reshape(48, 64, 3)
        assert np.ptp(grey.astype(int), axis=2).max() <= 2, "a grey camera gives a grey picture"


def test_a_calibration_that_leaves_nothing_of_thermal_is_an_error(
    random_weights: Path, domain: int, tmp_path: Path
) -> None:
    far_away = Homography(np.array([[1, 0, 5000.0], [0, 1, 0], [0, 0, 1]]), (48, 64), (48, 64))
    write_homography(tmp_path / "rig.yaml", far_away, 0.0)
    settings = {"registration.mode": "homography", "registration.file": tmp_path / "rig.yaml"}
    with running_node(random_weights, domain, tmp_path / "log", **settings), Peer(["fused"]) as peer:
        said: list[str] = []
        latched = QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL)
        peer.node.create_subscription(
            DiagnosticStatus, full_name(topics.STATUS), lambda message: said.append(message.message), latched
        )
        peer.activate()

        def fused_and_said() -> bool:
            peer.images(peer.now_ns(), RGB, THERMAL)
            return peer.level == 2 and "next to nothing of the thermal image" in peer.sentence

        peer.spin_until(fused_and_said, "an error in diagnostics")
        assert peer.figure("registration_overlap") == 0
        peer.spin_until(lambda: any("next to nothing" in sentence for sentence in said), "the status")


def test_what_cannot_be_fused_is_dropped_counted_and_said_and_the_node_goes_on(
    random_weights: Path, domain: int, tmp_path: Path
) -> None:
    with running_node(random_weights, domain, tmp_path / "log"), Peer() as peer:
        peer.activate()
        started_ns, bad = peer.now_ns(), 0
        while peer.now_ns() < started_ns + 1_500_000_000:
            bad += 1
            peer.images(1_000_000_000 + bad, RGB, THERMAL, rgb_encoding="jpeg2000")
            peer.spin_once(0.05)
        peer.spin_until(lambda: peer.figure("pairs") == bad, "all of the unknown encoding in diagnostics")
        assert peer.figure("convert_errors") > 10
        seconds = (peer.now_ns() - started_ns) / 1e9
        peer.images(2_000_000_000, RGB, THERMAL[:40])
        peer.spin_until(lambda: peer.figure("size_errors") == 1, "the different sizes in diagnostics")
        assert peer.level > 0
        peer.images(3_000_000_000, RGB, THERMAL)
        peer.spin_until(lambda: len(peer.outputs.fused) == 1, "a good pair after bad ones")
        peer.spin_until(lambda: peer.figure("fused") == 1, "the good pair in diagnostics")
        assert accounts_balance(peer)
    log = (tmp_path / "log").read_text()
    assert 1 <= log.count("encoding 'jpeg2000' is unknown") <= 1 + seconds, "said once a second at most"
    assert "thermal is 64x40, RGB 64x48 pixels" in log


def test_a_request_or_a_stamp_that_makes_no_sense_does_not_end_the_node(
    random_weights: Path, domain: int, tmp_path: Path
) -> None:
    with running_node(random_weights, domain, tmp_path / "log") as process, Peer() as peer:
        assert not peer.transition(ACTIVATE), "an unconfigured node cannot be activated"
        peer.activate()
        peer.request_an_impossible_parameter()
        peer.spin_until(lambda: peer.figure("callback_errors") == 1, "the ignored request in diagnostics")
        for count, stamp_ns in enumerate((-5_000_000_000, 0, -(2**31) * 1_000_000_000, peer.now_ns()), start=1):
            peer.images(stamp_ns, RGB, THERMAL)
            peer.spin_until(lambda count=count: len(peer.outputs.fused) == count, f"a frame of stamp {stamp_ns} ns")
        peer.spin_until(lambda: peer.figure("fused") == 4, "the frames in diagnostics")
        assert accounts_balance(peer)
    assert process.returncode == 0
    assert "ignored: ValueError: 77" in (tmp_path / "log").read_text()


def test_the_models_that_ship_run_without_torch_and_diagnostics_name_the_engine(domain: int, tmp_path: Path) -> None:
    with running_node("epofusion_xs", domain, tmp_path / "log", missing="torch") as process, Peer() as peer:
        peer.activate()
        peer.images(peer.now_ns(), RGB, THERMAL)
        peer.spin_until(lambda: len(peer.outputs.fused) == 1, "a frame")
        peer.spin_until(lambda: peer.figure("fused") == 1, "the frame in diagnostics")
        assert peer.figures["engine"].startswith("openvino ")
        memory_mb = peer.figure("memory_mb")
        assert process.poll() is None
    assert memory_mb < 600
    assert "engine openvino, precision" in (tmp_path / "log").read_text()


def test_nobody_listens_and_nothing_is_fused(random_weights: Path, domain: int, tmp_path: Path) -> None:
    with running_node(random_weights, domain, tmp_path / "log") as _, Peer(listen_to=[]) as peer:
        peer.activate()
        peer.images(peer.now_ns(), RGB, THERMAL)
        peer.spin_until(lambda: peer.figure("unwatched") == 1, "the pair in diagnostics")
        assert peer.figure("fused") == 0
        assert accounts_balance(peer)
        peer.listen("fused")
        peer.spin_until(lambda: peer.node.count_publishers("/epofusion/fused/image") > 0, "the publisher")
        stamp_ns = peer.now_ns()
        while not peer.outputs.fused:  # the node sees the listener a moment later
            peer.images(stamp_ns := stamp_ns + 33_000_000, RGB, THERMAL)
            peer.spin_once(0.03)


def test_reliability_follows_the_publishers_that_there_are(random_weights: Path, domain: int, tmp_path: Path) -> None:
    with running_node(random_weights, domain, tmp_path / "log"), Peer() as peer:
        peer.activate()
        topic = "/rgb/image_raw"
        assert peer.reliability_asked_for(topic) == ReliabilityPolicy.BEST_EFFORT
        peer.node.destroy_publisher(peer.rgb)
        peer.rgb = peer.node.create_publisher(Image, topic, QoSProfile(depth=5, reliability=ReliabilityPolicy.RELIABLE))
        peer.spin_until(
            lambda: peer.subscriptions_to(topic) == [ReliabilityPolicy.RELIABLE], "the node to ask for reliable"
        )
        stamp_ns = peer.now_ns()
        while not peer.outputs.fused:
            peer.images(stamp_ns := stamp_ns + 33_000_000, RGB, THERMAL)
            peer.spin_once(0.03)
        other = peer.node.create_publisher(Image, topic, qos_profile_sensor_data)
        peer.spin_until(
            lambda: peer.subscriptions_to(topic) == [ReliabilityPolicy.BEST_EFFORT], "the node to take both publishers"
        )
        peer.node.destroy_publisher(other)


def test_debug_topics_show_the_thermal_image_as_the_model_sees_it_and_the_time_of_each_stage(
    random_weights: Path, domain: int, tmp_path: Path
) -> None:
    thermal: list[Image] = []
    stages: list[Float32MultiArray] = []
    qos = QoSProfile(depth=1, reliability=ReliabilityPolicy.RELIABLE)
    with running_node(random_weights, domain, tmp_path / "log"), Peer(listen_to=[]) as peer:
        peer.node.create_subscription(Image, "/epofusion/debug/thermal", thermal.append, qos)
        peer.node.create_subscription(Float32MultiArray, "/epofusion/debug/pipeline_ms", stages.append, qos)
        peer.activate()
        stamp_ns = peer.now_ns()
        while not (thermal and stages):
            counts = (THERMAL.astype(np.uint16) << 4) + 1000
            peer.images(stamp_ns := stamp_ns + 33_000_000, RGB, counts, thermal_encoding="mono16")
            peer.spin_once(0.03)
    picture = np.frombuffer(thermal[0].data, np.uint8)
    assert thermal[0].encoding == "mono8"
    assert picture.min() < 10
    assert picture.max() > 245
    assert [dimension.label for dimension in stages[0].layout.dim] == ["conversion", "thermal", "fusion", "publication"]
    assert all(value >= 0 for value in stages[0].data)


def test_the_log_says_why_nothing_pairs(random_weights: Path, domain: int, tmp_path: Path) -> None:
    with running_node(random_weights, domain, tmp_path / "log"), Peer(listen_to=[]) as peer:
        peer.activate()
        peer.node.destroy_publisher(peer.thermal)
        peer.spin_until(lambda: "not synchronised" in (tmp_path / "log").read_text(), "the warning")
    assert "/thermal/image_raw has no publisher" in (tmp_path / "log").read_text()


def test_a_publisher_that_offers_less_than_is_asked_for_is_warned_of(
    random_weights: Path, domain: int, tmp_path: Path
) -> None:
    settings = {"qos.rgb.reliability": "reliable"}
    with running_node(random_weights, domain, tmp_path / "log", **settings), Peer(listen_to=[]) as peer:
        peer.activate()
        warning = "rgb/image_raw', offering incompatible QoS"
        peer.spin_until(lambda: warning in (tmp_path / "log").read_text(), "the warning")


def test_an_interrupt_in_the_midst_of_a_frame_is_no_complaint(slow_weights: Path, domain: int, tmp_path: Path) -> None:
    rgb, thermal = np.zeros((480, 640, 3), np.uint8), np.zeros((480, 640), np.uint8)
    with (
        running_node(slow_weights, domain, tmp_path / "log", engine="torch") as process,
        Peer(listen_to=["fused"]) as peer,
    ):
        peer.activate()
        deadline_ns = peer.now_ns() + TIMEOUT_S * 1e9
        while not peer.outputs.fused:  # with the first frame out, the next is being fused already
            assert peer.now_ns() < deadline_ns, "no frame came"
            peer.images(peer.now_ns(), rgb, thermal)
            peer.spin_once(0.03)
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=TIMEOUT_S) == 0
    *_, last = (tmp_path / "log").read_text().splitlines()
    assert "is ready" in last


def test_different_sizes_are_fused_where_resizing_is_allowed(random_weights: Path, domain: int, tmp_path: Path) -> None:
    with running_node(random_weights, domain, tmp_path / "log", **{"registration.mode": "resize"}), Peer() as peer:
        peer.activate()
        peer.images(1_000_000_000, RGB, THERMAL[:24, :32])
        peer.spin_until(lambda: len(peer.outputs.fused) == 1, "a frame")
        assert peer.outputs.fused[0].message.height == 48


def test_a_pair_that_is_too_old_is_dropped_and_a_fresh_one_fused(
    random_weights: Path, domain: int, tmp_path: Path
) -> None:
    with running_node(random_weights, domain, tmp_path / "log", max_input_age=20.0), Peer() as peer:
        peer.activate()
        peer.images(peer.now_ns() - 60_000_000_000, RGB, THERMAL)
        peer.spin_until(lambda: peer.figure("stale") == 1, "the old pair in diagnostics")
        peer.images(peer.now_ns(), RGB, THERMAL)
        peer.spin_until(lambda: len(peer.outputs.fused) == 1, "the fresh pair")
        peer.spin_until(lambda: peer.figure("fused") == 1, "the fresh pair in diagnostics")
        assert accounts_balance(peer)
    assert "expected at most 20.0 s" in (tmp_path / "log").read_text()


def test_a_missing_topic_is_said_in_diagnostics_and_a_loop_of_time_is_survived(
    random_weights: Path, domain: int, tmp_path: Path
) -> None:
    with running_node(random_weights, domain, tmp_path / "log"), Peer() as peer:
        peer.activate()
        for index in range(3):
            message = fill(Image(), RGB, "rgb8")
            message.header.stamp.sec = 100 + index
            peer.rgb.publish(message)
        peer.spin_until(lambda: "no thermal frame" in peer.sentence, "the missing input in diagnostics")
        assert peer.level == 1
        peer.images(5_000_000_000, RGB, THERMAL)
        peer.spin_until(lambda: len(peer.outputs.fused) == 1, "a frame after time went back")
        peer.spin_until(lambda: peer.figure("time_resets") == 1, "the reset in diagnostics")
        assert accounts_balance(peer)
