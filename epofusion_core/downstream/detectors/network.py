"""Any detector from a file: its network run by OpenVINO or ONNX Runtime, whichever is installed."""

from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from epofusion_core.downstream.detections import Detections
from epofusion_core.downstream.detectors.decoding import Array, decode, network_input
from epofusion_core.downstream.detectors.description import DetectorDescription, read_description
from epofusion_core.imaging import RgbImage

Run = Callable[[NDArray[np.generic]], dict[str, Array]]


class NetworkDetector:
    """A detector that a description describes."""

    def __init__(self, description: DetectorDescription, folder: Path) -> None:
        """Load the network, which the description names relative to a folder.

        Raises:
            ValueError: it cannot be loaded, or nothing that could run it is installed.
        """
        self._description = description
        self._path = folder / description.network
        if not self._path.is_file():
            raise ValueError(f"detector network {self._path} is missing; expected the file that its description names")
        self._run = _load(self._path, description)

    @classmethod
    def from_file(cls, path: Path) -> "NetworkDetector":
        """Load the detector that a YAML file describes.

        Raises:
            ValueError: the description or the network cannot be read.
        """
        return cls(read_description(path), path.parent)

    @property
    def classes(self) -> tuple[str, ...]:
        """Those that the description names."""
        return tuple(self._description.classes)

    def __call__(self, image: RgbImage) -> Detections:
        """Return what it finds.

        Raises:
            ValueError: the network's output is not as described.
        """
        batch, placement = network_input(image, self._description.input)
        try:
            return decode(self._run(batch), self._description, placement, *image.shape[:2])
        except ValueError as error:
            raise ValueError(f"detector {self._path}: {error}") from error


def _load(path: Path, description: DetectorDescription) -> Run:
    if find_spec("openvino"):
        return openvino_network(path, description)
    if path.suffix == ".onnx" and find_spec("onnxruntime"):
        return onnxruntime_network(path)
    needed = "OpenVINO or ONNX Runtime" if path.suffix == ".onnx" else "OpenVINO"
    raise ValueError(f"detector network {path} needs {needed}, which is not installed")


def openvino_network(path: Path, description: DetectorDescription) -> Run:
    """Return a network as a function from its input to its outputs by name, run by OpenVINO."""
    import openvino

    rows, columns = description.input.size
    shape = [1, 3, rows, columns] if description.input.layout == "nchw" else [1, rows, columns, 3]
    core = openvino.Core()
    try:
        model = core.read_model(path)
        model.reshape(shape)
        # One thread in full precision: judges run in as many processes as there are cores, and must not differ by CPU.
        settings = {"INFERENCE_NUM_THREADS": 1, "INFERENCE_PRECISION_HINT": "f32"}
        compiled = core.compile_model(model, "CPU", settings)
    except RuntimeError as error:
        raise ValueError(f"detector network {path} cannot be loaded: {str(error).splitlines()[-1]}") from error
    wanted = set(description.output.model_dump().values() if description.output.kind == "ssd" else ())
    names = [_name(output.get_names(), wanted, index) for index, output in enumerate(compiled.outputs)]

    def run(batch: NDArray[np.generic]) -> dict[str, Array]:
        outputs = compiled([batch])
        return {name: np.array(outputs[index]) for index, name in enumerate(names)}

    return run


def _name(names: set[str], wanted: set[object], index: int) -> str:
    """Return one of the names of an output, without TensorFlow's port: a wanted one where there is one."""
    known = sorted(name.removesuffix(":0") for name in names)
    return next((name for name in known if name in wanted), known[0] if known else f"output{index}")


def onnxruntime_network(path: Path) -> Run:
    """Return a network as a function from its input to its outputs by name, run by ONNX Runtime."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    try:
        session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # ONNX Runtime has its own for each kind of damage
        raise ValueError(f"detector network {path} cannot be loaded: {str(error).splitlines()[-1]}") from error
    names = [output.name for output in session.get_outputs()]
    feed = session.get_inputs()[0].name

    def run(batch: NDArray[np.generic]) -> dict[str, Array]:
        return dict(zip(names, session.run(None, {feed: batch}), strict=True))

    return run
