"""Fingerprints of what the models that ship make of one simulated frame; run as a program, it writes them anew.

A checksum of the bytes would hold on one processor only: sums of floating-point numbers depend on the width of its
vectors, and 8-bit graphs compute the rest in bfloat16 where it can. The mean grey levels of a coarse grid hold on every
processor, and still move when weights, a graph, an engine or the code around them change the picture.
"""

import json
from pathlib import Path

import cv2
import numpy as np

from epofusion_core import Fuser
from epofusion_core.simulation import Drive

NAMES = ("epofusion_xs", "epofusion_s")
ENGINES = (("torch", "f32"), ("onnxruntime", "f32"), ("openvino", "f32"), ("openvino", "int8"))
FILE = Path(__file__).with_suffix(".json")
_GRID = (16, 16)


def fingerprint(name: str, engine: str, precision: str) -> list[list[float]]:
    """Return the fused frame's mean grey levels in 16 x 16 fields, rounded to a tenth."""
    frame = Drive(9001, height=240, width=320).frame(60)
    fused = Fuser.load(name, engine=engine, precision=precision)(frame.visible, frame.thermal).fused_luma
    means = cv2.resize(fused, _GRID, interpolation=cv2.INTER_AREA) * np.float32(255)
    return [[round(float(value), 1) for value in row] for row in means]


def stored() -> dict[str, dict[str, list[list[float]]]]:
    """Return the fingerprints of the models that ship, by name and by precision; engines of one precision agree."""
    fingerprints: dict[str, dict[str, list[list[float]]]] = json.loads(FILE.read_text())
    return fingerprints


if __name__ == "__main__":
    made = {name: {p: fingerprint(name, "openvino", p) for p in ("f32", "int8")} for name in NAMES}
    FILE.write_text(json.dumps(made).replace("[[", "[\n[").replace("], [", "],\n[").replace("]]", "]\n]") + "\n")
