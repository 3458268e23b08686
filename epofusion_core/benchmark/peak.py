"""Peak of the processor: the fastest of some large products and convolutions, by OpenVINO."""

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from openvino import Model

_RUNS = 10
_CHANNELS = 256
_HEIGHT, _WIDTH = 60, 80
_SIDE = 1536


@dataclass(frozen=True)
class Peak:
    """Multiply-accumulates a second, in 10^9, by precision.

    Attributes:
        product: of a large matrix product.
        convolution: of a 3x3 convolution with many channels.
    """

    product: dict[str, float]
    convolution: dict[str, float]

    @property
    def gmacs(self) -> dict[str, float]:
        """The faster of both."""
        return {precision: max(rate, self.convolution[precision]) for precision, rate in self.product.items()}


def measure_peak(threads: int, precisions: tuple[str, ...] = ("f32", "int8")) -> Peak:
    """Measure; takes some seconds.

    Args:
        threads: processor threads.
        precisions: of "f32", "bf16" and "int8".

    Raises:
        ImportError: OpenVINO is not installed.
    """
    return Peak(
        {each: _rate(_product(each == "int8"), each, threads) for each in precisions},
        {each: _rate(_convolution(each == "int8"), each, threads) for each in precisions},
    )


def _product(quantised: bool) -> "tuple[Model, float]":
    import openvino
    from openvino import opset13 as ops

    left = ops.parameter([_SIDE, _SIDE], np.float32)
    right = ops.constant(np.random.default_rng(0).normal(size=(_SIDE, _SIDE)).astype(np.float32))
    factors: Any = _quantise(left, right) if quantised else (left, right)
    return openvino.Model([ops.matmul(*factors, False, False)], [left]), float(_SIDE) ** 3


def _convolution(quantised: bool) -> "tuple[Model, float]":
    import openvino
    from openvino import opset13 as ops

    rng = np.random.default_rng(0)
    image = ops.parameter([1, _CHANNELS, _HEIGHT, _WIDTH], np.float32)
    weights = ops.constant(rng.normal(size=(_CHANNELS, _CHANNELS, 3, 3)).astype(np.float32))
    factors: Any = (ops.relu(image), weights)
    if quantised:
        factors = _quantise(*factors)
    result: Any = ops.convolution(*factors, [1, 1], [1, 1], [1, 1], [1, 1])
    return openvino.Model([ops.relu(result)], [image]), float(_CHANNELS**2 * 9 * _HEIGHT * _WIDTH)


def _quantise(inputs: Any, weights: Any) -> tuple[Any, Any]:  # noqa: ANN401 - nodes of OpenVINO
    """Write what NNCF writes: between these OpenVINO computes in 8 bits."""
    from openvino import opset13 as ops

    return (
        ops.fake_quantize(inputs, *(np.float32(x) for x in (0, 4, 0, 4)), 256),
        ops.fake_quantize(weights, *(np.float32(x) for x in (-4, 4, -4, 4)), 255),
    )


def _rate(graph: "tuple[Model, float]", precision: str, threads: int) -> float:
    import openvino

    model, macs = graph
    properties = {
        "PERFORMANCE_HINT": "LATENCY",
        "INFERENCE_NUM_THREADS": threads,
        "INFERENCE_PRECISION_HINT": "bf16" if precision == "bf16" else "f32",
        "ENABLE_CPU_PINNING": False,
    }
    request = openvino.Core().compile_model(model, "CPU", properties).create_infer_request()
    image = np.random.default_rng(0).random(tuple(model.input().shape), np.float32)
    request.infer([image])
    seconds: list[float] = []
    for _ in range(_RUNS):
        started = time.perf_counter()
        request.infer([image], share_inputs=True, share_outputs=True)
        seconds.append(time.perf_counter() - started)
    return macs / min(seconds) / 1e9
