"""The weights that ship: small, self-describing, and better than plain rules on a drive that training has not seen."""

from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest

from epofusion_core import Fuser
from epofusion_core.engines.graphs import shipped_graph
from epofusion_core.evaluation.baselines import glare_maximum, maximum
from epofusion_core.evaluation.exposure_metrics import exposure_metrics, mask_metrics, mean_where_applicable
from epofusion_core.imaging import luma
from epofusion_core.model.card import WEIGHTS_FOLDER, read_card, resolve_weights
from epofusion_core.model.config import MASK_THRESHOLD
from epofusion_core.simulation import Drive
from epofusion_core.simulation.drive import SCENES

NAMES = ("epofusion_xs", "epofusion_s")
UNSEEN_SEED = 9001
EVALUATED = ("msrs", "roadscene", "m3svd", "llvip")
MEASURES = ("mi", "vif", "qabf", "ssim", "q_oe", "c_oe", "n_oe", "phantom", "dy")

CLAIMED_IOU = {
    "epofusion_xs": {"night": 0.92, "tunnel": 0.92, "low_sun": 0.88},
    "epofusion_s": {"night": 0.93, "tunnel": 0.94, "low_sun": 0.91},
}
"""Masks in the simulation, pooled over pixels: docs/model_card.md."""
IOU_MARGIN = 0.03
"""Four frames of one drive differ by this much from the drives of the model card."""

CLAIMED_INT8_PSNR_DB = {"epofusion_xs": 46.0, "epofusion_s": 56.0}
"""Least likeness of the int8 graph's picture to that of f32: docs/performance.md."""
PSNR_MARGIN_DB = 2.0
CLAIMED_INT8_IOU = 0.99
"""Of both graphs' masks: docs/performance.md."""
INT8_IOU_MARGIN = 0.02


@pytest.mark.parametrize("name", NAMES)
def test_a_weights_file_is_small_and_says_where_it_comes_from(name: str) -> None:
    path = WEIGHTS_FOLDER / f"{name}.safetensors"
    assert path.stat().st_size < 10_000_000
    card = read_card(path)
    assert card.name == name
    assert {"data", "iterations", "license"} <= card.provenance.keys()
    assert card.metrics.keys() == {f"{data}_{measure}" for data in EVALUATED for measure in MEASURES}
    claimed = (Path(__file__).resolve().parents[2] / "docs" / "model_card.md").read_text(encoding="utf-8")
    for key in ("msrs_vif", "msrs_qabf", "roadscene_q_oe"):
        assert f" {card.metrics[key]:.3f}" in claimed, f"{key} is not the one that the model card claims"


@pytest.mark.parametrize("name", NAMES)
def test_the_graphs_that_ship_are_of_these_weights_and_give_their_picture(name: str) -> None:
    weights = resolve_weights(name)
    frame = Drive(UNSEEN_SEED).frame(60)
    expected = Fuser.load(name, engine="torch")(frame.visible, frame.thermal)
    for engine, precision in (("onnxruntime", "f32"), ("openvino", "f32"), ("openvino", "int8")):
        assert shipped_graph(weights, 1, precision) is not None, f"{precision} is not beside the weights"
        result = Fuser.load(name, engine=engine, precision=precision)(frame.visible, frame.thermal)
        difference = result.fused_luma - expected.fused_luma
        if precision == "f32":
            assert np.abs(difference).max() < 1e-3
            assert np.abs(result.guidance - expected.guidance).max() < 1e-3
        else:
            psnr_db = -10 * np.log10(np.mean(np.square(difference)))
            overlap = mask_metrics(result.guidance >= MASK_THRESHOLD, expected.guidance >= MASK_THRESHOLD).iou
            assert psnr_db > CLAIMED_INT8_PSNR_DB[name] - PSNR_MARGIN_DB
            assert overlap > CLAIMED_INT8_IOU - INT8_IOU_MARGIN


@pytest.mark.parametrize("name", NAMES)
def test_what_mixes_the_sources_is_exact_in_the_int8_graph(name: str) -> None:
    """Eight bits of a mix of the sources would be grey levels of the picture."""
    openvino = pytest.importorskip("openvino")
    graph = openvino.Core().read_model(shipped_graph(resolve_weights(name), 1, "int8"))
    waiting, kinds = [graph.output("fused").get_node()], {}
    while waiting:
        node = waiting.pop()
        name_of_node = node.get_friendly_name()
        if name_of_node not in kinds:
            kinds[name_of_node] = node.get_type_name()
            if kinds[name_of_node] != "Convolution":
                waiting += [port.get_source_output().get_node() for port in node.inputs()]
    assert list(kinds.values()).count("Convolution") >= 2, "it starts at the decoded maps and at the mask"
    assert "FakeQuantize" not in kinds.values()


@pytest.mark.parametrize("name", NAMES)
def test_a_graph_says_nothing_of_the_machine_that_exported_it(name: str) -> None:
    for path in WEIGHTS_FOLDER.glob(f"{name}-*"):
        content = path.read_bytes()
        assert b"stack_trace" not in content, path
        assert b"site-packages" not in content, path


@pytest.mark.parametrize("name", NAMES)
def test_objects_show_inside_the_glare_and_the_rest_of_it_stays_bright(name: str) -> None:
    fuser = Fuser.load(name)
    drive = Drive(UNSEEN_SEED)
    ours, plain, by_brightness = [], [], []
    for frame in (drive.frame(index) for index in (10, 60, 150)):
        grey = luma(frame.visible)
        result = fuser(frame.visible, frame.thermal)
        fused = np.rint(result.fused_luma * 255).astype(np.uint8)
        ours.append(asdict(exposure_metrics(grey, frame.thermal, fused)))
        plain.append(asdict(exposure_metrics(grey, frame.thermal, maximum(grey, frame.thermal))))
        by_brightness.append(asdict(exposure_metrics(grey, frame.thermal, glare_maximum(grey, frame.thermal))))

    def mean(figures: list[dict[str, float]], column: str) -> float:
        return mean_where_applicable(each[column] for each in figures)

    assert mean(ours, "q_oe") > mean(plain, "q_oe") + 0.2, "a plain maximum loses what lies inside the glare"
    assert mean(ours, "n_oe") < 0.5 * mean(by_brightness, "n_oe"), "a rule on brightness fills the glare with noise"
    assert mean(ours, "dy") < mean(plain, "dy") + 2, "away from the glare the picture stays as natural as the maximum"


@pytest.mark.parametrize("scene", SCENES)
@pytest.mark.parametrize("name", NAMES)
def test_masks_of_an_unseen_drive_are_as_good_as_claimed(name: str, scene: str) -> None:
    fuser, drive = Fuser.load(name), Drive(UNSEEN_SEED, scene=scene)
    both = either = 0
    for frame in (drive.frame(index) for index in (10, 60, 150, 200)):
        found = fuser(frame.visible, frame.thermal).guidance >= MASK_THRESHOLD
        both += np.count_nonzero(found & frame.mask)
        either += np.count_nonzero(found | frame.mask)
    assert both / either > CLAIMED_IOU[name][scene] - IOU_MARGIN
