"""The visible images of a test: as they are, or with glare that a seed and the pair's name decide."""

import numpy as np
import pytest

from epofusion_core.downstream.glare import Glare, add_test_glare
from epofusion_core.downstream.truth import Truth

STREET = np.random.default_rng(0).integers(20, 90, (120, 160, 3), dtype=np.uint8)
PEOPLE = Truth(np.array([[20.0, 40, 30, 70], [80, 40, 92, 76], [130, 50, 138, 70]]), ("person",) * 3, has_classes=True)


@pytest.mark.parametrize("glare", [Glare.SPOTS, Glare.OVEREXPOSURE])
def test_glare_repeats_by_seed_and_name_and_differs_otherwise(glare: Glare) -> None:
    def made(name: str, seed: int) -> bytes:
        return add_test_glare(STREET, PEOPLE, glare, name, seed).tobytes()

    variants = {made(name, seed) for name in ("a", "b", "c") for seed in range(3)}
    assert made("a", 1) == made("a", 1)
    assert len(variants) >= 8  # no person of a pair may be chosen


def test_without_glare_images_stay_as_they_are() -> None:
    assert np.array_equal(add_test_glare(STREET, PEOPLE, Glare.NONE, "a", 0), STREET)


def test_spots_lie_over_half_of_the_objects() -> None:
    one = Truth(PEOPLE.boxes[1:2], ("person",), has_classes=True)
    blinded = [add_test_glare(STREET, one, Glare.SPOTS, "a", seed)[50, 86].min() > 150 for seed in range(60)]
    assert 15 < sum(blinded) < 45


def test_an_object_that_counts_neither_way_gets_no_spot() -> None:
    uncertain = Truth(PEOPLE.boxes, (None,) * 3, has_classes=True)
    for seed in range(5):
        assert np.array_equal(add_test_glare(STREET, uncertain, Glare.SPOTS, "a", seed), STREET)
