"""Which detectors judge, by the names that a user gives."""

from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path

from epofusion_core.downstream.detections import Detector

HOG = "hog"
SSDLITE = "ssdlite"
ULTRALYTICS = "ultralytics"
_TORCHVISION = "torchvision"
TRAINED = "trained"
"""Kind of the detectors that `downstream.detectors.training` wrote."""

FORMS = "hog, ssdlite, a YAML file that describes a detector, ultralytics:WEIGHTS.pt or torchvision:MODEL:WEIGHTS.pth"


@dataclass(frozen=True)
class Judge:
    """A detector by name; travels to worker processes, where it is loaded once.

    Attributes:
        name: in tables.
        source: one of `FORMS`.
    """

    name: str
    source: str

    def load(self) -> Detector:
        """Return the detector.

        Raises:
            ValueError: the source is none of `FORMS`, or cannot be loaded.
        """
        return _load(self.source)


def installed_judges() -> list[Judge]:
    """Return those that need no file of the user's, where they are there."""
    from epofusion_core.downstream.detectors.hog import opencv_with_hog
    from epofusion_core.downstream.detectors.ssdlite_person import is_installed

    with_network = [Judge(SSDLITE, SSDLITE)] if is_installed() and find_spec("openvino") else []
    return with_network + ([Judge(HOG, HOG)] if opencv_with_hog() else [])


@cache
def _load(source: str) -> Detector:
    kind, _, rest = source.partition(":")
    if source == HOG:
        from epofusion_core.downstream.detectors.hog import HogDetector

        return HogDetector()
    if source == SSDLITE:
        from epofusion_core.downstream.detectors.ssdlite_person import load_ssdlite_person

        return load_ssdlite_person()
    if kind == ULTRALYTICS and rest:
        from epofusion_core.downstream.detectors.ultralytics_yolo import UltralyticsDetector

        return UltralyticsDetector(Path(rest))
    if kind == _TORCHVISION and rest.count(":") == 1:
        from epofusion_core.downstream.detectors.torchvision_detector import load_torchvision

        model, weights = rest.split(":")
        return load_torchvision(model, Path(weights))
    if kind == TRAINED and rest:
        from epofusion_core.downstream.detectors.training import load_trained

        return load_trained(Path(rest))
    if Path(source).suffix in {".yaml", ".yml"}:
        from epofusion_core.downstream.detectors.network import NetworkDetector

        return NetworkDetector.from_file(Path(source))
    raise ValueError(f"judge {source!r} is unknown; expected {FORMS}")
