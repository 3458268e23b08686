"""Calibrations as the tools of others write them: OpenCV, ROS, kalibr."""

import copy
from contextlib import suppress
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from epofusion_core.registration.calibration import CalibrationError, read_extrinsics, read_homography

MATRIX = np.array([[200.0, 0, 159.5], [0, 201.0, 127.5], [0, 0, 1]])
RADTAN = np.array([[-0.3, 1.5e-05, 0.001, -2e-3, 0.05]])
TURN, _ = cv2.Rodrigues(np.array([0.01, -0.02, 0.03]))
SHIFT = np.array([0.12, -0.01, 0.005])
TRANSFORM = np.vstack([np.column_stack([TURN, SHIFT]), [0, 0, 0, 1]])


def opencv_camera(path: Path, matrix: np.ndarray = MATRIX, distortion: np.ndarray = RADTAN, fisheye: int = 0) -> None:
    """As OpenCV's camera_calibration.cpp writes it."""
    storage = cv2.FileStorage(str(path), cv2.FILE_STORAGE_WRITE)
    storage.write("calibration_time", "Mon Nov 30 12:00:00 2026")
    storage.write("nr_of_frames", 25)
    storage.write("image_width", 320)
    storage.write("image_height", 256)
    storage.write("fisheye_model", fisheye)
    storage.write("camera_matrix", matrix)
    storage.write("distortion_coefficients", distortion)
    storage.write("avg_reprojection_error", 1.2345678901234567e-05)
    storage.release()


def ros_camera(**changes: object) -> str:
    """As camera_calibration writes ost.yaml."""
    values = {
        "image_width": 320,
        "image_height": 256,
        "camera_name": "thermal",
        "camera_matrix": {"rows": 3, "cols": 3, "data": MATRIX.ravel().tolist()},
        "distortion_model": "plumb_bob",
        "distortion_coefficients": {"rows": 1, "cols": 5, "data": RADTAN.ravel().tolist()},
        "rectification_matrix": {"rows": 3, "cols": 3, "data": np.eye(3).ravel().tolist()},
        "projection_matrix": {"rows": 3, "cols": 4, "data": np.eye(3, 4).ravel().tolist()},
    }
    return yaml.safe_dump(values | changes, sort_keys=False)


def kalibr_camera(topic: str, size: tuple[int, int], model: str = "radtan", **more: object) -> dict[str, Any]:
    return {
        "cam_overlaps": [1],
        "camera_model": "pinhole",
        "distortion_coeffs": [-0.3, 0.1, 0.001, -0.002],
        "distortion_model": model,
        "intrinsics": [200.0, 201.0, size[0] / 2, size[1] / 2],
        "resolution": list(size),
        "rostopic": topic,
        "timeshift_cam_imu": 0.0,
    } | more


def test_a_homography_that_opencv_has_written_is_read(tmp_path: Path) -> None:
    matrix = np.array([[2.0, 1e-07, 12.5], [-3.25e-05, 2, -3], [1e-6, 0, 1]])
    storage = cv2.FileStorage(str(tmp_path / "h.yaml"), cv2.FILE_STORAGE_WRITE)
    storage.write("homography", matrix)
    for name, size in (("thermal_size", (320, 240)), ("rgb_size", (640, 480))):
        storage.startWriteStruct(name, cv2.FileNode_SEQ)
        for side in size:
            storage.write("", side)
        storage.endWriteStruct()
    storage.release()
    assert "%YAML" in (tmp_path / "h.yaml").read_text()
    homography = read_homography(tmp_path / "h.yaml")
    assert np.array_equal(homography.matrix, matrix)
    assert (homography.thermal_size, homography.rgb_size) == ((240, 320), (480, 640))


@pytest.mark.parametrize("tool", ["opencv", "ros"])
def test_the_cameras_files_can_be_named_and_opencvs_stereo_transform_stands_beside_them(
    tmp_path: Path, tool: str
) -> None:
    for name in ("thermal.yaml", "rgb.yml"):
        opencv_camera(tmp_path / name) if tool == "opencv" else (tmp_path / name).write_text(ros_camera())
    storage = cv2.FileStorage(str(tmp_path / "rig.yaml"), cv2.FILE_STORAGE_WRITE)
    storage.write("thermal", "thermal.yaml")
    storage.write("rgb", "rgb.yml")
    storage.write("R", TURN)
    storage.write("T", SHIFT)
    storage.release()
    extrinsics = read_extrinsics(tmp_path / "rig.yaml")
    for each in (extrinsics.thermal, extrinsics.rgb):
        assert each.size == (256, 320)
        assert np.array_equal(each.matrix, MATRIX)
        assert np.array_equal(each.distortion, RADTAN.ravel())
        assert not each.is_fisheye
    assert np.allclose(extrinsics.transform, TRANSFORM)


