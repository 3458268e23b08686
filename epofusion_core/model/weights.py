"""Weights files: safetensors that carry their own configuration, provenance and metrics. Never pickle.

A path is all that loading needs. Floating-point tensors are stored in half precision and loaded as float32.
"""

import json
from pathlib import Path

from safetensors.torch import load_file, save

from epofusion_core.atomic_file import write_bytes
from epofusion_core.model.card import ModelCard, WeightsError, read_card
from epofusion_core.model.epofusion import EPOFusion


def save_weights(path: Path, model: EPOFusion, card: ModelCard) -> None:
    """Write a weights file; a file of that name is replaced in one step. Equal models and cards give equal bytes."""
    tensors = {
        name: (tensor.half() if tensor.is_floating_point() else tensor).detach().cpu().contiguous()
        for name, tensor in model.state_dict().items()
    }
    write_bytes(path, _with_sorted_head(save(tensors, card.to_metadata())))


def load_weights(path: Path) -> tuple[EPOFusion, ModelCard]:
    """Rebuild the model of a weights file, in evaluation mode, float32, on the CPU.

    Raises:
        WeightsError: the file is missing, truncated, no EPOFusion weights file, or its tensors do not fit its
            configuration or are not finite.
    """
    card = read_card(path)
    try:
        model = EPOFusion(card.config)
    except (RuntimeError, TypeError, ValueError) as error:
        raise WeightsError(f"{path}: the configuration in the file gives no network: {_brief(error)}") from error
    tensors = load_file(path)
    if broken := [name for name, tensor in tensors.items() if not tensor.isfinite().all()]:
        raise WeightsError(f"{path}: {len(broken)} tensors hold NaN or infinity, such as {broken[0]}; expected numbers")
    try:
        model.load_state_dict(tensors)
    except RuntimeError as error:
        raise WeightsError(f"{path}: tensors do not fit the configuration in the file: {_brief(error)}") from error
    return model.eval().requires_grad_(False), card


def _with_sorted_head(content: bytes) -> bytes:
    """Return a safetensors file with its head in order: safetensors writes metadata in another order each time."""
    end = 8 + int.from_bytes(content[:8], "little")
    head = json.dumps(json.loads(content[8:end]), sort_keys=True, separators=(",", ":")).encode()
    head = head.ljust(-(-len(head) // 8) * 8)  # tensors begin at a multiple of 8 bytes
    return len(head).to_bytes(8, "little") + head + content[end:]


def _brief(error: Exception) -> str:
    return " ".join(str(error).split())[:200]
