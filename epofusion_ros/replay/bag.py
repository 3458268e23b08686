"""Reading a bag by rosbags: ROS 1 and 2, SQLite and MCAP, compressed, split. Only what is damaged is lost."""

import re
from collections.abc import Collection, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from tempfile import mkdtemp
from types import TracebackType
from typing import TYPE_CHECKING, Any

from rosbags.highlevel import AnyReader
from rosbags.typesys import Stores, get_typestore

from epofusion_core.atomic_file import cannot_write, is_disk_full
from epofusion_ros.messages.conversion import ConversionError, to_image
from epofusion_ros.replay.bag_repair import MENDERS
from epofusion_ros.replay.topics import CAMERA_INFO_TYPE, COMPRESSED_TYPE, IMAGE_TYPE, ImageTopic

if TYPE_CHECKING:
    from rosbags.interfaces import Connection

_SMALLEST_STEP_NS = 1_000_000


@dataclass(frozen=True)
class RawMessage:
    """A message as it lies in the bag.

    Attributes:
        topic: its topic.
        bag_ns: when it was recorded.
        raw: serialised.
        connection: of the bag.
        part: index of the bag's part that it lies in.
    """

    topic: str
    bag_ns: int
    raw: bytes
    connection: "Connection"
    part: int


@dataclass(frozen=True)
class BagMessage:
    """A deserialised message.

    Attributes:
        topic: its topic.
        bag_ns: when it was recorded.
        message: what rosbags makes of it, with the fields of the ROS message.
    """

    topic: str
    bag_ns: int
    message: Any

    @property
    def header(self) -> Any:  # noqa: ANN401 - rosbags builds its types at run time
        """The message's header; message_filters asks for it."""
        return self.message.header

    @property
    def stamp_ns(self) -> int:
        """Stamp of the header."""
        return int(self.header.stamp.sec) * 1_000_000_000 + int(self.header.stamp.nanosec)


