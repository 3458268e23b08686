"""What the processor can do at most: the fastest of some large products and convolutions, by OpenVINO."""

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
    """Multiply-accumulates a second, in 10^9, by precision; a precision that is not measured is missing."""

    gmacs: dict[str, float]


def measure_peak(threads: int, precisions: tuple[str, ...] = ("f32", "int8")) -> Peak:
    """Measure; takes some seconds.

    Args:
        threads: processor threads.
        precisions: of "f32", "bf16" and "int8".

    Raises:
        ImportError: OpenVINO is not installed.
    """
    return Peak(
        {each: max(_rate(_convolution(each == "int8"), each, threads), _product(each, threads)) for each in precisions}
    )


def _product(precision: str, threads: int) -> float:
    return 0.0 if precision == "int8" else _rate(_matrix_product(), precision, threads)


def _matrix_product() -> "tuple[Model, float]":
    import openvino
    from openvino import opset13 as ops

    left = ops.parameter([_SIDE, _SIDE], np.float32)
    right = ops.constant(np.ones((_SIDE, _SIDE), np.float32))
    return openvino.Model([ops.matmul(left, right, False, False)], [left]), float(_SIDE) ** 3


def _convolution(quantised: bool) -> "tuple[Model, float]":
    import openvino
    from openvino import opset13 as ops

    rng = np.random.default_rng(0)
    image = ops.parameter([1, _CHANNELS, _HEIGHT, _WIDTH], np.float32)
    weights: Any = ops.constant(rng.normal(size=(_CHANNELS, _CHANNELS, 3, 3)).astype(np.float32))
    inputs: Any = ops.relu(image)
    if quantised:
        # What NNCF writes: OpenVINO computes in 8 bits between these.
        inputs = ops.fake_quantize(inputs, *(np.float32(x) for x in (0, 4, 0, 4)), 256)
        weights = ops.fake_quantize(weights, *(np.float32(x) for x in (-4, 4, -4, 4)), 255)
    result: Any = ops.convolution(inputs, weights, [1, 1], [1, 1], [1, 1], [1, 1])
    return openvino.Model([ops.relu(result)], [image]), float(_CHANNELS**2 * 9 * _HEIGHT * _WIDTH)


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
