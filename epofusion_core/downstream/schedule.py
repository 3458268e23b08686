"""How long and how a judge is trained: the same for each method's images, from the same first weights."""

from dataclasses import dataclass


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
