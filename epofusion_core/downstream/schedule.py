"""How long and how a judge is trained: the same for each method's images, from the same first weights."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class TrainingSchedule:
    """Settings of the training of a judge.

    Attributes:
        iterations: optimiser steps.
        batch: images a step.
        learning_rate: of AdamW, falling to 0 as a half cosine.
        seed: of first weights, order and augmentation.
        device: PyTorch's: cpu, cuda or cuda:N.
    """

    iterations: int = 20_000
    batch: int = 8
    learning_rate: float = 2e-4
    seed: int = 0
    device: str = "cpu"

    @property
    def name(self) -> str:
        """Of folders: what is trained otherwise lies elsewhere."""
        return f"{self.iterations}x{self.batch}_seed{self.seed}"

    def batches(self, samples: int, rng: np.random.Generator) -> Iterator[list[int]]:
        """Yield the numbers of `batch` samples for each iteration: all in turn, in an order that `rng` draws."""
        waiting: list[int] = []
        for _ in range(self.iterations):
            while len(waiting) < self.batch:
                waiting += rng.permutation(samples).tolist()
            chosen, waiting = waiting[: self.batch], waiting[self.batch :]
            yield chosen
