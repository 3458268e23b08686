"""Time of each part of the network in PyTorch, and of the work before and after it."""

import time
from collections import defaultdict
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from epofusion_core.engines.folding import fold_norms
from epofusion_core.engines.frame import Frame
from epofusion_core.exposure import overexposure_map
from epofusion_core.imaging import luma, with_luma
from epofusion_core.model.card import resolve_weights
from epofusion_core.model.weights import load_weights

_RUNS = 15


def measure_parts(model: str, pair: tuple[NDArray[np.uint8], NDArray[np.uint8]], threads: int) -> dict[str, float]:
    """Return the median milliseconds of one call of each part, "refinement" and "context and tail" being per step.

    Args:
        model: named size or weights file.
        pair: (H, W, 3) RGB and (H, W) thermal, uint8.
        threads: processor threads of PyTorch.
    """
    torch.set_num_threads(threads)
    network, card = load_weights(resolve_weights(model))
    network = fold_norms(network).to(memory_format=torch.channels_last)
    rgb, thermal = pair
    frame = Frame(card.config, *thermal.shape)
    modules = {
        "encoder": network.encoder,
        "neck": network.neck,
        "guidance": network.guidance,
        "high-fidelity branch": network.mscf.fidelity,
        "refinement": network.refinement,
        "context": network.mscf.context,
        "tail": network.mscf.tail,
    }
    times: dict[str, list[float]] = defaultdict(list)
    hooks = [hook for name, module in modules.items() if module for hook in _timers(module, times[name])]
    fused = np.zeros(thermal.shape, np.float32)
    before_and_after: dict[str, Callable[[], Any]] = {
        "luma and padding": lambda: frame.fill(luma(rgb), thermal),
        "fused colours": lambda: with_luma(rgb, fused),
        "overexposure map": lambda: overexposure_map(luma(rgb)),
    }
    with torch.inference_mode():
        for _ in range(_RUNS):
            for name, work in before_and_after.items():
                started = time.perf_counter()
                work()
                times[name].append(1e3 * (time.perf_counter() - started))
            images = torch.from_numpy(frame.luma), torch.from_numpy(frame.infrared)
            network.fuse_padded(*images, torch.from_numpy(frame.noise), card.config.steps)
    for hook in hooks:
        hook.remove()
    return {name: float(np.median(values)) for name, values in times.items()}


def _timers(module: nn.Module, times_ms: list[float]) -> list[Any]:
    started = 0.0

    def before(*_: Any) -> None:  # noqa: ANN401 - the arguments of hooks
        nonlocal started
        started = time.perf_counter()

    def after(*_: Any) -> None:  # noqa: ANN401 - the arguments of hooks
        times_ms.append(1e3 * (time.perf_counter() - started))

    return [module.register_forward_pre_hook(before), module.register_forward_hook(after)]