@pytest.mark.parametrize(
    ("changes", "is_fisheye", "count"),
    [
        ({"distortion_model": "equidistant", "distortion_coefficients": {"data": [0.1, 0.0, 0.0, 0.0]}}, True, 4),
        ({"distortion_model": "fisheye", "distortion_coefficients": {"data": [0.1, 0.0, 0.0, 0.0]}}, True, 4),
        ({"distortion_model": "radtan", "distortion_coefficients": {"data": [0.1, 0.0, 0.0, 0.0]}}, False, 4),
        ({"distortion_model": "rational_polynomial", "distortion_coefficients": {"data": [0.01] * 8}}, False, 8),
        ({"distortion_model": "plumb_bob", "distortion_coefficients": {"rows": 0, "cols": 0, "data": []}}, False, 4),
        ({"distortion_model": "", "distortion_coefficients": {"data": []}}, False, 4),
    ],
)
def test_lens_models_are_known_by_the_names_that_tools_give_them(
    tmp_path: Path, changes: dict[str, Any], is_fisheye: bool, count: int
) -> None:
    (tmp_path / "thermal.yaml").write_text(ros_camera(**changes))
    (tmp_path / "rgb.yaml").write_text(ros_camera())
    rig = {"thermal": "thermal.yaml", "rgb": "rgb.yaml", "T_rgb_thermal": TRANSFORM.tolist()}
    (tmp_path / "rig.yaml").write_text(yaml.safe_dump(rig))
    thermal = read_extrinsics(tmp_path / "rig.yaml").thermal
    assert thermal.is_fisheye == is_fisheye
    assert len(thermal.distortion) == count


def test_a_fisheye_camera_of_opencv_is_known_by_its_flag(tmp_path: Path) -> None:
    opencv_camera(tmp_path / "thermal.yaml", distortion=np.array([0.1, 0.01, 0.0, 0.0]), fisheye=1)
    opencv_camera(tmp_path / "rgb.yaml")
    rig = {"thermal": "thermal.yaml", "rgb": "rgb.yaml", "T_rgb_thermal": TRANSFORM.ravel().tolist()}
    (tmp_path / "rig.yaml").write_text(yaml.safe_dump(rig))
    assert read_extrinsics(tmp_path / "rig.yaml").thermal.is_fisheye


def test_a_camera_info_message_written_down_is_a_camera(tmp_path: Path) -> None:
    info = {"height": 256, "width": 320, "distortion_model": "plumb_bob", "d": [0.0] * 5, "k": MATRIX.ravel().tolist()}
    rig = {"thermal": info, "rgb": dict(info), "T_rgb_thermal": np.eye(4).tolist()}
    (tmp_path / "rig.yaml").write_text(yaml.safe_dump(rig))
    assert np.array_equal(read_extrinsics(tmp_path / "rig.yaml").thermal.matrix, MATRIX)


RGB, THERMAL = ("/camera/image_raw", (640, 512)), ("/flir_boson/image_raw", (320, 256))


@pytest.mark.parametrize("model", ["radtan", "equidistant"])
@pytest.mark.parametrize(
    ("cameras", "more", "inverted"),
    [
        ([THERMAL, RGB], {}, False),
        ([RGB, THERMAL], {}, True),
        ([("/a", (320, 256)), ("/b", (640, 512))], {}, False),
        ([("/a", (640, 512)), ("/b", (320, 256))], {"thermal": "cam1", "rgb": "cam0"}, True),
    ],
    ids=["thermal first", "thermal second", "first is thermal without a word", "said"],
)
def test_a_camchain_of_kalibr_is_read_as_it_is(
    tmp_path: Path, model: str, cameras: list[tuple[str, tuple[int, int]]], more: dict[str, str], inverted: bool
) -> None:
    chain = {
        "cam0": kalibr_camera(*cameras[0], model),
        "cam1": kalibr_camera(*cameras[1], model, T_cn_cnm1=TRANSFORM.tolist()),
    }
    (tmp_path / "camchain.yaml").write_text(yaml.safe_dump(chain | more))
    extrinsics = read_extrinsics(tmp_path / "camchain.yaml")
    assert (extrinsics.thermal.size, extrinsics.rgb.size) == ((256, 320), (512, 640))
    assert extrinsics.thermal.is_fisheye == extrinsics.rgb.is_fisheye == (model == "equidistant")
    assert np.allclose(extrinsics.transform, np.linalg.inv(TRANSFORM) if inverted else TRANSFORM)


