"""A folder that is replaced as a whole: whenever the process is killed, the old one or the new one is found again.

A new folder is written as NAME.new. Once it is whole it is renamed to NAME.whole, the last one to NAME.old, the new one
to NAME, and the old one is removed. `finish_swap` completes what was begun, from any point on.
"""

import shutil
from pathlib import Path

_UNFINISHED, _WHOLE, _OLD = SWAP_SUFFIXES = (".new", ".whole", ".old")
"""Of the folders that stand beside the one of the final name for a while."""


def unfinished_folder(folder: Path) -> Path:
    """Return where the next folder is to be written, before `swap_in`."""
    return _beside(folder, _UNFINISHED)


def swap_in(folder: Path) -> None:
    """Give the folder that has been written the final name; the last one of that name is removed.

    Raises:
        OSError: a folder cannot be renamed or removed.
    """
    unfinished_folder(folder).rename(_beside(folder, _WHOLE))
    finish_swap(folder)


def finish_swap(folder: Path) -> None:
    """Complete a swap that a kill has cut off, and remove what was not finished.

    Afterwards `folder` is the newest that is whole, or missing if there is none.

    Raises:
        OSError: a folder cannot be renamed or removed.
    """
    unfinished, whole, old = (_beside(folder, suffix) for suffix in SWAP_SUFFIXES)
    if whole.is_dir():
        if folder.is_dir():
            _remove(old)
            folder.rename(old)
        whole.rename(folder)
    elif not folder.is_dir() and old.is_dir():
        # Without NAME.whole, it was a version of this package that knew none: its NAME.new is whole by now.
        (unfinished if unfinished.is_dir() else old).rename(folder)
    _remove(old)
    _remove(unfinished)


def _beside(folder: Path, suffix: str) -> Path:
    return folder.with_name(f"{folder.name}{suffix}")


def _remove(folder: Path) -> None:
    if folder.is_dir():
        shutil.rmtree(folder)
