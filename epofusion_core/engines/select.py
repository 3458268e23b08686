"""Opens the engine that a user asks for, or the fastest that is there."""

import importlib.util
from pathlib import Path

from epofusion_core.engines.cache import Report
from epofusion_core.engines.engine import Engine, EngineError, EngineOptions
from epofusion_core.model.card import ModelCard

_FASTEST_FIRST = {
    "cpu": ("openvino", "onnxruntime", "torch"),
    "cuda": ("torch", "onnxruntime"),
    "tensorrt": ("onnxruntime",),
    "openvino": ("onnxruntime",),
    "gpu": ("openvino",),
    "npu": ("openvino",),
}
"""Engines by device, as measured in docs/performance.md on the CPU."""


def open_engine(weights: Path, card: ModelCard, options: EngineOptions, report: Report) -> Engine:
    """Open an engine for a model.

    Args:
        weights: safetensors file; graphs of it are looked for beside it.
        card: of that file.
        options: what the user asks for; anything explicit is had or refused.
        report: told what takes long, and what "auto" takes.

    Raises:
        EngineError: what is asked for is not there.
        WeightsError: the weights are damaged.
    """
    name = _choose(options) if options.engine == "auto" else options.engine
    engine: Engine
    if name == "torch":
        engine = _open_torch(weights, options)
    elif name == "onnxruntime":
        from epofusion_core.engines.onnxruntime_engine import OnnxRuntimeEngine

        engine = OnnxRuntimeEngine(weights, card.config, options, report)
    else:
        from epofusion_core.engines.openvino_engine import OpenVinoEngine

        engine = OpenVinoEngine(weights, card.config, options, report)
    if "auto" in (options.engine, options.precision):
        report(f"engine {engine.name}, precision {engine.precision}, on {engine.device}")
    return engine


def _choose(options: EngineOptions) -> str:
    device = options.device.split(":")[0]
    if device not in _FASTEST_FIRST:
        raise EngineError(f"device {options.device!r} is unknown; expected one of {', '.join(_FASTEST_FIRST)}")
    fitting = [name for name in _FASTEST_FIRST[device] if name == "torch" or not options.compiled]
    if options.precision in ("bf16", "int8"):
        fitting = [name for name in fitting if name != "onnxruntime"]
    if options.precision == "f16" and device == "cpu":  # OpenVINO has it on few processors
        fitting = [name for name in fitting if name != "openvino"]
    if options.precision == "int8":
        fitting = [name for name in fitting if name == "openvino"]
    for name in fitting:
        if importlib.util.find_spec(name):
            return name
    wanted = " or ".join(fitting) or "another device, or another precision"
    raise EngineError(f"no engine for device {options.device!r} and precision {options.precision}; expected {wanted}")


def _open_torch(weights: Path, options: EngineOptions) -> Engine:
    if not importlib.util.find_spec("torch"):
        raise EngineError("engine torch is not installed; pip install torch timm")
    from epofusion_core.engines.torch_engine import TorchEngine
    from epofusion_core.model.weights import load_weights

    model, _ = load_weights(weights)
    return TorchEngine(model, options)
