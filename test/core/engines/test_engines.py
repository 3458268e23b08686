"""Every engine gives the picture of PyTorch, says what it is, and never is another one than the one asked for."""

import logging
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from epofusion_core import Fuser
from epofusion_core.engines.engine import EngineError, EngineOptions
from epofusion_core.engines.torch_engine import TorchEngine
from epofusion_core.model.card import ModelCard
from epofusion_core.model.config import named_config
from epofusion_core.model.epofusion import EPOFusion
from epofusion_core.model.weights import load_weights, save_weights
from epofusion_core.simulation import Drive

SIZES = ((96, 128), (50, 70), (1, 1))
CAPABILITIES = {"f16": "FP16", "bf16": "BF16"}


def openvino_computes_in(precision: str) -> bool:
    import openvino

    known = openvino.Core().get_property("CPU", "OPTIMIZATION_CAPABILITIES")
    return CAPABILITIES.get(precision, "FP32") in known


def images(height: int, width: int) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    rng = np.random.default_rng(height)
    return rng.integers(0, 256, (height, width, 3), np.uint8), rng.integers(0, 256, (height, width), np.uint8)


@pytest.mark.parametrize(
    ("options", "tolerance"),
    [
        (EngineOptions("onnxruntime"), 1e-3),
        (EngineOptions("openvino", precision="f32"), 1e-3),
        (EngineOptions("onnxruntime", precision="f16"), 0.02),
        (EngineOptions("openvino", precision="bf16"), 0.05),
        (EngineOptions("torch", precision="bf16"), 0.05),
    ],
    ids=lambda value: f"{value.engine}-{value.precision}" if isinstance(value, EngineOptions) else "",
)
def test_an_engine_gives_the_picture_of_pytorch_at_any_size(
    random_weights: Path, options: EngineOptions, tolerance: float
) -> None:
    if options.engine == "openvino" and not openvino_computes_in(options.precision):
        pytest.skip(f"this processor does not compute in {options.precision}")
    reference, fuser = Fuser.load(random_weights, engine="torch"), Fuser.load(random_weights, **asdict(options))
    assert fuser.engine.name == options.engine
    for size in (*SIZES, SIZES[0]):
        expected, actual = reference(*images(*size)), fuser(*images(*size))
        np.testing.assert_allclose(actual.fused_luma, expected.fused_luma, atol=tolerance)
        np.testing.assert_allclose(actual.guidance, expected.guidance, atol=tolerance)


@pytest.mark.parametrize("name", ["epofusion_s", "epofusion_t"])
def test_the_sampling_loop_is_inside_the_graph(name: str, tmp_path: Path) -> None:
    weights = tmp_path / f"{name}.safetensors"
    config = named_config(name)
    save_weights(weights, EPOFusion(config), ModelCard(name, config))
    expected, *others = (
        Fuser.load(weights, engine=engine, precision="f32", steps=2, untrained_steps=True)(*images(64, 96))
        for engine in ("torch", "onnxruntime", "openvino")
    )
    for actual in others:
        np.testing.assert_allclose(actual.fused_luma, expected.fused_luma, atol=1e-3)


def test_a_result_stays_when_the_next_pair_is_fused(random_weights: Path) -> None:
    for engine in ("torch", "onnxruntime", "openvino"):
        fuser = Fuser.load(random_weights, engine=engine)
        first = fuser(*images(64, 96))
        kept = first.fused_luma.copy(), first.guidance.copy()
        fuser(*(255 - image for image in images(64, 96)))
        assert np.array_equal(first.fused_luma, kept[0])
        assert np.array_equal(first.guidance, kept[1])


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"engine": "tensorflow"}, "engine 'tensorflow' is unknown; expected one of auto, torch"),
        ({"precision": "f64"}, "precision 'f64' is unknown"),
        ({"steps": 0}, "steps is 0; expected at least 1"),
        ({"threads": -1}, "threads is -1"),
        ({"device": "warp drive"}, "device 'warp drive' is unknown; expected one of cpu"),
        ({"engine": "torch", "device": "warp drive"}, "device 'warp drive' is not one of engine torch"),
        ({"engine": "torch", "device": "cuda"}, "PyTorch sees no CUDA device"),
        ({"engine": "torch", "precision": "int8"}, "precision int8 is not for engine torch"),
        ({"engine": "onnxruntime", "device": "tensorrt"}, "device 'tensorrt' is not one of this ONNX Runtime"),
        ({"engine": "onnxruntime", "precision": "int8"}, "precision int8 is not for engine onnxruntime"),
        ({"engine": "openvino", "device": "npu"}, "device 'npu' is not one of this OpenVINO"),
        ({"engine": "openvino", "compiled": True}, "compiled is not for engine openvino"),
        ({"engine": "openvino", "precision": "int8"}, "make it by `epofusion export --engine openvino"),
        ({"device": "cuda"}, "torch is left out: .*no CUDA device.*onnxruntime is left out: device 'cuda' is not one"),
        ({"device": "cuda", "precision": "int8"}, "no engine for device 'cuda' and precision int8"),
    ],
    ids=str,
)
def test_what_cannot_be_had_is_one_clear_sentence_and_never_something_else(
    random_weights: Path, options: dict[str, object], sentence: str
) -> None:
    with pytest.raises(EngineError, match=sentence):
        Fuser.load(random_weights, **options)  # type: ignore[arg-type]