def test_of_a_chain_of_three_two_are_named(tmp_path: Path) -> None:
    step = TRANSFORM.tolist()
    chain: dict[str, Any] = {
        "cam0": kalibr_camera(*RGB),
        "cam1": kalibr_camera("/other", (100, 100), T_cn_cnm1=step),
        "cam2": kalibr_camera(*THERMAL, T_cn_cnm1=step),
    }
    (tmp_path / "camchain.yaml").write_text(yaml.safe_dump(chain))
    with pytest.raises(CalibrationError, match="holds cam0, cam1, cam2; expected thermal: and rgb: to name one"):
        read_extrinsics(tmp_path / "camchain.yaml")
    (tmp_path / "camchain.yaml").write_text(yaml.safe_dump(chain | {"thermal": "cam2", "rgb": "cam0"}))
    extrinsics = read_extrinsics(tmp_path / "camchain.yaml")
    assert np.allclose(extrinsics.transform, np.linalg.inv(TRANSFORM @ TRANSFORM))


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"camera_model": "omni"}, "distortion_model of cam1 is 'radtan', camera_model 'omni'; expected pinhole"),
        ({"distortion_model": "fov"}, "distortion_model of cam1 is 'fov'"),
        ({"T_cn_cnm1": None}, "T_cn_cnm1 of cam1 is missing or wrong; expected 16 numbers"),
        ({"intrinsics": [1.0, 2.0]}, "intrinsics of cam1 is missing or wrong; expected 4 numbers"),
        ({"resolution": 5}, "size of cam1 is missing or wrong"),
        ({"intrinsics": [0.0, 0.0, 1.0, 1.0]}, "camera_matrix of cam1 .* expected focal lengths of 1 to"),
    ],
)
def test_what_is_wrong_in_a_chain_is_one_clear_sentence(tmp_path: Path, change: dict[str, Any], sentence: str) -> None:
    chain = {"cam0": kalibr_camera(*THERMAL), "cam1": kalibr_camera(*RGB, T_cn_cnm1=TRANSFORM.tolist()) | change}
    (tmp_path / "camchain.yaml").write_text(yaml.safe_dump(chain))
    with pytest.raises(CalibrationError, match=sentence):
        read_extrinsics(tmp_path / "camchain.yaml")


JUNK = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(10**400), 10**400),
    st.floats(),
    st.sampled_from(["", "cam0", "cam1", "1e5", "rig.yaml"]),
    st.lists(st.none() | st.floats() | st.lists(st.floats(), max_size=2), max_size=5),
    st.dictionaries(st.sampled_from(["data", "width", "height"]), st.none() | st.floats()),
)


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_value_in_any_place_is_read_or_one_clear_sentence(tmp_path: Path, data: st.DataObject) -> None:
    camera = yaml.safe_load(ros_camera())
    rig = {"thermal": camera, "rgb": camera, "R": TURN.tolist(), "T": SHIFT.tolist()}
    chain = {"cam0": kalibr_camera(*THERMAL), "cam1": kalibr_camera(*RGB, T_cn_cnm1=TRANSFORM.tolist())}
    values: dict[str, Any] = copy.deepcopy(data.draw(st.sampled_from([rig, chain])))
    place: Any = values
    while True:
        key = data.draw(st.sampled_from(list(place) if isinstance(place, dict) else range(len(place))))
        if not (place[key] and isinstance(place[key], (dict, list)) and data.draw(st.booleans())):
            break
        place = place[key]
    place[key] = data.draw(JUNK)
    (tmp_path / "rig.yaml").write_text(yaml.safe_dump(values))
    with suppress(CalibrationError):
        read_extrinsics(tmp_path / "rig.yaml")
