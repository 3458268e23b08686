"""Configuration of a training run: frozen dataclasses, read from YAML and validated by pydantic."""

import copy
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import ConfigDict, TypeAdapter, ValidationError

from epofusion_core.atomic_file import write_text
from epofusion_core.training.augment import AugmentConfig
from epofusion_core.training.losses import LossConfig

_STRICT = ConfigDict(extra="forbid")

_OLD_KEYS = {"trained": "stage"}
"""Keys of earlier versions, which files may still use."""


@dataclass(frozen=True)
class DataConfig:
    """Which pairs to train on and to validate on.

    Attributes:
        root: data root in a layout of `epofusion_core.data.pairs`.
        train_list: list file below the root; all pairs where it is None.
        val_list: list file below the root of the validation pairs; no validation where it is None.
        exclude_list: list file of names to leave out of training.
        objects: folder of object outlines, `<objects>/<pair name>.png`.
        object_boxes: CSV file of pairs whose objects are marked, all of them (`epofusion_core.data.annotations`).
        glare_boxes: CSV file of pairs whose objects are marked where they lie inside the glare that the pair has.
        box_corrections: CSV file of what is wrong with the boxes that pairs bring; the objects of a pair in it are its
            boxes, corrected.
        mask_classes: numbers of the classes that are objects, where mask files hold class numbers.
        outline_boxes: outline the objects in these boxes by GrabCut; where it finds no outline, the whole box counts.
        videos: folder of paired videos, vi/NAME.mp4 and ir/NAME.mp4, to add.
        video_step: every so many frames one is taken; neighbouring frames are nearly alike.
        simulated: how many simulated pairs to add.
        val_pairs: how many validation pairs to use, evenly spaced.
    """

    __pydantic_config__ = _STRICT
    root: Path
    train_list: Path | None = None
    val_list: Path | None = None
    exclude_list: Path | None = None
    objects: Path | None = None
    object_boxes: Path | None = None
    glare_boxes: Path | None = None
    box_corrections: Path | None = None
    mask_classes: tuple[int, ...] = ()
    outline_boxes: bool = False
    videos: Path | None = None
    video_step: int = 25
    simulated: int = 0
    val_pairs: int = 24


@dataclass(frozen=True)
class TrainConfig:
    """One training run.

    Attributes:
        model: named size.
        overrides: fields of the size's ModelConfig to replace, such as `guidance: false` for an ablation.
        init: weights file to start from.
        stage: "all", the whole network; or "masks", encoder, neck and guidance head of a trained network, on annotated
            pairs alone. With "masks" the feature F is held to what it was, and the rest of the network is frozen. The
            fused image then changes little but inside the glare, where the mask decides how faint a relief is drawn
            (`epofusion_core.model.glare_relief`).
        feature_weight: with "masks", weight of the change of F (`losses.feature_loss`).
        data: pairs.
        augment: augmentation.
        loss: loss terms.
        adaptive_loss: False gives the ablation "w/o AL".
        iterations: optimiser steps.
        batch: samples a process and step.
        accumulate: micro-batches a step; the effective batch is batch x accumulate x processes.
        learning_rate: peak, of AdamW.
        weight_decay: of AdamW, for matrices only.
        epsilon: of AdamW; larger values make its steps proportional to the gradient.
        warmup: iterations of linear warm-up; linear decay to 0 follows.
        clip: largest gradient norm.
        ema: decay of the weights' moving average, which is what is validated and exported.
        noise_only: probability that a sample is decoded from pure noise (t = 1); else t ~ U(0, 0.999).
        latent: Z_0 of Eq. 3: "target" is D(I_p), as in the paper. "prediction" is D of the model's own first
            prediction, which it meets when sampling (self-aligned denoising of DDP).
        seed: of weights, samples and noise.
        workers: processes that prepare samples; 0 prepares them in the training process.
        mixed_precision: on a GPU, "fp16" or "bf16".
        validate_every: iterations between validations with pictures.
        checkpoint_minutes: wall time between checkpoints.
    """

    __pydantic_config__ = _STRICT
    model: str
    data: DataConfig
    overrides: dict[str, Any] = field(default_factory=dict)
    init: Path | None = None
    stage: Literal["all", "masks"] = "all"
    feature_weight: float = 0.5
    augment: AugmentConfig = field(default_factory=AugmentConfig)
    loss: LossConfig = field(default_factory=LossConfig)
    adaptive_loss: bool = True
    iterations: int = 100_000
    batch: int = 8
    accumulate: int = 1
    learning_rate: float = 6e-5
    weight_decay: float = 0.01
    epsilon: float = 1e-8
    warmup: int = 1500
    clip: float = 1.0
    ema: float = 0.999
    noise_only: float = 0.0
    latent: Literal["target", "prediction"] = "target"
    seed: int = 0
    workers: int = 0
    mixed_precision: Literal["no", "fp16", "bf16"] = "no"
    validate_every: int = 1000
    checkpoint_minutes: float = 5.0


