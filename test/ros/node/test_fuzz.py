"""Whatever comes, only the documented errors come out: generated messages, parameter sets and stamps.

EPOFUSION_FUZZ_EXAMPLES is how many messages and parameter sets go through the pipeline, 500 by default and 200000
before a release; a quarter as many parameter sets and orders of stamps are tried on their own. They are the same in
every run.
"""

import os
import tracemalloc
from collections.abc import Mapping
from operator import attrgetter
from typing import Any

import numpy as np
import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from sensor_msgs.msg import Image

from epofusion_core.fuser import FusionResult
from epofusion_core.imaging import luma
from epofusion_core.registration.apply import RegistrationError
from epofusion_core.registration.calibration import Homography, write_homography
from epofusion_ros.messages.conversion import ConversionError, to_rgb, to_thermal
from epofusion_ros.parameters.declaration import Declaration, Value
from epofusion_ros.parameters.node_parameters import DECLARATIONS, from_values
from epofusion_ros.stream.frame_account import Account, Fate
from epofusion_ros.stream.intake import Intake
from epofusion_ros.stream.job import Job
from epofusion_ros.stream.pairing import FramePair
from epofusion_ros.stream.pipeline import FusionPipeline

pytestmark = pytest.mark.one_release

FUZZ = settings(
    # An example of the pipeline is a parameter set and two messages or four.
    max_examples=int(os.environ.get("EPOFUSION_FUZZ_EXAMPLES", "500")) // 4,
    derandomize=True,
    database=None,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
NS_PER_S = 1_000_000_000

# Messages

CHANNEL_TYPES = {
    **dict.fromkeys(("mono8", "8UC1", "bayer_rggb8", "bayer_grbg8"), (1, "u1")),
    **dict.fromkeys(("yuv422", "yuv422_yuy2"), (2, "u1")),
    **dict.fromkeys(("rgb8", "bgr8", "8UC3"), (3, "u1")),
    **dict.fromkeys(("rgba8", "bgra8", "8UC4"), (4, "u1")),
    **dict.fromkeys(("mono16", "16UC1"), (1, "u2")),
    **dict.fromkeys(("rgb16", "bgr16"), (3, "u2")),
    "32FC1": (1, "f4"),
}
UINT32 = st.integers(0, 2**32 - 1)
SIDES = st.integers(1, 24)
DEFECTS = ("none",) * 4 + ("step", "data", "size", "encoding")
STRANGE_ENCODINGS = st.sampled_from(["", "yuv420", "RGB8", "rgb8\0", "nv21", *CHANNEL_TYPES]) | st.text(max_size=8)
STRANGE_FLOATS = np.array([np.nan, np.inf, -np.inf, 0.0, -0.0, 1e-45, 3.4e38, -3.4e38, 300.0, 301.5], np.float32)


@st.composite
def images(draw: st.DrawFn, encodings: list[str], height: int, width: int) -> Image:
    """A message with padding, in either byte order, half of them with one field that does not fit the others."""
    encoding = draw(st.sampled_from(encodings))
    channels, kind = CHANNEL_TYPES[encoding]
    step = width * channels * np.dtype(kind).itemsize + draw(st.integers(0, 9))
    rng = np.random.default_rng(draw(st.integers(0, 2**16)))
    content = rng.choice(STRANGE_FLOATS, height * step // 4 + 1).tobytes() if kind == "f4" else rng.bytes(height * step)
    message = Image(height=height, width=width, encoding=encoding, step=step)
    message.is_bigendian = draw(st.sampled_from([0, 0, 1, 255]))
    message.data.frombytes(content[: height * step])
    match draw(st.sampled_from(DEFECTS)):
        case "step":
            message.step = draw(UINT32)
        case "data":
            del message.data[draw(st.integers(0, height * step)) :]
        case "size":
            setattr(message, draw(st.sampled_from(["height", "width"])), draw(st.integers(0, 30) | UINT32))
        case "encoding":
            message.encoding = draw(STRANGE_ENCODINGS)
    return message


@st.composite
def pairs_of_images(draw: st.DrawFn) -> tuple[Image, Image]:
    """An RGB and a thermal message; of one size as often as not."""
    height, width = draw(SIDES), draw(SIDES)
    rgb = draw(images([name for name in CHANNEL_TYPES if name != "32FC1"], height, width))
    if draw(st.booleans()):
        height, width = draw(SIDES), draw(SIDES)
    return rgb, draw(images(["mono8", "mono16", "16UC1", "32FC1", "32FC1", "bgr8"], height, width))


# Parameter sets


def in_range(known: Declaration) -> st.SearchStrategy[Any]:
    """Return values of a parameter that its declaration allows."""
    default = known.default
    if isinstance(default, str):
        return st.sampled_from(known.choices) if known.choices else st.text(max_size=9)
    if isinstance(default, int):
        return st.integers(int(known.lowest or 0), int(known.highest or 0))
    if isinstance(default, float):
        return st.floats(known.lowest, known.highest)
    return st.tuples(st.floats(known.lowest, 50), st.floats(51, known.highest))


def of_its_type(known: Declaration) -> st.SearchStrategy[Any]:
    """Return any values of a parameter's type, which ROS and the reader of parameter files see to."""
    default = known.default
    if isinstance(default, str):
        return st.text(max_size=9)
    if isinstance(default, int):
        return st.integers(-(2**63), 2**63 - 1)
    return st.floats() if isinstance(default, float) else st.lists(st.floats(), max_size=4).map(tuple)


VALUES = {name: in_range(known) | of_its_type(known) for name, known in DECLARATIONS.items()}
PARAMETER_SETS = st.lists(st.sampled_from(sorted(VALUES)), max_size=4, unique=True).flatmap(
    lambda names: st.fixed_dictionaries({name: VALUES[name] for name in names})
)
PROCESSING_SETS = st.fixed_dictionaries(
    {"registration.mode": st.sampled_from(["none", "resize", "homography", "extrinsics"])},
    optional={
        name: in_range(known)
        for name, known in DECLARATIONS.items()
        if name.startswith("thermal.") or name == "registration.plane_distance"
    },
)


@FUZZ
@given(values=PARAMETER_SETS)
def test_parameters_are_taken_or_refused_in_one_sentence(values: dict[str, Value]) -> None:
    try:
        taken = from_values(values)
    except ValueError as error:
        refusal = str(error)
    else:
        assert {name: attrgetter(name)(taken) for name in values} == values
        return
    assert refusal.startswith("parameter ")
    assert "expected" in refusal
    assert len(refusal.splitlines()) == 1


# Conversion, thermal scaling, registration


@pytest.fixture(scope="module")
def calibrations(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, str]:
    """Calibration files of the registration modes that need one."""
    folder = tmp_path_factory.mktemp("calibration")
    matrix = np.array([[1.1, 0.02, 3.0], [-0.02, 0.9, -2.0], [1e-3, 0.0, 1.0]])
    write_homography(folder / "homography.yaml", Homography(matrix, (12, 16), (12, 16)), 0.0)
    camera = {
        "image_height": 12,
        "image_width": 16,
        "camera_matrix": {"rows": 3, "cols": 3, "data": [20.0, 0, 7.5, 0, 20.0, 5.5, 0, 0, 1]},
        "distortion_model": "plumb_bob",
        "distortion_coefficients": {"rows": 1, "cols": 5, "data": [-0.3, 0.1, 0.0, 0.0, 0.0]},
    }
    transform = np.eye(4)
    transform[0, 3] = 0.1
    rig = {"thermal": camera, "rgb": camera, "T_rgb_thermal": transform.ravel().tolist()}
    (folder / "extrinsics.yaml").write_text(yaml.safe_dump(rig))
    return {path.stem: str(path) for path in folder.iterdir()}


def average(rgb: NDArray[np.uint8], thermal: NDArray[np.uint8]) -> FusionResult:
    """Fuse by the mean, as a network stand-in that asks as much of its inputs: what is tested comes before it."""
    assert rgb.dtype == thermal.dtype == np.uint8
    assert rgb.shape == (*thermal.shape, 3)
    mean = (luma(rgb).astype(np.float32) + thermal) / np.float32(510)
    return FusionResult(fused_rgb=rgb, fused_luma=mean, guidance=mean, overexposure=mean)


@FUZZ
@given(messages=st.lists(pairs_of_images(), min_size=1, max_size=2), values=PROCESSING_SETS)
def test_messages_become_pictures_or_a_documented_error(
    messages: list[tuple[Image, Image]], values: dict[str, Value], calibrations: Mapping[str, str]
) -> None:
    """Through the pipeline that the node runs, with the scaling and the warp that it keeps from frame to frame."""
    mode = str(values["registration.mode"])
    try:
        pipeline = FusionPipeline(average, from_values({**values, "registration.file": calibrations.get(mode, "")}))  # type: ignore[arg-type]
    except ValueError:
        return
    for rgb, thermal in messages:
        try:
            with np.errstate(invalid="raise"):  # NaN must not become a grey level
                fused = pipeline(rgb, thermal)
        except (ConversionError, RegistrationError):
            continue
        assert fused.thermal.shape == fused.result.fused_rgb.shape[:2] == (rgb.height, rgb.width)
        assert fused.thermal.dtype == fused.result.fused_rgb.dtype == np.uint8
        assert np.isfinite(fused.result.fused_luma).all()
        assert 0.0 <= pipeline.overlap <= 1.0


@settings(FUZZ, max_examples=200)
@given(messages=pairs_of_images())
def test_a_message_takes_no_more_memory_than_its_data_account_for(messages: tuple[Image, Image]) -> None:
    """However large it says it is: that is refused before anything is allocated."""
    for message, convert in zip(messages, (to_rgb, to_thermal), strict=True):
        tracemalloc.start()
        try:
            convert(message)
        except ConversionError:
            pass
        finally:
            _, peak_bytes = tracemalloc.get_traced_memory()
            tracemalloc.stop()
        assert peak_bytes < 200_000 + 6 * len(message.data)


# Stamps

STAMPS_NS = (
    st.integers(0, 40).map(lambda index: 10**9 * 1_000_000_000 + index * 33_333_333)
    | st.integers(-50, 400).map(lambda ms: ms * 1_000_000)
    | st.tuples(st.integers(-(2**31), 2**31 - 1), UINT32).map(lambda stamp: stamp[0] * NS_PER_S + stamp[1])
)


@FUZZ
@given(
    arrivals=st.lists(st.tuples(st.sampled_from(["rgb", "thermal"]), STAMPS_NS, st.floats(0, 2)), max_size=30),
    slop_s=st.floats(0, 10) | st.floats(0, 0.05),
    offset_s=st.floats(-10, 10) | st.just(0.0),
    thermal_age_s=st.just(0.0) | st.floats(0.001, 1),
    queue_size=st.integers(1, 8),
    threshold_s=st.floats(0.0, 3600.0) | st.just(1.0),
    on_missing=st.sampled_from(["drop", "passthrough"]),
)
def test_stamps_in_any_order_leave_accounts_that_balance(
    arrivals: list[tuple[str, int, float]],
    slop_s: float,
    offset_s: float,
    thermal_age_s: float,
    queue_size: int,
    threshold_s: float,
    on_missing: str,
) -> None:
    """Through the intake that the node runs, which empties the pairer's queues when time goes back."""
    account, jobs, resets = Account(), list[Job](), list[str]()
    given_parameters: dict[str, Value] = {
        "sync.slop": slop_s,
        "sync.thermal_offset": offset_s,
        "sync.reuse_thermal": thermal_age_s > 0,
        "sync.max_thermal_age": thermal_age_s or 0.001,
        "sync.queue_size": queue_size,
        "sync.reset_threshold": threshold_s,
        "on_missing_rgb": on_missing,
        "on_missing_thermal": on_missing,
    }
    intake = Intake(from_values(given_parameters), account, lambda name, _: resets.append(name))
    now_s = 0.0
    for name, stamp_ns, wait_s in arrivals:
        jobs += intake.take(name, stamp_ns, stamp_ns, now_s := now_s + wait_s)
        pairs = [job.frames for job in jobs if isinstance(job.frames, FramePair)]
        assert intake.rgb.paired == intake.thermal.paired + intake.thermal.reused == len(pairs)
        assert intake.rgb.passed + intake.thermal.passed == len(jobs) - len(pairs)
        for count in (intake.rgb, intake.thermal):
            assert count.received == count.paired + count.passed + count.unmatched + count.pending
            assert 0 <= count.pending <= queue_size
    slop_ns, thermal_age_ns = (round(each * NS_PER_S) for each in (slop_s, thermal_age_s))
    for pair in (job.frames for job in jobs if isinstance(job.frames, FramePair)):
        assert -max(slop_ns, thermal_age_ns) <= pair.delta_ns <= slop_ns
    figures = account.snapshot(0.0)
    assert figures["pairs"] + figures["passed"] == figures["in_flight"] == len(jobs)
    assert sum(figures[fate] for fate in Fate) == 0
    assert figures["time_resets"] == len(resets)
    assert [job.epoch for job in jobs] == sorted(job.epoch for job in jobs), "epochs follow one another"
