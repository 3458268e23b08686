"""Names of COCO's classes that are ours as well."""

from collections.abc import Mapping
from types import MappingProxyType

from epofusion_core.downstream.detections import CAR, PERSON

OF_COCO_NAME: Mapping[str, str] = MappingProxyType({"person": PERSON, "car": CAR, "truck": CAR, "bicycle": "bicycle"})
"""Ours, by COCO's: datasets of roads call vans and lorries cars."""

COCO_91 = {1: PERSON, 2: "bicycle", 3: CAR, 8: CAR}
"""Ours, by the number that detectors of 91 classes give, as torchvision's do."""
