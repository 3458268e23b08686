"""Reading bags: ROS 1 and 2, SQLite and MCAP, compressed, split, in several places. Only what is damaged is lost.

What was read is compared with what metadata.yaml and the files say of themselves. Each difference is named.
"""

import heapq
from collections import Counter
from collections.abc import Callable, Collection, Iterator
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from functools import cache
from itertools import islice
from pathlib import Path
from types import TracebackType
from typing import Any

from rosbags.typesys import Stores, get_typestore

from epofusion_core.text import shortened
from epofusion_ros.messages.conversion import ConversionError, to_image
from epofusion_ros.replay.storage.file import CDR, ROS_1, Channel, StoredMessage
from epofusion_ros.replay.storage.recording import Recording
from epofusion_ros.replay.storage.unpack import ZSTD_MAGIC, unpack
from epofusion_ros.replay.topics import CAMERA_INFO_TYPE, COMPRESSED_TYPE, IMAGE_TYPE, ImageTopic

_KINDS = (IMAGE_TYPE, COMPRESSED_TYPE, CAMERA_INFO_TYPE)
_TRIED_IMAGES = 5
_LONGEST_SENTENCE, _MOST_SENTENCES = 500, 100


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
    def data(self) -> Any:  # noqa: ANN401
        """The message's data; what bounds queues asks for them."""
        return getattr(self.message, "data", b"")

    @property
    def stamp_ns(self) -> int:
        """Stamp of the header."""
        return int(self.header.stamp.sec) * 1_000_000_000 + int(self.header.stamp.nanosec)


class Bag:
    """An opened bag, or several of one drive.

    Attributes:
        damage: what of it could not be read so far, in sentences.
        recordings: the bags.
    """

    def __init__(self, *paths: Path) -> None:
        """Open a bag, or several of one drive: folders of rosbag2, storage files, or ROS 1 files.

        Raises:
            ValueError: nothing of one can be read; the sentence says why.
            OSError: there is no room to unpack one.
        """
        self.damage: list[str] = []
        self._more = 0
        self._stack = ExitStack()
        try:
            self.recordings = [Recording(path, self._lost, self._stack) for path in paths]
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
        """Return the topics of images, with what their first image says that can be read."""
        counts = self.message_counts(IMAGE_TYPE) | self.message_counts(COMPRESSED_TYPE)
        return [self._image_topic(name, count) for name, count in sorted(counts.items())]

    def other_topics(self) -> dict[str, str]:
        """Return the types of the topics that are no images, with their encoding where that is foreign to ROS."""
        images = self.image_names()
        return {
            channel.topic: channel.kind if channel.encoding in (CDR, ROS_1) else f"{channel.kind}, {channel.encoding}"
            for channel in self._channels()
            if channel.topic not in images
        }

    def image_names(self) -> set[str]:
        """Return the names of the topics of images."""
        return set(self.message_counts(IMAGE_TYPE) | self.message_counts(COMPRESSED_TYPE))

    def _image_topic(self, name: str, count: int) -> ImageTopic:
        for found in islice(self.messages([name]), _TRIED_IMAGES):
            with suppress(ConversionError):
                image = to_image(found.message)
                return ImageTopic(name, shortened(image.encoding), image.width, image.height, count)
        return ImageTopic(name, messages=count)

    def camera_info_topic(self, image_topic: str) -> str | None:
        """Return the topic of the calibration beside an image topic, as image_transport names it, if there is one."""
        name = image_topic.removesuffix("/compressed").rpartition("/")[0] + "/camera_info"
        return name if name in self.message_counts(CAMERA_INFO_TYPE) else None

    def message_counts(self, message_type: str) -> dict[str, int]:
        """Return how many messages each topic of a type has, as far as that is known."""
        topics = {
            channel.topic
            for channel in self._channels()
            if channel.kind == message_type and channel.encoding in (CDR, ROS_1)
        }
        return {topic: sum(recording.said_of(topic) for recording in self.recordings) for topic in topics}

    def messages(self, topics: Collection[str]) -> Iterator[BagMessage]:
        """Yield the messages of some topics by the time of recording; at the end, `damage` is complete."""
        garbage: Counter[str] = Counter()
        causes: dict[str, str] = {}
        recordings = [recording.messages(topics) for recording in self.recordings]
        for found in heapq.merge(*recordings, key=lambda message: message.bag_ns):
            topic = found.channel.topic
            try:
                message = _deserialised(found)
            except Exception as error:  # of damaged bytes it raises whatever comes
                garbage[topic] += 1
                causes.setdefault(topic, str(error))
                continue
            yield BagMessage(topic, found.bag_ns, message)
        for topic, count in garbage.items():
            self._lost(f"{count} messages of {topic} are garbage ({causes[topic]})")

    def _channels(self) -> Iterator[Channel]:
        for recording in self.recordings:
            yield from recording.channels()

    def _lost(self, sentence: str) -> None:
        short = shortened(" ".join(sentence.split()), _LONGEST_SENTENCE)
        if short in self.damage:
            return
        if len(self.damage) < _MOST_SENTENCES:
            self.damage.append(short)
        else:
            self._more += 1
            self.damage[-1] = f"and {self._more + 1} more"


@cache
def _deserialiser(encoding: str) -> Callable[[bytes, str], Any]:
    """Return what deserialises: the messages that are read here are the same in all distributions."""
    if encoding == ROS_1:
        return get_typestore(Stores.ROS1_NOETIC).deserialize_ros1
    return get_typestore(Stores.LATEST).deserialize_cdr


def _deserialised(found: StoredMessage) -> Any:  # noqa: ANN401
    if found.channel.kind not in _KINDS or found.channel.encoding not in (CDR, ROS_1):
        raise ValueError(f"{found.channel.kind} as {found.channel.encoding} cannot be read")
    raw = unpack(found.raw, "zstd") if found.raw.startswith(ZSTD_MAGIC) else found.raw
    return _deserialiser(found.channel.encoding)(raw, found.channel.kind)
