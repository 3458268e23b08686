"""Half precision, computed in or stored in a graph, gives the picture of float32; what is not finite is never shown."""

from pathlib import Path

import numpy as np
import pytest
import torch

from epofusion_core import Fuser
from epofusion_core.engines.engine import EngineError
from epofusion_core.engines.export import export_onnx
from epofusion_core.engines.graphs import graph_name
from epofusion_core.model.card import ModelCard
from epofusion_core.model.config import MODELS
from epofusion_core.model.epofusion import EPOFusion
from epofusion_core.model.weights import load_weights, save_weights
from epofusion_core.simulation import Drive

TOLERANCES = {"f16": 0.01, "bf16": 0.06}
FRAME = Drive(seed=3).frame(5)
RGB, THERMAL = FRAME.visible[::2, ::2].copy(), FRAME.thermal[::2, ::2].copy()


def write_weights(folder: Path, size: str) -> Path:
    """Write random weights whose norms have seen a few images, so that their picture is no flat grey."""
    torch.manual_seed(1)
    model = EPOFusion(MODELS[size]).train()
    images = torch.rand(4, 2, 2, 128, 128)
    with torch.no_grad():
        for part in model.modules():
            if isinstance(part, torch.nn.BatchNorm2d):
                part.weight.normal_(1.0, 0.3)
        model.mscf.tail[-1].get_parameter("weight").mul_(20.0)
        for pairs in images:
            model(pairs[:, :1], pairs[:, 1:])
    path = folder / f"{size}.safetensors"
    save_weights(path, model, ModelCard(size, model.config))
    return path


@pytest.fixture(scope="module", params=list(MODELS))
def weights(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Random weights of each size."""
    return write_weights(tmp_path_factory.mktemp("weights"), request.param)


@pytest.mark.parametrize("steps", [1, 3])
@pytest.mark.parametrize("precision", TOLERANCES)
def test_half_precision_gives_the_picture_of_float32(weights: Path, precision: str, steps: int) -> None:
    expected = Fuser.load(weights, engine="torch", steps=steps, untrained_steps=True)(RGB, THERMAL)
    actual = Fuser.load(weights, engine="torch", precision=precision, steps=steps, untrained_steps=True)(RGB, THERMAL)
    assert np.ptp(expected.fused_luma) > 0.2, "the picture is flat: nothing was compared"
    np.testing.assert_allclose(actual.fused_luma, expected.fused_luma, atol=TOLERANCES[precision])
    np.testing.assert_allclose(actual.guidance, expected.guidance, atol=TOLERANCES[precision])


def test_a_graph_whose_file_holds_half_precision_gives_the_picture_of_float32(tmp_path: Path) -> None:
    weights = write_weights(tmp_path, "epofusion_xs")
    content = export_onnx(weights, 1)
    weights.with_name(graph_name(weights, 1, "f32")).write_bytes(content)
    parameters = sum(each.numel() for each in load_weights(weights)[0].parameters())
    assert len(content) < 2.2 * parameters, "two bytes a parameter, and the graph itself"
    expected = Fuser.load(weights, engine="torch")(RGB, THERMAL)
    assert np.ptp(expected.fused_luma) > 0.2, "the picture is flat: nothing was compared"
    for engine in ("onnxruntime", "openvino"):
        fuser = Fuser.load(weights, engine=engine, precision="f32")
        assert fuser.engine.precision == "f32"
        actual = fuser(RGB, THERMAL)
        np.testing.assert_allclose(actual.fused_luma, expected.fused_luma, atol=1e-3)
        np.testing.assert_allclose(actual.guidance, expected.guidance, atol=1e-3)


def test_a_picture_that_is_not_finite_is_an_error_that_names_the_engine(random_weights: Path, tmp_path: Path) -> None:
    model, card = load_weights(random_weights)
    for name, buffer in model.named_buffers():
        if name.endswith("running_var"):
            buffer.fill_(-1)  # a number, whose root is none
    broken = tmp_path / "broken.safetensors"
    save_weights(broken, model, card)
    fuser = Fuser.load(broken, engine="torch")
    with pytest.raises(EngineError, match="engine torch on cpu in f32 gave values that are not finite"):
        fuser(RGB, THERMAL)
