"""Which engines are installed here, and which devices each of them finds."""

import importlib
import importlib.metadata
import importlib.util
from collections.abc import Mapping
from dataclasses import dataclass, field

from epofusion_core.engines.engine import ENGINES


@dataclass(frozen=True)
class InstalledEngine:
    """An engine whose library is installed.

    Attributes:
        name: "torch", "onnxruntime" or "openvino".
        version: of the library.
        devices: name by device, as `EngineOptions` takes it.
        problem: why the library cannot be loaded; empty where it can.
    """

    name: str
    version: str
    devices: Mapping[str, str] = field(default_factory=dict)
    problem: str = ""


def installed_engines() -> list[InstalledEngine]:
    """Look for each engine; loading a library takes seconds. One that cannot be loaded is told of, not raised."""
    return [_look_for(name) for name in ENGINES if name != "auto" and importlib.util.find_spec(name)]


def version_of(distribution: str) -> str:
    """Return the version of an installed package; empty where it is not installed."""
    try:
        return importlib.metadata.version(distribution)
    except importlib.metadata.PackageNotFoundError:
        return ""


def _look_for(name: str) -> InstalledEngine:
    try:
        module = importlib.import_module(f"epofusion_core.engines.{name}_engine")
        return InstalledEngine(name, _version(name), module.devices())
    except Exception as error:  # a library that is installed in part fails with errors of any kind
        return InstalledEngine(name, _version(name), problem=" ".join(f"{type(error).__name__}: {error}".split()))


def _version(name: str) -> str:
    known = (name, f"{name}-gpu")  # as ONNX Runtime for CUDA is called
    return next(filter(None, map(version_of, known)), "of unknown version")
