"""Latency and rate of the real node over real DDS, at 30 Hz and 640x480.

Seconds of publishing: EPOFUSION_SOAK_S, 8 by default. A release is measured with 60 and more; `pytest -s` shows the
figures.
"""

import os
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import pytest
from harness import Peer, accounts_balance, running_node
from numpy.typing import NDArray
from rclpy.qos import QoSProfile, ReliabilityPolicy
from sensor_msgs.msg import Image

from epofusion_core import Fuser
from epofusion_core.benchmark.latency import measure_latency, sample_pair
from epofusion_core.benchmark.subject import Subject
from epofusion_core.engines.engine import EngineOptions

SECONDS = float(os.environ.get("EPOFUSION_SOAK_S", "8"))
pytestmark = [pytest.mark.one_release, pytest.mark.timeout(SECONDS + 300)]
IS_RELEASE_CHECK = SECONDS >= 60
FRAME_TIME_MS = 1000 / 30
SIZE = {"warmup.height": 480, "warmup.width": 640}
FIGURES = (
    "received_rgb",
    "received_thermal",
    "unmatched_rgb",
    "unmatched_thermal",
    "fused",
    "superseded",
    "inference_ms_p50",
    "inference_ms_p95",
    "latency_ms_p99",
)


@dataclass(frozen=True)
class Run:
    """What came back.

    Attributes:
        published: pairs.
        ages_ms: from the RGB stamp to the arrival of the fused image at the listener, in order of arrival.
        memory_mb: of the node, after a tenth of the time and at the end.
        figures: of the node's diagnostics at the end.
    """

    published: int
    ages_ms: NDArray[np.float64]
    memory_mb: tuple[float, float]
    figures: dict[str, float]

    def print(self) -> None:
        shares = (50, 95, 99, 100)
        ages = dict(zip(shares, np.percentile(self.ages_ms, shares).round(1), strict=True))
        print(f"{self.published} pairs published in {SECONDS} s, {len(self.ages_ms)} fused images back; age ms {ages}")
        print(f"memory MB {self.memory_mb}; {self.figures}")

    def received_share(self) -> float:
        """Return which share of the published images the node's callbacks got, of the worse camera."""
        return min(self.figures["received_rgb"], self.figures["received_thermal"]) / self.published


def run_cameras(peer: Peer) -> Run:
    """Publish both cameras, and listen to the fused image as a user's node would."""
    ages_ms: list[float] = []

    def arrived(message: Image) -> None:
        stamp_ns = message.header.stamp.sec * 1_000_000_000 + message.header.stamp.nanosec
        ages_ms.append((peer.now_ns() - stamp_ns) / 1e6)

    qos = QoSProfile(depth=1, reliability=ReliabilityPolicy.RELIABLE)
    peer.node.create_subscription(Image, "/epofusion/fused/image", arrived, qos)
    peer.activate()
    rgb, thermal = sample_pair(480, 640)
    started_ns, published, early_mb = peer.now_ns(), 0, float("nan")
    while peer.now_ns() - started_ns < SECONDS * 1e9:
        due_ns = started_ns + published * 33_333_333
        while peer.now_ns() < due_ns:
            peer.spin_once((due_ns - peer.now_ns()) / 1e9)
        peer.images(peer.now_ns(), rgb, thermal)
        published += 1
        if not early_mb > 0 and peer.now_ns() - started_ns > 0.1 * SECONDS * 1e9:
            early_mb = peer.figure("memory_mb")
    # Best effort may lose a frame on a busy machine, so that there is no number to wait for.
    reports = peer.reports
    peer.spin_until(
        lambda: peer.reports >= reports + 2 and peer.figure("in_flight") == 0, "the last frames in diagnostics"
    )
    assert accounts_balance(peer)
    figures = {name: peer.figure(name) for name in FIGURES}
    return Run(published, np.array(ages_ms), (early_mb, peer.figure("memory_mb")), figures)


def test_latency_does_not_grow_when_the_model_is_slower_than_the_cameras(
    slow_weights: Path, domain: int, tmp_path: Path
) -> None:
    settings = SIZE | {"engine": "torch"}
    with running_node(slow_weights, domain, tmp_path / "log", **settings), Peer(listen_to=[]) as peer:
        run = run_cameras(peer)
    run.print()
    assert run.figures["superseded"] > 0, "the model was not slower than the cameras: nothing was tested"
    # A pair waits for at most one inference in the mailbox and then takes one; two frame times are for the transport.
    # In seconds of publishing p95 is the worst of some ten frames: one stall of a busy machine, so the median is held.
    share = 95 if IS_RELEASE_CHECK else 50
    assert np.percentile(run.ages_ms, share) < 2 * run.figures[f"inference_ms_p{share}"] + 2 * FRAME_TIME_MS
    first, last = np.array_split(run.ages_ms, 2)
    assert np.median(last) < 1.5 * np.median(first) + 2 * FRAME_TIME_MS, "the age of published frames grows"


def test_the_smallest_model_keeps_up_with_the_cameras(domain: int, tmp_path: Path) -> None:
    subject = Subject("epofusion_xs", EngineOptions())
    fuser = Fuser.load(subject.model, **asdict(subject.options))
    alone = measure_latency({subject: fuser}, sample_pair(480, 640), 30)[subject]
    with running_node(subject.model, domain, tmp_path / "log", **SIZE), Peer(listen_to=[]) as peer:
        run = run_cameras(peer)
    run.print()
    # Told apart from a node that does not keep up, whose pairs arrive and are superseded.
    assert run.received_share() > 0.9, "images were lost between the processes, before the node could fuse them"
    hz, possible_hz = len(run.ages_ms) / SECONDS, min(30.0, alone.fps)
    print(f"{hz:.1f} Hz; Fuser alone {alone.fps:.1f} pairs/s, p50 {alone.p50_ms:.1f} ms")
    if IS_RELEASE_CHECK:
        assert hz > 0.85 * possible_hz
        assert np.percentile(run.ages_ms, 99) < 2.5 * FRAME_TIME_MS
        assert run.memory_mb[1] < 1.05 * run.memory_mb[0], "memory grows"
    else:
        # A shared machine stalls for longer than a frame; half is still far from what a queue that grows would give.
        assert hz > 0.5 * possible_hz
        assert np.median(run.ages_ms) < 2.5 * FRAME_TIME_MS + 2 * alone.p50_ms
    first, last = np.array_split(run.ages_ms, 2)
    assert np.median(last) < 1.5 * np.median(first) + 2 * FRAME_TIME_MS, "the age of published frames grows"
