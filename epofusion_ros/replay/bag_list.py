"""Which bags a user means: paths, patterns, folders of bags, addresses, and lists of all these in text files."""

from collections.abc import Iterable, Iterator, Sequence
from glob import glob, has_magic
from pathlib import Path

from epofusion_core.atomic_file import write_text
from epofusion_ros.replay.remote_bag import BagSource, RemoteBag, is_address, remote_bags
from epofusion_ros.replay.storage.recording import is_bag_file, is_storage_file


def bags_named(names: Sequence[str]) -> list[BagSource]:
    """Return the bags that are meant.

    Args:
        names: paths of bags or of folders that hold some, patterns as of a shell, addresses for fsspec, and .txt files
            with one of these a line. Empty lines and those that begin with # are left out. Relative paths in a file
            count from its folder.

    Raises:
        ValueError: a pattern or a list names no bag, or an address cannot be opened.
    """
    return [bag for name in names for bag in _bags_of(name)]


def is_list(name: str) -> bool:
    """Tell whether a name is that of a text file with bags."""
    return not is_address(name) and Path(name).suffix == ".txt" and Path(name).is_file()


def write_bag_list(path: Path, bags: Iterable[tuple[BagSource, str]]) -> None:
    """Write a list that `bags_named` reads: each bag below a sentence about it."""
    lines = [
        f"# {' '.join(sentence.split())}\n{bag if isinstance(bag, RemoteBag) else bag.resolve()}\n"
        for bag, sentence in bags
    ]
    write_text(path, "".join(lines))


def _bags_of(name: str) -> Iterator[BagSource]:
    if not is_list(name):
        yield from _bags_at(name, Path())
        return
    path = Path(name)
    try:
        lines = [line.strip() for line in path.read_text(encoding="utf-8").splitlines()]
    except UnicodeDecodeError as error:
        raise ValueError(f"list of bags {path} is no text ({error}); expected a bag a line") from error
    names = [line for line in lines if line and not line.startswith("#")]
    if not names:
        raise ValueError(f"list of bags {path} names none; expected a bag a line")
    for each in names:
        yield from _bags_at(each, path.parent)


def _bags_at(name: str, folder: Path) -> Sequence[BagSource]:
    if is_address(name):
        return remote_bags(name)
    path = folder / name
    if path.exists() or not has_magic(name):
        return _bags_in(path) or [path]
    matches = glob(name, root_dir=folder, recursive=True)  # noqa: PTH207 - Path.glob takes no absolute pattern
    found = dict.fromkeys(bag for match in matches for bag in _bags_in(folder / match))
    if not found:
        raise ValueError(f"bag {path} does not exist, and no bag matches it; expected a bag, or a pattern of some")
    return sorted(bag for bag in found if bag.parent not in found)


def _bags_in(path: Path) -> list[Path]:
    """Return a bag, or those directly in a folder; nothing where there is none."""
    if not path.is_dir():
        return [path] if is_storage_file(path) and path.is_file() else []
    entries = sorted(path.iterdir())
    if any(map(is_bag_file, entries)):
        return [path]
    return [each for each in entries if each.is_dir() and any(map(is_bag_file, each.iterdir()))]
