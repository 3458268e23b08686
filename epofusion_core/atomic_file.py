"""Files and folders that appear under their final name whole or not at all, whenever a program ends."""

import errno
import itertools
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeGuard

PARTIAL_FILE = re.compile(r"\.epofusion-(\d+)-\d+\.part")
"""Names of unfinished files, which no reader takes for an image; the first number is that of the process."""

_numbers = itertools.count()


def is_disk_full(error: BaseException) -> TypeGuard[OSError]:
    """Tell whether an error says that a disk has no room for a file, or that a limit of its size is reached."""
    return isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


def cannot_write(path: Path, error: OSError) -> OSError:
    """Return an error of the same number whose sentence names the file that the user knows."""
    return OSError(error.errno, f"{path} cannot be written ({error.strerror or error})")


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
            raise cannot_write(path, error) from error
        raise


def partial_of(path: Path) -> Path:
    """Return a name beside a file, to write it under until it is whole; it is another one each time."""
    return path.with_name(f".epofusion-{os.getpid()}-{next(_numbers)}.part")


def write_bytes(path: Path, content: bytes | memoryview) -> None:
    """Write a file in one step; see `replacing`."""
    with replacing(path) as partial:
        partial.write_bytes(content)


def write_text(path: Path, content: str) -> None:
    """Write a UTF-8 file in one step; see `replacing`. Line ends stay as they are."""
    write_bytes(path, content.encode("utf-8"))
