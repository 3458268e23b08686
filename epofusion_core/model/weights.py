"""Weights files: safetensors that carry their own configuration, provenance and metrics. Never pickle.

A path is all that loading needs. Floating-point tensors are stored in half precision and loaded as float32.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open
from safetensors.torch import save

from epofusion_core.model.config import MODELS, ModelConfig
from epofusion_core.model.epofusion import EPOFusion

WEIGHTS_FOLDER = Path(__file__).resolve().parent.parent / "weights"
"""Where the weights that ship lie, one `<name>.safetensors` a named size."""

_FORMAT = "epofusion-1"


class WeightsError(ValueError):
    """A weights file is missing, damaged or not ours; the message is one sentence that names the file."""


@dataclass(frozen=True)
class ModelCard:
    """What a weights file says of itself.

    Attributes:
        name: name of the size, or one of the user's own.
        config: shape of the network and its sampler.
        provenance: how the weights were made: data, iterations, recipe, date.
        metrics: measured figures by name.
    """

    name: str
    config: ModelConfig
    provenance: dict[str, Any] = field(default_factory=dict)
    metrics: dict[str, float] = field(default_factory=dict)


def save_weights(path: Path, model: EPOFusion, card: ModelCard) -> None:
    """Write a weights file; a file of that name is replaced in one step."""
    tensors = {
        name: (tensor.half() if tensor.is_floating_point() else tensor).detach().cpu().contiguous()
        for name, tensor in model.state_dict().items()
    }
    metadata = {
        "format": _FORMAT,
        "name": card.name,
        "config": json.dumps(card.config.to_dict()),
        "provenance": json.dumps(card.provenance),
        "metrics": json.dumps(card.metrics),
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(".partial")
    partial.write_bytes(save(tensors, metadata))
    partial.replace(path)


def resolve_weights(name_or_path: str | Path) -> Path:
    """Return the file of a named size or the path itself.

    Raises:
        WeightsError: neither a weights file nor a named size whose weights are installed.
    """
    name = str(name_or_path)
    path = WEIGHTS_FOLDER / f"{name}.safetensors" if name in MODELS else Path(name)
    if not path.is_file():
        installed = sorted(file.stem for file in WEIGHTS_FOLDER.glob("*.safetensors"))
        known = ", ".join(installed) or "none installed"
        raise WeightsError(f"model {name!r} not found ({path}); expected a .safetensors file or a name ({known})")
    return path


def read_card(path: Path) -> ModelCard:
    """Return what the file says of itself, without loading tensors.

    Raises:
        WeightsError: the file is missing, truncated or no EPOFusion weights file.
    """
    with _opened(path) as file:
        return _card(path, file.metadata())


def load_weights(path: Path) -> tuple[EPOFusion, ModelCard]:
    """Rebuild the model of a weights file, in evaluation mode, float32, on the CPU.

    Raises:
        WeightsError: the file is missing, truncated, no EPOFusion weights file, or its tensors do not fit its
            configuration.
    """
    with _opened(path) as file:
        card = _card(path, file.metadata())
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - not a dict
    model = EPOFusion(card.config)
    state = {name: tensor.float() if tensor.is_floating_point() else tensor for name, tensor in tensors.items()}
    try:
        model.load_state_dict(state)
    except RuntimeError as error:
        reason = " ".join(str(error).split())[:200]
        raise WeightsError(f"{path}: tensors do not fit the configuration in the file: {reason}") from error
    return model.eval().requires_grad_(False), card


def _opened(path: Path) -> Any:  # noqa: ANN401 - safetensors publishes no types
    try:
        return safe_open(path, framework="pt")
    except (OSError, SafetensorError) as error:
        raise WeightsError(f"{path}: cannot be read as safetensors ({error}); is it truncated?") from error


def _card(path: Path, metadata: Mapping[str, str] | None) -> ModelCard:
    if not metadata or metadata.get("format") != _FORMAT:
        raise WeightsError(f"{path}: is no EPOFusion weights file; expected metadata format {_FORMAT!r}")
    try:
        return ModelCard(
            metadata["name"],
            ModelConfig.from_dict(json.loads(metadata["config"])),
            json.loads(metadata["provenance"]),
            json.loads(metadata["metrics"]),
        )
    except (KeyError, ValueError) as error:
        raise WeightsError(f"{path}: its metadata cannot be read ({error})") from error
