"""Files and folders that appear under their final name whole or not at all, whenever a program ends."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

PARTIAL_FILE = r"\..*\.(\d+)\.part"
"""Pattern of the names of unfinished files; the number is that of the process."""


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Yield a path to write to, in the folder of `path`; it takes the name `path` when the block ends well.

    The folder is made if missing. After an error or an interrupt nothing stays but what was there before.

    Raises:
        OSError: the file cannot be written; the sentence names `path`.
    """
    partial = partial_of(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield partial
        partial.replace(path)
    except BaseException as error:
        partial.unlink(missing_ok=True)
        if isinstance(error, OSError):
            reason = error.strerror or str(error)
            raise OSError(error.errno, f"{path} cannot be written ({reason})") from error
        raise


def partial_of(path: Path) -> Path:
    """Return the name under which this process writes a file until it is whole; no reader takes it for an image."""
    return path.with_name(f".{path.name}.{os.getpid()}.part")


def write_bytes(path: Path, content: bytes | memoryview) -> None:
    """Write a file in one step; see `replacing`."""
    with replacing(path) as partial:
        partial.write_bytes(content)


def write_text(path: Path, content: str) -> None:
    """Write a UTF-8 file in one step; see `replacing`. Line ends stay as they are."""
    write_bytes(path, content.encode("utf-8"))
