"""One bag: the files that it is stored in. What was read of them is compared with what is said that they hold."""

import re
from collections import Counter
from collections.abc import Callable, Collection, Iterator
from contextlib import ExitStack
from pathlib import Path, PurePath

from epofusion_core.atomic_file import is_disk_full
from epofusion_ros.replay.storage.file import Channel, Claims, Lost, StorageFile, StoredMessage
from epofusion_ros.replay.storage.mcap import McapFile
from epofusion_ros.replay.storage.metadata import METADATA, BagMetadata, read_metadata
from epofusion_ros.replay.storage.ros1 import Ros1File
from epofusion_ros.replay.storage.sqlite import SqliteFile
from epofusion_ros.replay.storage.unpack import unpack_file

_FILES: dict[str, Callable[[Path, Lost], StorageFile]] = {
    ".mcap": McapFile,
    ".db3": SqliteFile,
    ".bag": Ros1File,
    ".bag.active": Ros1File,
}
_PACKED = ".zstd"


class Recording:
    """The files of one bag, in the order of recording."""

    def __init__(self, path: Path, lost: Lost, stack: ExitStack) -> None:
        """Open them.

        Args:
            path: a folder of rosbag2, or one file.
            lost: told what cannot be read, in sentences.
            stack: closes the files.

        Raises:
            ValueError: nothing can be read; the sentence says why.
            OSError: there is no room to unpack a file.
        """
        self.name = path.resolve().name
        self._stack = stack
        self._report = lost
        if not path.is_file() and not path.is_dir():
            raise ValueError(f"bag {path} {'is no file' if path.exists() else 'does not exist'}")
        self._metadata = BagMetadata()
        failures: list[str] = []
        self._files: list[tuple[StorageFile, str]] = []
        for file in self._paths(path):
            try:
                self._files.append((self._open(file), file.name))
            except Exception as error:  # of damaged bytes comes whatever comes
                if is_disk_full(error):
                    raise
                failures.append(f"{file.name} cannot be read ({error})")
                self._lost_of(file.name, f"cannot be read ({error})")
        self._files.sort(key=lambda entry: entry[0].start_ns)
        if not self._files:
            what = "; ".join(failures) or "it holds no storage file"
            raise ValueError(f"bag {path}: {what}; expected a rosbag2 folder, .mcap, .db3 or a ROS 1 .bag")

    def channels(self) -> Iterator[Channel]:
        """Yield the topics of all files."""
        for file, _ in self._files:
            yield from file.channels

    def said_of(self, topic: str) -> int:
        """Return how many messages a topic has, by whoever names most of them."""
        in_files = sum(file.claims.counts.get(topic, 0) for file, _ in self._files)
        return max(in_files, self._metadata.claims.counts.get(topic, 0))

    def messages(self, topics: Collection[str]) -> Iterator[StoredMessage]:
        """Yield the messages of some topics; at the end, name what is missing."""
        read: Counter[str] = Counter()
        for file, name in self._files:
            read_here: Counter[str] = Counter()
            try:
                for message in file.messages(topics):
                    read_here[message.channel.topic] += 1
                    yield message
            except Exception as error:  # as above
                self._lost_of(name, f"cannot be read to its end ({error})")
            for sentence in _differences(read_here, file.claims, topics):
                self._lost_of(name, sentence)
            read += read_here
        for sentence in _differences(read, self._metadata.claims, topics):
            self._lost(sentence)

    def _lost(self, sentence: str) -> None:
        self._report(f"{self.name}: {sentence}")

    def _lost_of(self, file: str, sentence: str) -> None:
        self._report(f"{self.name if file == self.name else f'{self.name}/{file}'}: {sentence}")

    def _paths(self, path: Path) -> list[Path]:
        """Return the storage files of a bag in the order of their numbers: name_2 before name_10."""
        if not path.is_dir():
            return [path]
        paths = {file.name: file for file in path.iterdir() if _kind_of(file) in _FILES and file.is_file()}
        # A player leaves the unpacked file beside the packed one.
        paths = {name: file for name, file in paths.items() if name + _PACKED not in paths}
        try:
            self._metadata = read_metadata(path / METADATA)
        except ValueError as error:
            if paths:
                self._lost(f"{error}; its files are read in the order of their times")
        else:
            listed = {name.removesuffix(_PACKED): name for name in self._metadata.files}
            there = {name.removesuffix(_PACKED): name for name in paths}
            for name in sorted(listed.keys() - there.keys()):
                self._lost(f"{listed[name]} is missing, which {METADATA} lists")
            for name in sorted(there.keys() - listed.keys()):
                self._lost(f"{METADATA} does not list {there[name]}; it is read all the same")
        numbers = {name: [int(digits) for digits in re.findall(r"\d+", name)] for name in paths}
        return [paths[name] for name in sorted(paths, key=lambda name: (numbers[name], name))]

    def _open(self, path: Path) -> StorageFile:
        kind = _kind_of(path)
        if kind not in _FILES:
            raise ValueError("its name ends as that of no storage file")

        def lost(sentence: str) -> None:
            self._lost_of(path.name, sentence)

        if not path.name.endswith(_PACKED):
            return self._closed_later(_FILES[kind](path, lost))
        unpacked = unpack_file(path, lost)
        try:
            return self._closed_later(_FILES[kind](unpacked, lost))
        finally:
            unpacked.unlink()  # it is read on through what is open

    def _closed_later(self, file: StorageFile) -> StorageFile:
        self._stack.callback(file.close)
        return file


def _differences(read: Counter[str], claims: Claims, topics: Collection[str]) -> Iterator[str]:
    """Yield a sentence for each topic of which another number of messages was read than is said to be there."""
    for topic in sorted(topics) if claims.counts else ():
        said = claims.counts.get(topic, 0)
        if said != read[topic]:
            yield f"{read[topic]} messages of {topic} were read; {claims.source} says {said}"


def is_storage_file(path: PurePath) -> bool:
    """Tell by its name whether a file is one that bags are stored in."""
    return _kind_of(path) in _FILES


def is_bag_file(path: PurePath) -> bool:
    """Tell by its name whether the folder of a file is a bag."""
    return path.name == METADATA or is_storage_file(path)


def _kind_of(path: PurePath) -> str:
    name = path.name.removesuffix(_PACKED)
    return next((suffix for suffix in _FILES if name.endswith(suffix)), "")
