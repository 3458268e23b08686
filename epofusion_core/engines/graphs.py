"""The exported graph of a model: shipped beside its weights, or exported once and kept in the cache."""

import importlib.util
from dataclasses import dataclass
from pathlib import Path

from epofusion_core.engines.cache import content_hash, kept
from epofusion_core.engines.engine import EngineError
from epofusion_core.progress import Log

_SUFFIXES = {"f32": ".onnx", "f16": "_f16.onnx", "int8": "_int8.xml"}
"""By precision of the tensors; int8 graphs are in OpenVINO's format."""


@dataclass(frozen=True)
class Graph:
    """An exported graph, read.

    Attributes:
        name: of its file, with the weights' hash.
        content: of the .onnx or .xml file.
        tensors: of the .bin file that belongs to an .xml; empty for .onnx.
    """

    name: str
    content: bytes
    tensors: bytes = b""


def graph_name(weights: Path, steps: int, precision: str) -> str:
    """Name the graph of a weights file; the name holds a hash, so that a graph of older weights is never taken."""
    return f"{weights.stem}-{content_hash(weights.read_bytes())}-k{steps}{_SUFFIXES[precision]}"


def shipped_graph(weights: Path, steps: int, precision: str) -> Path | None:
    """Return the graph that lies beside its weights, if there is one."""
    path = weights.with_name(graph_name(weights, steps, precision))
    return path if path.is_file() else None


def find_graph(weights: Path, steps: int, precision: str, report: Log) -> Graph:
    """Return the graph of a weights file; where none ships, export it once.

    Args:
        weights: safetensors file.
        steps: DDIM steps K.
        precision: "f32", "f16" or "int8".
        report: told when a graph is exported, which takes some seconds.

    Raises:
        EngineError: there is none, and it cannot be exported here; or it cannot be read.
    """
    if shipped := shipped_graph(weights, steps, precision):
        return _read(shipped)
    name = graph_name(weights, steps, precision)
    missing = f"{weights}: its exported graph {name} is not beside it"
    if precision == "int8":
        raise EngineError(
            f"{missing}; make it by `epofusion export --engine openvino --precision int8`, or take precision f32"
        )
    if not importlib.util.find_spec("torch"):
        raise EngineError(f"{missing}; export it where PyTorch is installed (`epofusion export`), and copy it there")

    def export() -> bytes:
        from epofusion_core.engines.export import export_onnx

        return export_onnx(weights, steps, half=precision == "f16")

    return Graph(name, kept(name, export, f"exporting {weights.name} (K = {steps}, {precision})", report))


def _read(path: Path) -> Graph:
    tensors = path.with_suffix(".bin")
    try:
        return Graph(path.name, path.read_bytes(), tensors.read_bytes() if path.suffix == ".xml" else b"")
    except OSError as error:
        raise EngineError(f"{path.name}: {error.filename} cannot be read ({error.strerror}); expected both") from error
