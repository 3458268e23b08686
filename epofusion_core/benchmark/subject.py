"""What is benchmarked: a model on an engine, in a precision, with a number of steps."""

import importlib.util
from collections.abc import Sequence
from dataclasses import dataclass

from epofusion_core.engines.engine import EngineError, EngineOptions
from epofusion_core.engines.graphs import shipped_graph
from epofusion_core.model.card import read_card, resolve_weights

_ENGINES = ("torch", "onnxruntime", "openvino")


@dataclass(frozen=True)
class Subject:
    """One row of the benchmark.

    Attributes:
        model: named size or weights file.
        options: all explicit: no "auto".
    """

    model: str
    options: EngineOptions

    @property
    def label(self) -> str:
        """Name for tables: model, K, engine, precision."""
        options = self.options
        return f"{self.model} K={options.steps} {options.engine} {options.precision}"


def subjects_of(
    models: Sequence[str],
    engines: Sequence[str],
    steps: Sequence[int] | None,
    device: str,
    threads: int,
    precisions: Sequence[str] = (),
) -> list[Subject]:
    """List all combinations that can run here.

    Args:
        models: named sizes or weights files.
        engines: of "torch", "onnxruntime", "openvino"; empty takes all that are installed.
        steps: values of K; None takes each model's own.
        device: as `EngineOptions` takes it.
        threads: 0 for all.
        precisions: empty takes all that fit the device.

    Raises:
        WeightsError: a model is not there.
        EngineError: an engine that is asked for is unknown or not installed, or none is; or a precision that is asked
            for is one of none of the engines on this device.
    """
    found = [name for name in _ENGINES if importlib.util.find_spec(name)]
    for name in engines:
        if name not in found:
            what = "is not installed" if name in _ENGINES else "cannot be benchmarked"
            raise EngineError(f"engine {name!r} {what}; expected {' or '.join(found or _ENGINES)}")
    found = list(engines) or found
    if not found:
        raise EngineError(f"none of the engines {', '.join(_ENGINES)} is installed")
    subjects: list[Subject] = []
    for model in models:
        weights = resolve_weights(model)
        for count in steps or [read_card(weights).config.steps]:
            for engine in found:
                fitting = ["f32"] if device == "cpu" else ["f32", "f16"]
                if engine == "openvino":
                    fitting += ["bf16"] * (device == "cpu" and _has_bf16())
                    fitting += ["int8"] * bool(shipped_graph(weights, count, "int8"))
                subjects += [
                    Subject(model, EngineOptions(engine, device, each, count, threads, untrained_steps=True))
                    for each in fitting
                    if not precisions or each in precisions
                ]
    measured = {subject.options.precision for subject in subjects}
    if missing := [each for each in precisions if each not in measured]:
        raise EngineError(
            f"precision {missing[0]} is one of none of the engines {', '.join(found)} on device {device!r}; "
            "expected another one, or none to measure all"
        )
    return subjects


def _has_bf16() -> bool:
    import openvino

    return "BF16" in openvino.Core().get_property("CPU", "OPTIMIZATION_CAPABILITIES")
