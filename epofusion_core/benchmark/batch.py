"""Time of a pair in a batch, for recordings. The node fuses one pair at a time."""

import time

import numpy as np
import torch

from epofusion_core.engines.folding import fold_norms
from epofusion_core.engines.frame import Frame
from epofusion_core.model.card import resolve_weights
from epofusion_core.model.weights import load_weights

_BATCHES = (1, 2, 4, 8)
_WARM_UP_ROUNDS = 1


def measure_batches(model: str, height: int, width: int, threads: int, rounds: int) -> dict[int, float]:
    """Return the median milliseconds of a pair by size of batch, by PyTorch, interleaved.

    Args:
        model: named size or weights file.
        height, width: of the images, pixels.
        threads: processor threads of PyTorch.
        rounds: runs of each size.
    """
    torch.set_num_threads(threads)
    network, card = load_weights(resolve_weights(model))
    network = fold_norms(network).to(memory_format=torch.channels_last)
    noise = torch.from_numpy(Frame(card.config, height, width).noise)
    padded = card.config.padded(height, width)
    times_ms: dict[int, list[float]] = {batch: [] for batch in _BATCHES}
    with torch.inference_mode():
        for number in range(_WARM_UP_ROUNDS + rounds):
            for batch, times in times_ms.items():
                images = torch.rand(2, batch, 1, *padded)
                started = time.perf_counter()
                network.fuse_padded(images[0], images[1], noise.expand(batch, -1, -1, -1), card.config.steps)
                if number >= _WARM_UP_ROUNDS:
                    times.append(1e3 * (time.perf_counter() - started) / batch)
    return {batch: float(np.median(times)) for batch, times in times_ms.items()}
