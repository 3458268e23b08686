"""The noise map that sampling starts from. NumPy only: engines without PyTorch start from the same map."""

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

_SEED = 0


@lru_cache(maxsize=8)
def fixed_noise(shape: tuple[int, int, int, int]) -> NDArray[np.float32]:
    """Return the noise map Z_T of a latent size (B, C, h, w): always the same one, so that video does not flicker."""
    return np.random.default_rng(_SEED).standard_normal(shape, dtype=np.float32)
