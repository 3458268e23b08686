"""What a command may write to: never to one of its inputs, and over nothing that it did not make itself.

A folder that a command writes to holds a marker file, which lists the names that the command has taken there.
"""

import json
import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from epofusion_core.atomic_file import PARTIAL_FILE, write_text

MARKER = ".epofusion.json"
"""Name of the marker file; its content is {command: [names]}."""

_Identity = tuple[int, int] | str
"""Device and inode of what exists; the resolved path of what does not."""


class OutputError(ValueError):
    """An output would overwrite something; the message is one sentence that names it."""


@dataclass(frozen=True)
class OutputFolder:
    """A folder that a command writes to.

    Attributes:
        path: the folder; it need not exist.
        command: name of the command, such as "fuse".
        names: of the files and folders that the command makes directly in it.
    """

    path: Path
    command: str
    names: Sequence[str]

    def check(self, inputs: Iterable[Path | None], *, overwrite: bool = False) -> None:
        """Make sure that nothing is lost when the command writes into this folder; see `check_folders`."""
        check_folders([self], inputs, overwrite=overwrite)

    def check_names(self, *, overwrite: bool = False) -> None:
        """Make sure that nothing of other programs is in the way; see `check_folders`."""
        for path in (self.path, *self.path.parents):
            if os.path.lexists(path) and not path.is_dir():
                raise OutputError(f"output {self.path}: {path} is no folder; expected a folder, or nothing yet")
        foreign = [name for name in self.names if os.path.lexists(self.path / name) and not self.has_made(name)]
        if foreign and not overwrite:
            raise OutputError(
                f"{self.path / foreign[0]} was not made by `epofusion {self.command}`; expected another folder, or "
                "--overwrite to replace it"
            )

    def has_made(self, name: str) -> bool:
        """Tell whether the marker says that this command has made what lies under a name."""
        return name in _read_marker(self.path).get(self.command, [])

    def mark(self) -> None:
        """Make the folder and its marker file, before anything else is written, and clear what a killed run left.

        Raises:
            OSError: the folder cannot be written.
        """
        self.path.mkdir(parents=True, exist_ok=True)
        made = {command: set(names) - set(self.names) for command, names in _read_marker(self.path).items()}
        made[self.command] = made.get(self.command, set()) | set(self.names)
        content = {command: sorted(names) for command, names in sorted(made.items()) if names}
        write_text(self.path / MARKER, json.dumps(content, indent=1) + "\n")
        remove_leftovers(self.path)
        for name in self.names:
            remove_leftovers(self.path / name, recursive=True)


def check_folders(folders: Sequence[OutputFolder], inputs: Iterable[Path | None], *, overwrite: bool = False) -> None:
    """Make sure that nothing is lost when a command writes into its folders; nothing is changed yet.

    Args:
        folders: that the command writes to.
        inputs: files and folders that the command reads; None stands for an option that was not given.
        overwrite: what other programs have left under the names may be replaced. Inputs never may.

    Raises:
        OutputError: a folder is, lies in or contains an input, is no folder, or holds one of its names although this
            command did not make it.
    """
    refuse_overlap([path for each in folders for path in (each.path, *map(each.path.joinpath, each.names))], inputs)
    for folder in folders:
        folder.check_names(overwrite=overwrite)


def check_file(path: Path, inputs: Iterable[Path | None], *, overwrite: bool = False) -> None:
    """Make sure that nothing is lost when a file is written.

    Raises:
        OutputError: it is, lies in or contains an input; or it is there already and `overwrite` is not given.
    """
    refuse_overlap([path], inputs)
    if os.path.lexists(path) and not overwrite:
        raise OutputError(f"{path} is there already; expected another name, or --overwrite to replace it")


