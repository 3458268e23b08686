"""The model card inside a weights file, and the folder of the shipped models. Needs no PyTorch."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from epofusion_core.model.config import MODELS, ModelConfig

WEIGHTS_FOLDER = Path(__file__).resolve().parent.parent / "weights"
"""Holds the shipped models: one `<name>.safetensors` for a named size, and its exported graphs."""

_FORMAT = "epofusion-1"
_LONGEST_HEAD = 100_000_000
"""Bytes; what safetensors allows."""


class WeightsError(ValueError):
    """A model's file is missing, damaged or not ours; the message is one sentence that names the file."""


@dataclass(frozen=True)
class ModelCard:
    """What a model's file says of itself.

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

    def to_metadata(self) -> dict[str, str]:
        """Return what the metadata of a file holds."""
        return {
            "format": _FORMAT,
            "name": self.name,
            "config": json.dumps(self.config.to_dict()),
            "provenance": json.dumps(self.provenance),
            "metrics": json.dumps(self.metrics),
        }

    @classmethod
    def from_metadata(cls, path: Path, metadata: Mapping[str, str] | None) -> "ModelCard":
        """Rebuild from `to_metadata`.

        Raises:
            WeightsError: the metadata of the file is not ours, or incomplete.
        """
        if not metadata or metadata.get("format") != _FORMAT:
            raise WeightsError(f"{path}: is no EPOFusion model; expected metadata format {_FORMAT!r}")
        try:
            return cls(
                metadata["name"],
                ModelConfig.from_dict(json.loads(metadata["config"])),
                json.loads(metadata["provenance"]),
                json.loads(metadata["metrics"]),
            )
        except (KeyError, ValueError, TypeError, AttributeError) as error:  # JSON of another shape
            raise WeightsError(f"{path}: its metadata cannot be read ({error})") from error


def installed_sizes() -> list[str]:
    """Return the names of the sizes whose weights are installed, in order."""
    return sorted(file.stem for file in WEIGHTS_FOLDER.glob("*.safetensors"))


def resolve_weights(name_or_path: str | Path) -> Path:
    """Return the weights file of a named size, or the path itself.

    Raises:
        WeightsError: neither a weights file nor a named size whose weights are installed.
    """
    name = str(name_or_path)
    path = WEIGHTS_FOLDER / f"{name}.safetensors" if name in MODELS else Path(name)
    if not path.is_file():
        known = ", ".join(installed_sizes()) or "none installed"
        raise WeightsError(f"model {name!r} not found ({path}); expected a .safetensors file or a name ({known})")
    return path


def weights_file(name_or_path: str | Path) -> Path | None:
    """Return the file that a user names; None for a named size, whose file is ours."""
    return None if str(name_or_path) in MODELS else Path(name_or_path)


def read_card(path: Path) -> ModelCard:
    """Return what a weights file says of itself, without loading tensors.

    Raises:
        WeightsError: the file is missing, truncated or no EPOFusion weights file.
    """
    try:
        metadata = _metadata(path)
    except (OSError, ValueError, LookupError, TypeError, AttributeError) as error:  # JSON of another shape
        raise WeightsError(f"{path}: cannot be read as safetensors ({error}); is it truncated?") from error
    return ModelCard.from_metadata(path, metadata)


def _metadata(path: Path) -> dict[str, str] | None:
    """Read the head of a safetensors file: its length in 8 bytes, then JSON with the place of each tensor behind it.

    Not by the library: rosdep has no key of it, and a node that runs exported graphs needs nothing else of it.
    """
    with path.open("rb") as file:
        length = int.from_bytes(file.read(8), "little")
        if length > _LONGEST_HEAD:
            raise ValueError(f"its head would be {length} bytes long")
        head = json.loads(file.read(length))
    metadata: dict[str, str] | None = head.pop("__metadata__", None)
    wanted = 8 + length + max(tensor["data_offsets"][1] for tensor in head.values())
    if path.stat().st_size != wanted:
        raise ValueError(f"it has {path.stat().st_size} of {wanted} bytes")
    return metadata
