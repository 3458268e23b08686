"""What becomes of a job, and what one job leaves to the next."""

from collections.abc import Iterator

import numpy as np
import pytest
from harness import fill
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from sensor_msgs.msg import Image

from epofusion_core.fuser import FusionResult
from epofusion_core.imaging import luma
from epofusion_core.thermal import ThermalScaler, ThermalScaling
from epofusion_ros.parameters.node_parameters import NodeParameters, from_values
from epofusion_ros.stream.frame_account import Account, Fate
from epofusion_ros.stream.fuse_job import JobFuser, is_stale
from epofusion_ros.stream.intake import Intake
from epofusion_ros.stream.job import Job
from epofusion_ros.stream.pairing import FramePair, SingleFrame
from epofusion_ros.stream.pipeline import FusionPipeline

S = 1_000_000_000
RGB = np.full((12, 16, 3), 90, np.uint8)


def average(rgb: NDArray[np.uint8], thermal: NDArray[np.uint8]) -> FusionResult:
    """Fuse by the mean: what a network makes of the images does not matter here."""
    mean = (luma(rgb).astype(np.float32) + thermal) / np.float32(510)
    return FusionResult(fused_rgb=rgb, fused_luma=mean, guidance=mean, overexposure=mean)


def out_of_memory(rgb: NDArray[np.uint8], thermal: NDArray[np.uint8]) -> FusionResult:
    raise MemoryError("too little\nfor this frame")


def job_fuser(parameters: NodeParameters = NodeParameters()) -> JobFuser:  # noqa: B008 - frozen
    return JobFuser(FusionPipeline(average, parameters), parameters)  # type: ignore[arg-type]


def counts(level: int) -> NDArray[np.uint16]:
    """A thermal image of 100 counts from a level on."""
    return np.linspace(level, level + 100, 12 * 16).reshape(12, 16).astype(np.uint16)


def rgb_image(encoding: str = "rgb8") -> Image:
    return fill(Image(), RGB, encoding)


def thermal_image(array: np.ndarray) -> Image:
    return fill(Image(), array, "mono16")


def stamps_of(goes_back: list[bool]) -> Iterator[int]:
    stamp_ns = 10_000 * S
    for back in goes_back:
        stamp_ns += -60 * S if back else S // 30
        yield stamp_ns


@settings(max_examples=50, deadline=None)
@given(
    frames=st.lists(
        st.fixed_dictionaries(
            {"goes_back": st.booleans(), "is_superseded": st.booleans(), "level": st.integers(0, 60_000)}
        ),
        min_size=2,
        max_size=10,
    )
)
def test_a_reset_between_frames_in_work_is_never_lost_whichever_frames_are_superseded(
    frames: list[dict[str, int]],
) -> None:
    """All frames have arrived before the first is fused, as it may happen while the worker is busy."""
    intake = Intake(NodeParameters(), Account(), lambda *_: None)
    jobs: list[Job] = []
    for frame, stamp_ns in zip(frames, stamps_of([bool(frame["goes_back"]) for frame in frames]), strict=True):
        intake.take("rgb", stamp_ns, rgb_image(), 0.0)
        jobs += intake.take("thermal", stamp_ns, thermal_image(counts(frame["level"])), 0.0)

    fuse, expected = job_fuser(), ThermalScaler(ThermalScaling())
    for number, (frame, job) in enumerate(zip(frames, jobs, strict=True)):
        if frame["goes_back"] and number > 0:  # nothing was there before the first
            expected.reset()
        if not frame["is_superseded"]:
            done = fuse(job)
            assert done.fused is not None
            assert np.array_equal(done.fused.thermal, expected(counts(frame["level"])))


def test_a_replay_that_goes_on_scales_as_one_that_was_not_interrupted() -> None:
    first, second = (Job(FramePair(0, 0, rgb_image(), thermal_image(counts(level))), epoch=3) for level in (1000, 1050))
    whole, resumed = job_fuser(), job_fuser()
    assert whole(first).fused is not None
    assert whole.thermal_state is not None
    resumed.go_on(first.epoch, whole.thermal_state)
    expected, found = whole(second).fused, resumed(second).fused
    assert expected is not None
    assert found is not None
    assert np.array_equal(found.thermal, expected.thermal)


@pytest.mark.parametrize(
    ("frames", "fate", "problem"),
    [
        (FramePair(0, 0, rgb_image(), thermal_image(counts(0))), "fused", ""),
        (FramePair(0, 0, rgb_image("jpeg2000"), thermal_image(counts(0))), "convert_errors", "encoding 'jpeg2000'"),
        (
            FramePair(0, 0, rgb_image(), thermal_image(counts(0)[:4])),
            "size_errors",
            "thermal is 16x4, RGB 16x12 pixels",
        ),
        (FramePair(0, 0, None, None), "inference_errors", "AttributeError: "),
        (SingleFrame("rgb", 0, rgb_image()), "passed_through", ""),
        (SingleFrame("thermal", 0, thermal_image(counts(0))), "passed_through", ""),
        (SingleFrame("rgb", 0, rgb_image("jpeg2000")), "convert_errors", "encoding 'jpeg2000'"),
    ],
)
def test_every_job_has_a_fate_and_a_dropped_one_a_reason(
    frames: FramePair[Image] | SingleFrame[Image], fate: str, problem: str
) -> None:
    done = job_fuser()(Job(frames))
    assert done.fate == fate
    assert Fate(fate) is done.fate
    assert problem in done.problem
    assert bool(done.problem) == (done.result is None)


def test_what_an_engine_raises_is_one_line() -> None:
    fuse = JobFuser(FusionPipeline(out_of_memory, NodeParameters()), NodeParameters())  # type: ignore[arg-type]
    done = fuse(Job(FramePair(0, 0, rgb_image(), thermal_image(counts(0)))))
    assert (done.fate, done.problem) == ("inference_errors", "MemoryError: too little for this frame")


def test_too_old_counts_before_unwatched_and_an_unknown_age_is_never_too_old() -> None:
    job = Job(FramePair(0, 0, rgb_image(), thermal_image(counts(0))))
    fuse = job_fuser(from_values({"max_input_age": 0.5}))
    assert fuse(job, 0.6, wanted=False).fate == "stale"
    assert "0.600 s old; expected at most 0.5 s" in fuse(job, 0.6).problem
    assert fuse(job, 1.7e9).problem.endswith("expected at most 0.5 s: its stamp is not of the node's clock")
    assert fuse(job, 0.5, wanted=False).fate == "unwatched"
    assert fuse(job, float("nan")).fate == "fused"
    fuse.tune(from_values({"max_input_age": 1.0}))
    assert fuse(job, 0.6).fate == "fused"
    assert not is_stale(1e9, 0.0), "0 allows any age"