def test_openvino_refuses_a_precision_that_the_device_would_replace_without_a_word(random_weights: Path) -> None:
    for precision in CAPABILITIES:
        if openvino_computes_in(precision):
            assert Fuser.load(random_weights, engine="openvino", precision=precision).engine.precision == precision
        else:
            with pytest.raises(EngineError, match=f"precision {precision} is not one that device 'cpu' computes in"):
                Fuser.load(random_weights, engine="openvino", precision=precision)


def test_a_device_out_of_memory_loses_the_frame_and_takes_the_next(random_weights: Path) -> None:
    model, _ = load_weights(random_weights)
    engine = TorchEngine(model, EngineOptions(engine="torch"))
    luma = infrared = np.full((48, 64), 90, np.uint8)

    def exhausted(*_: object) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory")

    hook = model.encoder.register_forward_pre_hook(exhausted)
    with pytest.raises(EngineError, match="cpu has too little memory for a frame of 64x48 pixels"):
        engine.run(luma, infrared)
    hook.remove()
    fused, _ = engine.run(luma, infrared)
    assert fused.shape == (48, 64)


def test_auto_says_what_it_takes(random_weights: Path) -> None:
    said: list[str] = []
    fuser = Fuser.load(random_weights, report=said.append)
    assert fuser.engine.name == "openvino"
    assert "engine openvino, precision f32, on cpu" in said


def test_auto_leaves_out_what_cannot_do_it_and_says_so(random_weights: Path) -> None:
    if openvino_computes_in("f16"):
        pytest.skip("OpenVINO computes in f16 on this processor")
    said: list[str] = []
    fuser = Fuser.load(random_weights, precision="f16", report=said.append)
    assert (fuser.engine.name, fuser.engine.precision) == ("onnxruntime", "f16")
    assert said[0].startswith("engine openvino is left out: precision f16 is not one that device 'cpu' computes in")
    assert said[-1] == "engine onnxruntime, precision f16, on cpu"


def test_a_truncated_graph_beside_the_weights_is_one_clear_sentence(random_weights: Path, tmp_path: Path) -> None:
    from epofusion_core.engines.graphs import graph_name

    weights = tmp_path / "mine.safetensors"
    weights.write_bytes(random_weights.read_bytes())
    (tmp_path / graph_name(weights, 1, "f32")).write_bytes(b"\x08\x0a no graph")
    for engine in ("openvino", "onnxruntime"):
        with pytest.raises(EngineError, match=r"mine-.*-k1\.onnx: .* is it truncated\?"):
            Fuser.load(weights, engine=engine, precision="f32")
    said: list[str] = []
    assert Fuser.load(weights, precision="f32", report=said.append).engine.name == "torch", "auto goes on to the next"
    assert [sentence.split()[1] for sentence in said if "is left out" in sentence] == ["openvino", "onnxruntime"]


WITHOUT_TORCH = """
import sys, time
started = time.monotonic()
sys.modules["torch"] = None  # whoever imports it gets an ImportError
import numpy as np
from epofusion_core import Fuser
fuser = Fuser.load("epofusion_xs", engine=sys.argv[1])
fuser(np.zeros((480, 640, 3), np.uint8), np.zeros((480, 640), np.uint8))
print(time.monotonic() - started)
"""


@pytest.mark.parametrize("engine", ["auto", "openvino", "onnxruntime"])
def test_the_models_that_ship_run_without_torch_and_start_quickly(engine: str) -> None:
    done = [
        subprocess.run([sys.executable, "-c", WITHOUT_TORCH, engine], capture_output=True, text=True, timeout=120)
        for _ in range(2)
    ]
    assert [run.stderr for run in done] == ["", ""]
    assert min(float(run.stdout) for run in done) < 3.0


def test_without_torch_other_weights_need_their_graph(random_weights: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)
    monkeypatch.setenv("XDG_CACHE_HOME", str(random_weights.parent / "empty_cache"))
    with pytest.raises(EngineError, match="export it where PyTorch is installed"):
        Fuser.load(random_weights, engine="openvino")
    with pytest.raises(EngineError, match="engine torch is not installed"):
        Fuser.load(random_weights, engine="torch")


def test_int8_by_calibration_keeps_the_picture(random_weights: Path, tmp_path: Path) -> None:
    from typer.testing import CliRunner

    from epofusion_core.imaging import write_png
    from epofusion_ros.cli.main import app

    logging.getLogger("nncf").setLevel(logging.ERROR)
    weights = tmp_path / "mine.safetensors"
    weights.write_bytes(random_weights.read_bytes())
    drive = Drive(3, height=96, width=128)
    frames = [drive.frame(index) for index in range(0, 120, 20)]
    for number, frame in enumerate(frames):
        write_png(tmp_path / "pairs" / "vi" / f"{number}.png", frame.visible)
        write_png(tmp_path / "pairs" / "ir" / f"{number}.png", frame.thermal)
    arguments = ["export", "--model", str(weights), "--engine", "openvino", "--precision", "int8"]
    refused = CliRunner().invoke(app, arguments)
    assert refused.exit_code == 2
    made = CliRunner().invoke(app, [*arguments, "--calibration", str(tmp_path / "pairs")])
    assert made.exit_code == 0, made.output
    exact, quantised = (Fuser.load(weights, engine="openvino", precision=precision) for precision in ("f32", "auto"))
    assert quantised.engine.precision == "int8"
    differences = [exact(f.visible, f.thermal).fused_luma - quantised(f.visible, f.thermal).fused_luma for f in frames]
    psnr_db = -10 * np.log10(np.mean(np.square(differences)))
    assert psnr_db > 35