def refuse_overlap(outputs: Iterable[Path], inputs: Iterable[Path | None]) -> None:
    """Make sure that no output is, lies in or contains an input, under whatever names and links.

    Raises:
        OutputError: one does; the sentence names both.
    """
    written: dict[_Identity, Path] = {}
    around_written: dict[_Identity, Path] = {}
    for output in outputs:
        own, *parents = _lineage(_resolved(output))
        written.setdefault(own, output)
        for parent in parents:
            around_written.setdefault(parent, output)
    for source in _with_links_inside(
        path for path in inputs if path is not None and os.path.lexists(path) and not _is_circle(path)
    ):
        read, *around = _lineage(source.resolve())
        for link in _links_on_the_way(source):
            around += _lineage(link.parent.resolve())
        relations = [("contains", written.get(each)) for each in around]
        relations += [("is", written.get(read)), ("lies in", around_written.get(read))]
        for relation, found in relations:
            if found is not None:
                raise OutputError(
                    f"output {found} {relation} the input {source}; expected an output apart from all inputs"
                )


def remove_made(folder: Path, *patterns: str) -> None:
    """Delete the files directly in a folder that match, and the folder itself if that leaves it empty.

    Args:
        folder: of ours; it may be missing. A link to a folder is left alone.
        patterns: names that we give to files there, as for `Path.glob`.
    """
    if folder.is_symlink():
        return
    for pattern in patterns:
        for file in folder.glob(pattern):
            file.unlink()
    with suppress(OSError):  # missing, or it holds files that are not ours
        folder.rmdir()


def _resolved(path: Path) -> Path:
    try:
        return path.resolve()
    except (OSError, RuntimeError) as error:  # RuntimeError: a circle of links, up to Python 3.12
        raise OutputError(f"output {path} cannot be followed ({error}); expected a path without a circle") from error


def _lineage(path: Path) -> list[_Identity]:
    """Return the identities of a resolved path and of all folders that it lies in, the path's first."""
    return [_identity(each) for each in (path, *path.parents)]


def _identity(path: Path) -> _Identity:
    try:
        found = path.stat()
    except OSError:
        return str(path)
    return found.st_dev, found.st_ino


def _with_links_inside(paths: Iterable[Path]) -> Iterator[Path]:
    """Yield paths, and whatever the links inside of them lead to."""
    waiting, seen = list(paths), set[_Identity]()
    while waiting:
        path = waiting.pop()
        yield path
        if _identity(path) in seen or not path.is_dir():
            continue
        seen.add(_identity(path))
        for folder, folders, files in os.walk(path):
            entries = (Path(folder, name) for name in (*folders, *files))
            waiting += [entry for entry in entries if entry.is_symlink() and not _is_circle(entry)]


def _is_circle(link: Path) -> bool:
    try:
        link.resolve()
    except (OSError, RuntimeError):
        return True
    return False


def _links_on_the_way(path: Path) -> Iterator[Path]:
    """Yield the links that are followed when a path is opened; the input is lost when one of them is."""
    place = Path(path.anchor) if path.is_absolute() else Path.cwd()
    for part in path.parts:
        place = place.parent if part == ".." else place / part
        if place.is_symlink():
            yield place
            yield from _links_on_the_way(place.parent / place.readlink())
            place = place.resolve()


def _read_marker(folder: Path) -> dict[str, list[str]]:
    """Return what a marker file says; nothing where there is none, or where it is damaged."""
    try:
        content = json.loads((folder / MARKER).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return {str(command): list(map(str, names)) for command, names in content.items()} if _is_marker(content) else {}


def _is_marker(content: object) -> bool:
    return isinstance(content, dict) and all(isinstance(names, list) for names in content.values())


def remove_leftovers(folder: Path, *, recursive: bool = False) -> None:
    """Remove the unfinished files of runs that were killed from a folder; those of running processes stay."""
    for file in folder.rglob(".*.part") if recursive else folder.glob(".*.part"):
        found = PARTIAL_FILE.fullmatch(file.name)
        if found and not _is_running(int(found[1])):
            file.unlink(missing_ok=True)


def _is_running(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True
