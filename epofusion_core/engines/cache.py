"""Files that are made once and kept in the user's cache folder, by names that hold a hash of what they are made of."""

import hashlib
import os
import shutil
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from platformdirs import user_cache_path

from epofusion_core.atomic_file import write_bytes
from epofusion_core.progress import Log

MOST_BYTES = 256 * 2**20
"""Beyond this, the files that have not been used for the longest time are removed."""

ENGINE_FOLDERS = {"tensorrt": "tensorrt", "openvino": "onnxruntime_openvino"}
"""Folders in which ONNX Runtime's providers keep what they compile, by provider."""

_CHECKSUM = ".sha256"


@dataclass(frozen=True)
class Entry:
    """What is kept under one name.

    Attributes:
        path: of a file of ours, or of a folder of an engine's own cache.
        size_bytes: all of it, the checksum included.
        used_s: when it was used last, seconds since 1970.
    """

    path: Path
    size_bytes: int
    used_s: float


def cache_folder() -> Path:
    """Return the user's cache folder for compiled models, ~/.cache/epofusion on Linux."""
    return user_cache_path("epofusion", appauthor=False)


def content_hash(*parts: bytes | str) -> str:
    """Return a short hash of contents, fit for a file name."""
    digest = hashlib.sha256()
    for part in parts:
        content = part.encode() if isinstance(part, str) else part
        digest.update(len(content).to_bytes(8, "big") + content)
    return digest.hexdigest()[:12]


def kept(name: str, build: Callable[[], bytes], what: str, report: Log) -> bytes:
    """Return a content that the cache folder keeps, made first where it is missing or damaged.

    It is written in one step, so that no other process reads half of it, and a checksum beside it tells damage. Where
    nothing can be written, it is made at every start.

    Args:
        name: of the file; must differ wherever the content would.
        build: makes the content.
        what: is made, for the report.
        report: told when it is made, and why.
    """
    path = cache_folder() / name
    content = _read(path, what, report)
    if content is not None:
        return content
    content = build()
    try:
        write_bytes(_checksum(path), hashlib.sha256(content).hexdigest().encode())
        write_bytes(path, content)
        _forget_oldest(path)
    except OSError as error:
        report(f"{what} at every start, since it cannot be kept: {error}")
    return content


def entries() -> list[Entry]:
    """Return what is kept, the one that was used last first.

    Raises:
        OSError: the cache folder cannot be read.
    """
    found = []
    for path in cache_folder().iterdir() if cache_folder().is_dir() else ():
        is_folder = path.name in ENGINE_FOLDERS.values() and path.is_dir()
        if is_folder or (path.is_file() and _checksum(path).is_file()):
            files = [each for each in path.rglob("*") if each.is_file()] if is_folder else [path, _checksum(path)]
            with suppress(FileNotFoundError):  # another process has removed it meanwhile
                found.append(Entry(path, sum(each.stat().st_size for each in files), path.stat().st_mtime))
    return sorted(found, key=lambda entry: entry.used_s, reverse=True)


def forget(entry: Entry) -> None:
    """Remove what is kept under one name; a process that has read it already goes on with it.

    Raises:
        OSError: it cannot be removed.
    """
    if entry.path.is_dir():
        shutil.rmtree(entry.path)
        return
    for path in (entry.path, _checksum(entry.path)):
        path.unlink(missing_ok=True)


def _checksum(path: Path) -> Path:
    return path.with_name(f"{path.name}{_CHECKSUM}")


def _read(path: Path, what: str, report: Log) -> bytes | None:
    """Return a file's content and note its use; None where it is missing or damaged, which is said."""
    try:
        content, checksum = path.read_bytes(), _checksum(path).read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        report(f"{what}, kept in {path}")
        return None
    except OSError as error:
        report(f"{path} cannot be read ({error.strerror}): {what} again")
        return None
    if checksum != hashlib.sha256(content).hexdigest().encode():
        report(f"{path} is damaged: {what} again")
        return None
    with suppress(OSError):
        os.utime(path)
    return content


def _forget_oldest(newest: Path) -> None:
    """Remove files of ours until the rest is small enough; what is in `ENGINE_FOLDERS` is not ours to bound."""
    left = MOST_BYTES
    for entry in entries():
        if entry.path.is_dir():
            continue
        left -= entry.size_bytes
        if left < 0 and entry.path != newest:
            with suppress(OSError):  # another user's, perhaps
                forget(entry)
