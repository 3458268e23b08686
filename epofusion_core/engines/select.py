"""Opens the engine that a user asks for, or the fastest that is there."""

import importlib.util
from dataclasses import replace
from pathlib import Path

from epofusion_core.engines.engine import Engine, EngineError, EngineOptions
from epofusion_core.model.card import ModelCard
from epofusion_core.progress import Log

_FASTEST_FIRST = {
    "cpu": ("openvino", "onnxruntime", "torch"),
    "cuda": ("torch", "onnxruntime"),
    "tensorrt": ("onnxruntime",),
    "openvino": ("onnxruntime",),
    "gpu": ("openvino",),
    "npu": ("openvino",),
}
"""Engines by device, the fastest first; docs/performance.md compares them on the CPU."""

DEVICES = tuple(_FASTEST_FIRST)


def open_engine(weights: Path, card: ModelCard, options: EngineOptions, report: Log) -> Engine:
    """Open an engine for a model.

    Args:
        weights: safetensors file; graphs of it are looked for beside it.
        card: of that file.
        options: what the user asks for; anything explicit is had or refused.
        report: told what takes long, and what "auto" takes and leaves out.

    Raises:
        EngineError: what is asked for is not there.
        WeightsError: the weights are damaged.
    """
    check_steps(card, options)
    open_one = _open_fastest if options.engine == "auto" else _open
    engine = open_one(weights, card, options, report)
    if "auto" in (options.engine, options.precision):
        report(f"engine {engine.name}, precision {engine.precision}, on {engine.device}")
    return engine


def check_steps(card: ModelCard, options: EngineOptions) -> None:
    """Refuse steps that a model was not trained for, unless they are asked for in so many words.

    Raises:
        EngineError: they are.
    """
    own = card.config.steps
    if card.config.diffusion and not options.untrained_steps and options.steps not in (None, own):
        raise EngineError(
            f"model {card.name} was trained for steps {own}, and gives worse pictures with {options.steps}; "
            f"expected {own}, or untrained_steps to have it all the same"
        )


def _open_fastest(weights: Path, card: ModelCard, options: EngineOptions, report: Log) -> Engine:
    """Open the first of the installed engines that can do what is asked for; what is left out is reported."""
    device = options.device.split(":")[0]
    if device not in _FASTEST_FIRST:
        raise EngineError(f"device {options.device!r} is unknown; expected one of {', '.join(DEVICES)}")
    fitting = [name for name in _FASTEST_FIRST[device] if name == "torch" or not options.compiled]
    refusals: list[str] = []
    for name in filter(importlib.util.find_spec, fitting):
        try:
            return _open(weights, card, replace(options, engine=name), report)
        except (EngineError, OSError, RuntimeError, ImportError) as error:  # a library's own ones, too
            refusals.append(f"engine {name} is left out: {error}")
            report(refusals[-1])
    missing = f"expected {' or '.join(fitting)} to be installed" if fitting else "compiled is for engine torch"
    why = "; ".join(refusals) or missing
    raise EngineError(f"no engine for device {options.device!r} and precision {options.precision}: {why}")


def _open(weights: Path, card: ModelCard, options: EngineOptions, report: Log) -> Engine:
    if options.engine == "torch":
        return _open_torch(weights, options)
    if options.engine == "onnxruntime":
        from epofusion_core.engines.onnxruntime_engine import OnnxRuntimeEngine

        return OnnxRuntimeEngine(weights, card.config, options, report)
    from epofusion_core.engines.openvino_engine import OpenVinoEngine

    return OpenVinoEngine(weights, card.config, options, report)


def _open_torch(weights: Path, options: EngineOptions) -> Engine:
    if not importlib.util.find_spec("torch"):
        raise EngineError("engine torch is not installed; pip install torch timm")
    from epofusion_core.engines.torch_engine import TorchEngine
    from epofusion_core.model.weights import load_weights

    model, _ = load_weights(weights)
    return TorchEngine(model, options)
