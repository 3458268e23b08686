"""The models that ship give the picture that they gave when they were released."""

import numpy as np
import pytest
from fused_frames import ENGINES, FILE, NAMES, fingerprint, stored

TOLERANCE = {"f32": 0.5, "int8": 2.5}
"""Grey levels. Floating-point sums hardly differ between processors. What an int8 graph leaves in floating point is
bfloat16 on processors that have it and float32 on others: inside the glare the small model amplifies the difference."""


@pytest.mark.parametrize(("engine", "precision"), ENGINES)
@pytest.mark.parametrize("name", NAMES)
def test_a_frame_is_fused_as_when_the_weights_were_released(name: str, engine: str, precision: str) -> None:
    difference = np.abs(np.subtract(fingerprint(name, engine, precision), stored()[name][precision]))
    assert difference.max() < TOLERANCE[precision], f"on purpose? run test/helpers/{FILE.stem}.py"


@pytest.mark.parametrize("precision", TOLERANCE)
def test_a_fingerprint_tells_the_sizes_apart(precision: str) -> None:
    xs, s = (np.array(stored()[name][precision]) for name in NAMES)
    assert xs.shape == s.shape == (16, 16)
    assert np.abs(xs - s).max() > 2 * TOLERANCE[precision]
