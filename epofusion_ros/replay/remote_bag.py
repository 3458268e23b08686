"""Bags behind addresses that fsspec opens, such as s3://bucket/drive: copied to be replayed, the copy removed again."""

import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from glob import has_magic
from pathlib import Path, PurePosixPath
from typing import Any

from epofusion_core.atomic_file import is_disk_full
from epofusion_ros.replay.storage.recording import is_bag_file, is_storage_file


@dataclass(frozen=True)
class RemoteBag:
    """A folder of rosbag2 or a storage file behind an address."""

    address: str

    def __str__(self) -> str:
        return self.address

    @property
    def name(self) -> str:
        """Name of the folder or file."""
        return PurePosixPath(self.address).name

    def versions(self) -> list[list[str | int]]:
        """Return name, bytes and version of each file, which differ where the content does.

        Raises:
            ValueError: the address cannot be opened; the sentence says why.
        """
        with _clear(self.address):
            system, path = _opened(self.address)
            return [[PurePosixPath(file).name, size, system.ukey(file)] for file, size in _files(system, path)]

    def copy_to(self, folder: Path) -> Path:
        """Copy its files into a folder, and return the copy.

        Raises:
            ValueError: the address cannot be opened; the sentence says why.
            OSError: the disk is full.
        """
        with _clear(self.address):
            system, path = _opened(self.address)
            copy = folder / self.name
            is_folder = system.isdir(path)
            (copy if is_folder else folder).mkdir(parents=True, exist_ok=True)
            for file, _ in _files(system, path):
                system.get_file(file, str(copy / PurePosixPath(file).name if is_folder else copy))
            return copy


BagSource = Path | RemoteBag
"""Where a bag is."""


def bag_name(bag: BagSource) -> str:
    """Return the name of a bag's folder or file."""
    return bag.name if isinstance(bag, RemoteBag) else bag.resolve().name


def is_address(text: str) -> bool:
    """Tell whether a text is an address for fsspec, and no path."""
    return "://" in text


def remote_bags(address: str) -> list[RemoteBag]:
    """Return the bags behind an address: itself, those directly in its folder, or those that its pattern matches.

    Raises:
        ValueError: the address cannot be opened, or its pattern matches no bag.
    """
    with _clear(address):
        system, path = _opened(address)
        if has_magic(address):
            found = [bag for match in sorted(system.glob(path)) for bag in _bags_at(system, str(match))]
            if not found:
                raise FileNotFoundError("no bag matches it")
        else:
            found = _bags_at(system, path) or [path]
        return [RemoteBag(str(system.unstrip_protocol(bag))) for bag in dict.fromkeys(found)]


@contextmanager
def local_copies(bags: Sequence[BagSource], folder: Path) -> Iterator[list[Path]]:
    """Yield the paths of bags, and for those behind addresses of copies below a folder, which is removed in the end.

    Raises:
        ValueError: an address cannot be opened; the sentence says why.
        OSError: the disk is full.
    """
    if not any(isinstance(bag, RemoteBag) for bag in bags):
        yield [bag for bag in bags if isinstance(bag, Path)]
        return
    shutil.rmtree(folder, ignore_errors=True)  # what a killed run has left
    try:
        yield [
            bag.copy_to(folder / str(number)) if isinstance(bag, RemoteBag) else bag for number, bag in enumerate(bags)
        ]
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _opened(address: str) -> tuple[Any, str]:
    import fsspec

    system, path = fsspec.url_to_fs(address.rstrip("/"))
    return system, str(path)


def _files(system: Any, path: str) -> list[tuple[str, int]]:  # noqa: ANN401 - fsspec has no types
    """Return path and bytes of the files of a bag."""
    entries = system.ls(path, detail=True) if system.isdir(path) else [system.info(path)]
    files = [(str(entry["name"]), int(entry["size"])) for entry in entries if entry["type"] == "file"]
    return sorted(file for file in files if len(entries) == 1 or is_bag_file(PurePosixPath(file[0])))


def _bags_at(system: Any, path: str) -> list[str]:  # noqa: ANN401
    """Return a bag, or those directly in a folder; nothing where there is none."""
    if not system.isdir(path):
        return [path] if is_storage_file(PurePosixPath(path)) else []
    if _holds_bag_files(system, path):
        return [path]
    folders = sorted(entry["name"] for entry in system.ls(path, detail=True) if entry["type"] == "directory")
    return [folder for folder in folders if _holds_bag_files(system, folder)]


def _holds_bag_files(system: Any, folder: str) -> bool:  # noqa: ANN401
    return any(is_bag_file(PurePosixPath(name)) for name in system.ls(folder, detail=False))


@contextmanager
def _clear(address: str) -> Iterator[None]:
    """Say in one sentence why an address cannot be opened; each kind of storage raises its own errors."""
    try:
        yield
    except ModuleNotFoundError as error:
        if error.name == "fsspec":
            raise
        raise ValueError(f"bag {address} cannot be opened ({error})") from error
    except Exception as error:
        if is_disk_full(error):
            raise
        why = " ".join(str(error).split()) or type(error).__name__
        raise ValueError(f"bag {address} cannot be opened ({why}); expected an address that fsspec knows") from error