def write_train_config(path: Path, config: TrainConfig) -> None:
    """Write a run's configuration with all its defaults, as `read_train_config` reads it."""
    write_text(path, yaml.safe_dump(TypeAdapter(TrainConfig).dump_python(config, mode="json"), sort_keys=False))


def read_stages(path: Path, overrides: dict[str, Any] | None = None) -> dict[str, TrainConfig]:
    """Read a recipe: a configuration, or one with `stages`, whose settings come on top of the common ones.

    Args:
        path: YAML file. `stages` maps names to settings, in the order of training.
        overrides: values to replace in every stage; nested ones by dotted keys, such as `data.root`.

    Returns:
        The runs by name; a configuration without stages has the name "".

    Raises:
        ValueError: the file is missing, or a value is unknown or of the wrong type; the sentence names it.
    """
    common = _read_yaml(path)
    stages = common.pop("stages", {"": {}})
    if not (isinstance(stages, dict) and stages and all(isinstance(stage, dict) for stage in stages.values())):
        raise ValueError(f"config {path}: stages is {stages!r}; expected settings by the names of stages")
    if odd := [name for name in stages if not re.fullmatch(r"\w*", str(name))]:
        raise ValueError(f"config {path}: stage {odd[0]!r} names a folder; expected letters, digits and _")
    return {str(name): _validated(path, _merged(common, stage), overrides or {}) for name, stage in stages.items()}


def read_train_config(path: Path, overrides: dict[str, Any] | None = None) -> TrainConfig:
    """Read a configuration without stages, as `write_train_config` writes it; else as `read_stages`."""
    return _validated(path, _read_yaml(path), overrides or {})


def _read_yaml(path: Path) -> dict[str, Any]:
    try:
        values = yaml.safe_load(path.read_text())
    except OSError as error:
        raise ValueError(f"config {path} cannot be read ({error.strerror}); expected a YAML file") from error
    except yaml.YAMLError as error:
        raise ValueError(f"config {path} is no YAML: {' '.join(str(error).split())}") from error
    if not isinstance(values, dict):
        raise ValueError(f"config {path} holds {type(values).__name__}; expected a mapping of settings")
    return values


def _merged(common: dict[str, Any], stage: dict[str, Any]) -> dict[str, Any]:
    """Return a copy of the common settings with those of a stage in their place, key by key."""
    merged = copy.deepcopy(common)
    for key, value in stage.items():
        both = isinstance(value, dict) and isinstance(merged.get(key), dict)
        merged[key] = _merged(merged[key], value) if both else copy.deepcopy(value)
    return merged


def _validated(path: Path, values: dict[str, Any], overrides: dict[str, Any]) -> TrainConfig:
    values = {_OLD_KEYS.get(key, key): value for key, value in values.items()}
    for key, value in overrides.items():
        key = _OLD_KEYS.get(key, key)
        *parents, last = key.split(".")
        target = values
        for parent in parents:
            target = target.setdefault(parent, {})
        target[last] = value
    if values.get("mixed_precision") is False:
        values["mixed_precision"] = "no"  # YAML reads a bare no as false
    try:
        return TypeAdapter(TrainConfig).validate_python(values)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        raise ValueError(f"config {path}: {place}: {first['msg']} (found {first['input']!r})") from error
