"""Recipes of several stages, trained one after the other. Each stage begins with the weights of the one before."""

import shutil
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from epofusion_core.atomic_file import replacing
from epofusion_core.model.card import read_card
from epofusion_core.training.config import TrainConfig
from epofusion_core.training.trainer import outputs_of, train


def train_stages(stages: Mapping[str, TrainConfig], out: Path, *, resume: bool = False, cpu: bool = False) -> Path:
    """Train each stage in its folder and return the path of the last one's weights, which are copied to `out`.

    Args:
        stages: the runs by name; one run alone has the name "" and is trained in `out` itself.
        out: folder for logs, pictures, checkpoints and weights.
        resume: go on with what lies in `out`: stages that are complete are not trained again.
        cpu: do not use a GPU.

    Raises:
        ValueError, NonFiniteLossError: as `trainer.train`.
    """
    weights: Path | None = None
    for name, config in stages.items():
        folder = out / name
        if weights is not None:
            config = replace(config, init=weights)
        weights = _weights_path(folder, config)
        if not (resume and _is_complete(weights, config)):
            train(config, folder, resume=resume, cpu=cpu)
    assert weights is not None
    final = out / weights.name
    if weights != final:
        with replacing(final) as partial:
            shutil.copyfile(weights, partial)
    return final


def outputs_of_stages(stages: Mapping[str, TrainConfig]) -> list[str]:
    """Return the names of all that `train_stages` writes directly in its folder."""
    last = list(stages.values())[-1]
    return outputs_of(last) if "" in stages else [*stages, f"{last.model}.safetensors"]


def _weights_path(folder: Path, config: TrainConfig) -> Path:
    return folder / f"{config.model}.safetensors"


def _is_complete(weights: Path, config: TrainConfig) -> bool:
    return weights.is_file() and read_card(weights).provenance.get("iterations") == config.iterations