class Bag:
    """An opened bag; `damage` says in sentences what of it could not be read so far."""

    def __init__(self, path: Path) -> None:
        """Open a bag: a folder of rosbag2, one of its storage files, or a ROS 1 file.

        Raises:
            ValueError: nothing of it can be read; the sentence says why.
        """
        self.path = path
        self.damage: list[str] = []
        self._stack = ExitStack()
        if not path.exists():
            raise ValueError(f"bag {path} does not exist")
        try:
            self._parts = self._open(path)
        except BaseException:
            self._stack.close()
            raise

    def __enter__(self) -> "Bag":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    def image_topics(self) -> list[ImageTopic]:
        """Return the topics of images, with what their first image says."""
        counts = self.message_counts(IMAGE_TYPE) | self.message_counts(COMPRESSED_TYPE)
        return [self._image_topic(name, count) for name, count in sorted(counts.items())]

    def _image_topic(self, name: str, count: int) -> ImageTopic:
        first = next(self.messages([name]), None)
        try:
            image = to_image(first.message) if first else None
        except ConversionError:
            image = None
        return ImageTopic(name, image.encoding, image.width, image.height, count) if image else ImageTopic(name)

    def camera_info_topic(self, image_topic: str) -> str | None:
        """Return the topic of the calibration beside an image topic, as image_transport names it, if there is one."""
        name = image_topic.removesuffix("/compressed").rpartition("/")[0] + "/camera_info"
        return name if name in self.message_counts(CAMERA_INFO_TYPE) else None

    def message_counts(self, message_type: str) -> dict[str, int]:
        """Return how many messages each topic of a type has."""
        counts: dict[str, int] = {}
        for part in self._parts:
            for connection in part.connections:
                if connection.msgtype == message_type:
                    counts[connection.topic] = counts.get(connection.topic, 0) + connection.msgcount
        return counts

    def messages(
        self, topics: Collection[str], start_ns: int | None = None, stop_ns: int | None = None
    ) -> Iterator[BagMessage]:
        """Yield the messages of some topics by the time of recording, from `start_ns` to before `stop_ns`."""
        undecoded = 0
        for found in self.raw_messages(topics, start_ns, stop_ns):
            try:
                message = self._parts[found.part].deserialize(found.raw, found.connection.msgtype)
            except Exception as error:  # of damaged bytes it raises whatever comes
                undecoded += 1
                if undecoded == 1:
                    self._lost(f"a message of {found.topic} at {self._seconds(found.bag_ns)} s is garbage ({error})")
                continue
            yield BagMessage(found.topic, found.bag_ns, message)

    def raw_messages(
        self, topics: Collection[str], start_ns: int | None = None, stop_ns: int | None = None
    ) -> Iterator[RawMessage]:
        """Yield what `messages` yields, serialised."""
        for index, part in enumerate(self._parts):
            chosen = [connection for connection in part.connections if connection.topic in topics]
            if not chosen:
                continue
            position = start_ns
            while True:
                last_ns: int | None = None
                try:
                    for connection, bag_ns, raw in part.messages(chosen, position, stop_ns):
                        last_ns = bag_ns
                        yield RawMessage(connection.topic, bag_ns, raw, connection, index)
                    break
                except Exception as error:  # of damaged bytes it raises whatever comes
                    broken_ns = last_ns + 1 if last_ns is not None else max(position or 0, part.start_time)
                    position = _next_readable_ns(part, chosen, broken_ns)
                    until = "its end" if position is None else f"{self._seconds(position)} s"
                    self._lost(f"from {self._seconds(broken_ns)} s to {until} is damaged ({error})")
                    if position is None:
                        break

    def _lost(self, sentence: str) -> None:
        named = f"{self.path.name}: {sentence}"
        if named not in self.damage:
            self.damage.append(named)

    def _seconds(self, bag_ns: int) -> str:
        return f"{(bag_ns - min(part.start_time for part in self._parts)) / 1e9:.3f}"

    def _open(self, path: Path) -> list[AnyReader]:
        try:
            return [self._reader(path)]
        except Exception as error:  # of damaged bytes it raises whatever comes
            files = _storage_files(path)
            if not files:
                raise ValueError(
                    f"bag {path} cannot be read ({error}); expected a rosbag2 folder, .mcap, .db3 or a ROS 1 .bag"
                ) from error
            if path.is_dir():  # of a single file, `_salvaged` says it
                self._lost(f"cannot be opened as a whole ({error})")
        parts = [part for file in files if (part := self._salvaged(file))]
        if not parts:
            raise ValueError("; ".join(self.damage))
        return parts

    def _salvaged(self, file: Path) -> AnyReader | None:
        """Open one storage file, mended if need be."""
        try:
            return self._reader(file)
        except Exception as error:  # see above
            cause = error
        folder = Path(mkdtemp(prefix="epofusion_bag_"))
        mended = folder / file.name
        self._stack.callback(folder.rmdir)
        self._stack.callback(mended.unlink, missing_ok=True)
        try:
            lost = MENDERS[file.suffix](file, mended)
            reader = self._reader(mended)
        except Exception as error:  # see above
            if is_disk_full(error):
                raise cannot_write(mended, error) from error
            self._lost(f"{file.name} is lost ({cause}; {error})")
            return None
        self._lost(f"{file.name} was not closed or is damaged ({cause}): {lost}")
        return reader

    def _reader(self, path: Path) -> AnyReader:
        return self._stack.enter_context(AnyReader([path], default_typestore=get_typestore(Stores.LATEST)))


def _storage_files(path: Path) -> list[Path]:
    """Return the storage files of a bag in the order of recording: name_2 before name_10."""
    files = list(path.iterdir()) if path.is_dir() else [path]
    numbers = {file: [int(digits) for digits in re.findall(r"\d+", file.name)] for file in files}
    return sorted((file for file in files if file.suffix in MENDERS), key=lambda file: (numbers[file], file.name))


def _next_readable_ns(reader: AnyReader, connections: "list[Connection]", broken_ns: int) -> int | None:
    """Return the time after a damage from which messages can be read again; None if there are none."""

    def readable(start_ns: int) -> bool:
        try:
            next(reader.messages(connections, start_ns), None)
        except Exception:  # see `raw_messages`
            return False
        return True

    step_ns = _SMALLEST_STEP_NS
    while not readable(broken_ns + step_ns):
        step_ns *= 2
        if broken_ns + step_ns > reader.end_time:
            return None
    low_ns, high_ns = broken_ns, broken_ns + step_ns
    while high_ns - low_ns > _SMALLEST_STEP_NS:
        middle_ns = (low_ns + high_ns) // 2
        low_ns, high_ns = (low_ns, middle_ns) if readable(middle_ns) else (middle_ns, high_ns)
    return high_ns if next(reader.messages(connections, high_ns), None) else None
