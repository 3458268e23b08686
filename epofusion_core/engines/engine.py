"""The protocol of all engines, and what a user may ask of them."""

import os
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

GreyInput = NDArray[np.uint8] | NDArray[np.float32]
"""(H, W), uint8 or float32 in [0, 1]."""

ENGINES = ("auto", "torch", "onnxruntime", "openvino")
PRECISIONS = ("auto", "f32", "f16", "bf16", "int8")


class EngineError(ValueError):
    """An engine is not installed, or cannot do what is asked of it; one sentence says which and what would do."""


class Engine(Protocol):
    """Runs the network of one model. Not thread-safe: one caller at a time.

    Attributes:
        name: "torch", "onnxruntime" or "openvino".
        device: where it runs, in the engine's words.
        precision: "f32", "f16", "bf16" or "int8".
    """

    name: str
    device: str
    precision: str

    def prepare(self, height: int, width: int) -> None:
        """Compile and allocate for images of this size, pixels; `run` does it where the size changes."""
        ...

    def run(self, luma: GreyInput, infrared: GreyInput) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Fuse (H, W) luma and infrared; returns the fused luma and the probability of M, (H, W) in [0, 1]."""
        ...


@dataclass(frozen=True)
class EngineOptions:
    """What a user asks for; raises `EngineError` for what no engine knows.

    Attributes:
        engine: one of `ENGINES`; "auto" is the fastest that is installed and fits the device.
        device: "cpu"; torch: "cuda" or "cuda:N"; onnxruntime: "cuda", "tensorrt" or "openvino" (its execution
            providers); openvino: "gpu" or "npu".
        precision: one of `PRECISIONS`; "auto" is int8 where the model has such a graph for the engine, else f32.
        steps: DDIM steps K, at least 1; None is the model's own, for which it was trained.
        untrained_steps: other steps than the model's own are allowed, though they give worse pictures.
        threads: processor threads; 0 is all that the process may use.
        compiled: torch only: run by `torch.compile`, on CUDA with CUDA graphs.
    """

    engine: str = "auto"
    device: str = "cpu"
    precision: str = "auto"
    steps: int | None = None
    threads: int = 0
    compiled: bool = False
    untrained_steps: bool = False

    def __post_init__(self) -> None:
        for what, value, known in (("engine", self.engine, ENGINES), ("precision", self.precision, PRECISIONS)):
            if value not in known:
                raise EngineError(f"{what} {value!r} is unknown; expected one of {', '.join(known)}")
        if self.steps is not None and self.steps < 1:
            raise EngineError(f"steps is {self.steps}; expected at least 1")
        if self.compiled and self.engine not in ("auto", "torch"):
            raise EngineError(f"compiled is not for engine {self.engine}; expected engine torch, or auto")
        if self.threads < 0:
            raise EngineError(f"threads is {self.threads}; expected 0 (all) or more")

    @property
    def thread_count(self) -> int:
        """Threads to use, at least 1."""
        return self.threads or len(os.sched_getaffinity(0))
