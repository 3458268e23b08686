"""Weights in a folder, or in a repository of the Hugging Face hub; the network is used only where that is asked for."""

import re
from pathlib import Path

from epofusion_core.model.card import WeightsError, resolve_weights

_REPOSITORY = re.compile(r"[\w.-]+/[\w.-]+")
_FILES = ["*.safetensors", "*.onnx", "*.xml", "*.bin"]
"""Weights, and graphs exported of them, which are found beside them."""


def find_weights(source: str | Path, revision: str | None, cache: Path | None, *, download: bool) -> Path:
    """Return the weights file of a named size, a file, a folder or a repository.

    Args:
        source: a path; or the name of a size whose weights ship; or what is none of them, `owner/name` of a repository.
        revision: branch, tag or commit of the repository.
        cache: folder of downloaded repositories; the library's own where None.
        download: ask the hub for what is not in that folder, or newer there.

    Raises:
        WeightsError: there is none, or more than one.
    """
    path = Path(source)
    if not path.exists() and _REPOSITORY.fullmatch(str(source)):
        path = _repository(str(source), revision, cache, download=download)
    if not path.is_dir():
        return resolve_weights(source)
    found = sorted(path.glob("*.safetensors"))
    if len(found) != 1:
        names = ", ".join(file.name for file in found) or "none"
        raise WeightsError(f"{source} has {len(found)} weights files ({names}); expected one .safetensors file")
    return found[0]


def _repository(name: str, revision: str | None, cache: Path | None, *, download: bool) -> Path:
    try:
        from huggingface_hub import snapshot_download
        from huggingface_hub.errors import LocalEntryNotFoundError
    except ImportError as error:
        raise WeightsError(
            f"model {name!r} is no path, and huggingface_hub, which finds repositories, is not installed; "
            "expected a .safetensors file, or epofusion_ros[hub]"
        ) from error
    try:
        return Path(
            snapshot_download(
                name, revision=revision, cache_dir=cache, local_files_only=not download, allow_patterns=_FILES
            )
        )
    except LocalEntryNotFoundError as error:
        wanted = "a connection to the hub" if download else "download=True, or a path"
        raise WeightsError(f"model {name!r} is neither a path nor downloaded; expected {wanted}") from error
    except (OSError, ValueError) as error:
        raise WeightsError(f"model {name!r} cannot be had from the hub: {' '.join(str(error).split())}") from error
