"""Files that are made once and kept in the user's cache folder, by names that hold a hash of what they are made of."""

import hashlib
from collections.abc import Callable
from pathlib import Path

from platformdirs import user_cache_path

from epofusion_core.atomic_file import write_bytes
from epofusion_core.progress import Log


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


def cached_file(name: str, build: Callable[[], bytes], what: str, report: Log) -> Path:
    """Return a file of the cache folder, made first where it is missing or damaged.

    It is written in one step, so that no other process reads half of it, and a checksum beside it tells damage.

    Args:
        name: of the file; must differ wherever the content would.
        build: makes the content.
        what: is made, for the report.
        report: told when it is made, and why.

    Raises:
        OSError: the cache folder cannot be written.
    """
    path = cache_folder() / name
    checksum = path.with_name(f"{name}.sha256")
    if path.is_file() and checksum.is_file():
        if checksum.read_text() == hashlib.sha256(path.read_bytes()).hexdigest():
            return path
        report(f"{path} is damaged: {what} again")
    else:
        report(f"{what}, kept in {path}")
    content = build()
    write_bytes(path, content)
    write_bytes(checksum, hashlib.sha256(content).hexdigest().encode())
    return path
