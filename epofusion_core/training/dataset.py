"""The training set: pairs held in memory, and samples that are pure functions of their number.

Sample n draws everything from a generator seeded by (seed, n). Training therefore resumes bit for bit at any sample,
and several processes that take different numbers never repeat each other.
"""

from typing import TypedDict

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

from epofusion_core.data.load import LoadedPair
from epofusion_core.exposure import overexposed_region
from epofusion_core.imaging import luma
from epofusion_core.training.augment import AugmentConfig, Crop, jitter, random_crop, random_exposure, random_glare


class Sample(TypedDict):
    """One training sample, or a batch of them with a leading dimension.

    luma, infrared: (1, H, W) float32 in [0, 1]; mask: M, and overexposed: the region that it lies in, (1, H, W)
    float32, 0 or 1; annotated: (1, 1, 1) float32, 1 where the mask comes of annotated objects and may teach the
    guidance head, 0 where it comes of a rule.
    """

    luma: Tensor
    infrared: Tensor
    mask: Tensor
    overexposed: Tensor
    annotated: Tensor


def to_sample(crop: Crop, *, annotated: bool) -> Sample:
    """Return tensors; M is where salient objects lie inside the overexposed region (paper III-D)."""
    grey = luma(crop.visible)
    overexposed = overexposed_region(grey)

    def tensor(array: np.ndarray) -> Tensor:
        return torch.from_numpy(np.ascontiguousarray(array, dtype=np.float32))[None]

    return Sample(
        luma=tensor(grey) / 255.0,
        infrared=tensor(crop.infrared) / 255.0,
        mask=tensor(overexposed & (crop.objects > 0)),
        overexposed=tensor(overexposed),
        annotated=torch.full((1, 1, 1), float(annotated)),
    )


class TrainingPairs(Dataset[Sample]):
    """An endless supply of augmented crops."""

    def __init__(
        self, pairs: list[LoadedPair], config: AugmentConfig, seed: int, samples: int, first_sample: int = 0
    ) -> None:
        """Hold `pairs`; item i is sample number first_sample + i, up to `samples` in all.

        Raises:
            ValueError: there is no pair.
        """
        if not pairs:
            raise ValueError("the training set is empty; expected at least one pair")
        self._pairs, self._config, self._seed = pairs, config, seed
        self._samples, self._first_sample = samples, first_sample

    def __len__(self) -> int:
        return self._samples - self._first_sample

    def __getitem__(self, index: int) -> Sample:
        rng = np.random.default_rng((self._seed, self._first_sample + index))
        source = self._pairs[int(rng.integers(len(self._pairs)))]
        whole = Crop(source.visible, source.infrared, source.objects)
        crop = jitter(random_crop(whole, self._config, rng), self._config, rng)
        if source.allow_added_glare:
            crop = random_glare(random_exposure(crop, self._config, rng), self._config, rng)
        return to_sample(crop, annotated=source.annotated)
