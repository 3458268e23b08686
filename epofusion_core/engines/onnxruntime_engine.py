"""The network by ONNX Runtime, on its CPU provider or, by option `device`, on that of a GPU."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from epofusion_core.engines.cache import ENGINE_FOLDERS, cache_folder
from epofusion_core.engines.engine import EngineError, EngineOptions, GreyInput
from epofusion_core.engines.frame import Frame
from epofusion_core.engines.graphs import find_graph
from epofusion_core.model.config import ModelConfig
from epofusion_core.progress import Log

_PROVIDERS = {
    "cpu": "CPUExecutionProvider",
    "cuda": "CUDAExecutionProvider",
    "tensorrt": "TensorrtExecutionProvider",
    "openvino": "OpenVINOExecutionProvider",
}
_PRECISIONS = ("f32", "f16")


def devices() -> dict[str, str]:
    """Return the devices that this ONNX Runtime was built for, as option `device` takes them, each with its provider.

    Whether the libraries of one are there is known only when it is opened.
    """
    import onnxruntime

    built_for = onnxruntime.get_available_providers()
    return {name: provider for name, provider in _PROVIDERS.items() if provider in built_for}


class OnnxRuntimeEngine:
    """`Engine` by ONNX Runtime."""

    name = "onnxruntime"

    def __init__(self, weights: Path, config: ModelConfig, options: EngineOptions, report: Log) -> None:
        """Open the exported graph.

        Raises:
            EngineError: ONNX Runtime is not installed, lacks the provider or cannot read the graph, or the precision is
                none of its own.
        """
        try:
            import onnxruntime
        except ImportError as error:
            raise EngineError("engine onnxruntime is not installed; pip install onnxruntime") from error
        self.precision = "f32" if options.precision == "auto" else options.precision
        if self.precision not in _PRECISIONS:
            raise EngineError(
                f"precision {self.precision} is not for engine onnxruntime; expected {', '.join(_PRECISIONS)}"
            )
        self.device = options.device
        available = devices()
        if self.device not in available:
            raise EngineError(
                f"device {self.device!r} is not one of this ONNX Runtime; expected one of {', '.join(available)}"
            )
        graph = find_graph(weights, options.steps or config.steps, self.precision, report)
        settings = onnxruntime.SessionOptions()
        settings.intra_op_num_threads = options.thread_count
        settings.log_severity_level = 3  # errors only: it warns of each layer that a provider leaves to the CPU
        provider = (_PROVIDERS[self.device], _provider_options(self.device))
        try:
            self._session = onnxruntime.InferenceSession(graph.content, settings, [provider])
        except Exception as error:  # ONNX Runtime's errors have no common base class
            raise EngineError(f"{graph.name}: ONNX Runtime cannot open it ({error}); is it truncated?") from error
        if self._session.get_providers()[0] != _PROVIDERS[self.device]:
            # It goes on with the CPU where a GPU's libraries are missing; the user asked for the GPU.
            raise EngineError(f"device {self.device!r} of ONNX Runtime cannot be used here; expected its libraries")
        self._config = config
        self._dtype = np.float16 if self.precision == "f16" else np.float32
        self._frame: Frame | None = None

    def prepare(self, height: int, width: int) -> None:
        """See `Engine.prepare`."""
        if self._frame is None or not self._frame.fits(height, width):
            self._frame = Frame(self._config, height, width, self._dtype)
            self._feeds = {
                "luma": self._frame.luma,
                "infrared": self._frame.infrared,
                "noise": self._frame.noise,
            }
            # A graph of K = 0 steps or without diffusion reads no noise.
            known = {node.name for node in self._session.get_inputs()}
            self._feeds = {name: array for name, array in self._feeds.items() if name in known}

    def run(self, luma: GreyInput, infrared: GreyInput) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """See `Engine.run`."""
        self.prepare(*luma.shape)
        assert self._frame is not None
        self._frame.fill(luma, infrared)
        fused, mask = self._session.run(["fused", "mask"], self._feeds)
        return self._frame.crop(fused, mask)


def _provider_options(device: str) -> dict[str, str]:
    if device == "tensorrt":
        return {"trt_engine_cache_enable": "1", "trt_engine_cache_path": str(cache_folder() / ENGINE_FOLDERS[device])}
    if device == "openvino":
        return {"cache_dir": str(cache_folder() / ENGINE_FOLDERS[device])}
    return {}
