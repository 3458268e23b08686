"""The network by OpenVINO, on Intel and AMD processors, integrated GPUs and NPUs."""

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from epofusion_core.engines.cache import content_hash, kept
from epofusion_core.engines.engine import EngineError, EngineOptions, GreyInput
from epofusion_core.engines.frame import Frame
from epofusion_core.engines.graphs import find_graph, shipped_graph
from epofusion_core.model.config import ModelConfig
from epofusion_core.progress import Log

if TYPE_CHECKING:
    from openvino import CompiledModel, InferRequest

_CAPABILITIES = {"f16": "FP16", "bf16": "BF16"}
"""What OpenVINO calls the precisions that not every device computes in."""


def devices() -> dict[str, str]:
    """Return the devices that OpenVINO finds, as option `device` takes them, each with its full name."""
    import openvino

    core = openvino.Core()
    return {name.lower(): str(core.get_property(name, "FULL_DEVICE_NAME")) for name in core.available_devices}


class OpenVinoEngine:
    """`Engine` by OpenVINO."""

    name = "openvino"

    def __init__(self, weights: Path, config: ModelConfig, options: EngineOptions, report: Log) -> None:
        """Read the exported graph.

        Raises:
            EngineError: OpenVINO is not installed, lacks the device or cannot read the graph, or the device does not
                compute in the precision.
        """
        try:
            import openvino
        except ImportError as error:
            raise EngineError("engine openvino is not installed; pip install openvino") from error
        steps = options.steps or config.steps
        self.precision = options.precision
        if self.precision == "auto":
            self.precision = "int8" if shipped_graph(weights, steps, "int8") else "f32"
        self.device = options.device
        self._core = openvino.Core()
        available = devices()
        if self.device not in available:
            raise EngineError(
                f"device {self.device!r} is not one of this OpenVINO; expected one of {', '.join(available)}"
            )
        self._check_precision()
        graph = find_graph(weights, steps, "int8" if self.precision == "int8" else "f32", report)
        try:
            self._graph = self._core.read_model(graph.content, graph.tensors)
        except RuntimeError as error:
            raise EngineError(f"{graph.name}: OpenVINO cannot read it; is it truncated?") from error
        self._name, self._hash = graph.name, content_hash(graph.content, graph.tensors)
        self._config, self._report = config, report
        self._properties: dict[str, str | int | bool] = {
            "PERFORMANCE_HINT": "LATENCY",
            "INFERENCE_PRECISION_HINT": self._floating_precision(),
        }
        if self.device == "cpu":
            # Pinned threads wait where the cameras' processes run.
            self._properties |= {"INFERENCE_NUM_THREADS": options.thread_count, "ENABLE_CPU_PINNING": False}
        self._frame: Frame | None = None

    def _check_precision(self) -> None:
        """Refuse a precision that the device does not compute in: OpenVINO would silently take another."""
        needed = _CAPABILITIES.get(self.precision)
        if needed and needed not in self._capabilities():
            able = [name for name, capability in _CAPABILITIES.items() if capability in self._capabilities()]
            raise EngineError(
                f"precision {self.precision} is not one that device {self.device!r} computes in with OpenVINO; "
                f"expected {', '.join(['f32', *able, 'int8'])}"
            )

    def _floating_precision(self) -> str:
        """Return the precision of layers without 8-bit weights: bf16 in an int8 graph, where the device has it."""
        if self.precision != "int8":
            return self.precision
        return "bf16" if "BF16" in self._capabilities() else "f32"

    def _capabilities(self) -> list[str]:
        names: list[str] = self._core.get_property(self.device.upper(), "OPTIMIZATION_CAPABILITIES")
        return names

    def prepare(self, height: int, width: int) -> None:
        """See `Engine.prepare`; sizes that are padded to the same one share what is compiled."""
        if self._frame is not None and self._frame.fits(height, width):
            return
        frame = Frame(self._config, height, width)
        arrays = {"luma": frame.luma, "infrared": frame.infrared, "noise": frame.noise}
        known = {port.any_name for port in self._graph.inputs}
        self._feeds = {name: array for name, array in arrays.items() if name in known}
        if self._frame is None or self._frame.luma.shape != frame.luma.shape:
            self._frame = None  # if compiling fails, the next frame compiles anew
            try:
                self._request = self._compile(*frame.luma.shape[2:])
            except RuntimeError as error:
                if "alloc" not in str(error):
                    raise
                too_large = f"{self.device} has too little memory for a frame of {width}x{height} pixels"
                raise EngineError(too_large) from error
        self._frame = frame

    def run(self, luma: GreyInput, infrared: GreyInput) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """See `Engine.run`."""
        self.prepare(*luma.shape)
        assert self._frame is not None
        self._frame.fill(luma, infrared)
        results = self._request.infer(self._feeds, share_inputs=True, share_outputs=True)
        return self._frame.crop(results["fused"], results["mask"])

    def _compile(self, height: int, width: int) -> "InferRequest":
        """Compile for one padded size, since fixed sizes run faster; the result is kept for the next start."""
        from openvino import get_version

        device = self.device.upper()
        graph = self._graph.clone()
        graph.reshape({name: list(array.shape) for name, array in self._feeds.items()})
        made_of = [self._hash, get_version(), self._core.get_property(device, "FULL_DEVICE_NAME")]
        settings = repr(sorted(self._properties.items()))
        name = f"{Path(self._name).stem}-{width}x{height}-{content_hash(*made_of, settings)}.openvino"
        what = f"compiling {self._name} for {width}x{height} on {self.device}"

        def compiled() -> "CompiledModel":
            return self._core.compile_model(graph, device, self._properties)

        blob = kept(name, lambda: compiled().export_model().getvalue(), what, self._report)
        try:
            return self._core.import_model(blob, device, self._properties).create_infer_request()
        except RuntimeError:  # OpenVINO of the same version, built otherwise
            self._report(f"{what} at every start, since OpenVINO does not take what is kept")
            return compiled().create_infer_request()
