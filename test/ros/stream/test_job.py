"""A job finds the calibration of its own moment."""

from types import SimpleNamespace

from hypothesis import given
from hypothesis import strategies as st

from epofusion_ros.stream.job import CameraInfos, Job
from epofusion_ros.stream.pairing import FramePair, SingleFrame

STAMPS = st.lists(st.integers(0, 1000), min_size=1, max_size=30)


def infos_of(stamps: list[int]) -> CameraInfos:
    infos = CameraInfos()
    for stamp_ns in stamps:
        infos.add(stamp_ns, f"of {stamp_ns}")
    return infos


@given(stamps=STAMPS, stamp_ns=st.integers(0, 1000))
def test_the_calibration_is_the_latest_up_to_the_stamp_in_whatever_order_they_came(
    stamps: list[int], stamp_ns: int
) -> None:
    earlier = [each for each in stamps if each <= stamp_ns]
    expected = max(earlier) if earlier else stamps[-1]
    assert infos_of(stamps).at(stamp_ns) == f"of {expected}"


def test_of_two_calibrations_of_one_stamp_the_later_one_counts() -> None:
    infos = infos_of([5])
    infos.add(5, "corrected")
    assert infos.at(5) == infos.at(7) == "corrected"


def test_calibrations_of_any_length_are_kept_within_bounds_and_the_newest_always() -> None:
    infos = CameraInfos()
    for stamp_ns in range(40):
        infos.add(stamp_ns, SimpleNamespace(d=bytes(2**20)))
    infos.add(40, SimpleNamespace(d=bytes(2**25)))
    assert infos.at(0) is infos.at(40), "all earlier ones are gone"
    infos.add(41, SimpleNamespace(d=b""))
    assert infos.at(41).d == b""


def test_a_calibration_that_comes_after_the_pair_was_found_is_still_that_of_the_pair() -> None:
    infos = infos_of([10])
    job = Job(FramePair(20, 0, "rgb", "thermal"), camera_infos=infos)
    infos.add(20, "of 20")
    infos.add(30, "of 30")
    assert job.camera_info() == "of 20"


def test_a_camera_without_calibration_and_a_thermal_frame_alone_have_none() -> None:
    assert Job(FramePair(20, 0, "rgb", "thermal")).camera_info() is None
    assert Job(SingleFrame("thermal", 20, "frame"), camera_infos=infos_of([20])).camera_info() is None
    assert Job(SingleFrame("rgb", 20, "frame"), camera_infos=infos_of([20])).camera_info() == "of 20"
