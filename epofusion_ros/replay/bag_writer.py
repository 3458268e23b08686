"""Writing a rosbag2: a folder with one MCAP file, whose chunks carry checksums, and metadata.yaml."""

from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

from rosbags.typesys import Stores, get_typestore

from epofusion_core.atomic_file import write_text
from epofusion_ros.replay.storage.mcap_writer import McapWriter, WrittenChannel
from epofusion_ros.replay.storage.metadata import METADATA

TYPES = get_typestore(Stores.ROS2_JAZZY)
"""Messages of ROS 2, which are the same in every supported distribution."""


class BagWriter:
    """Writes messages, in the order in which they come."""

    def __init__(self, file: Path, kinds: Mapping[str, str], done: int = 0) -> None:
        """Begin a bag, or go on with the one that an interrupted run has left.

        Args:
            file: the MCAP file; its folder becomes the bag.
            kinds: type of the messages of each topic.
            done: how many messages an interrupted run has written. Messages that the file has besides are made and
                given in once more, and skipped.
        """
        file.parent.mkdir(parents=True, exist_ok=True)
        self._file, self._kinds, self._done = file, kinds, done
        self._numbers = {topic: number for number, topic in enumerate(kinds, start=1)}
        channels = [
            WrittenChannel(topic, kind, TYPES.generate_msgdef(kind, ros_version=2)[0]) for topic, kind in kinds.items()
        ]
        self._writer = McapWriter(file, channels)

    def __enter__(self) -> "BagWriter":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the bag; after an exception it stays unfinished, for a later run to go on with."""
        if kind is not None:
            self._writer.close()
            return
        self._writer.finish()
        write_text(self._file.with_name(METADATA), self._metadata())

    def write(self, topic: str, bag_ns: int, message: Any) -> None:  # noqa: ANN401 - rosbags builds its types at run time
        """Write a message of a topic, recorded at a time."""
        self._done += 1
        if self._done > self._writer.kept:
            self._writer.write(self._numbers[topic], bag_ns, TYPES.serialize_cdr(message, self._kinds[topic]))

    def _metadata(self) -> str:
        """Return metadata.yaml."""
        import yaml

        count = self._writer.counts.total()
        first_ns, last_ns = (self._writer.first_ns, self._writer.last_ns) if count else (0, 0)
        extent = {
            "duration": {"nanoseconds": last_ns - first_ns},
            "starting_time": {"nanoseconds_since_epoch": first_ns},
            "message_count": count,
        }
        topics = [
            {
                "topic_metadata": {
                    "name": topic,
                    "type": kind,
                    "serialization_format": "cdr",
                    "offered_qos_profiles": [],
                    "type_description_hash": TYPES.hash_rihs01(kind),
                },
                "message_count": self._writer.counts[self._numbers[topic]],
            }
            for topic, kind in self._kinds.items()
        ]
        information = {
            "version": 9,
            "storage_identifier": "mcap",
            "relative_file_paths": [self._file.name],
            **extent,
            "topics_with_message_count": topics,
            "compression_format": "",
            "compression_mode": "",
            "files": [{"path": self._file.name, **extent}],
            "custom_data": None,
            "ros_distro": "jazzy",
        }
        return yaml.safe_dump({"rosbag2_bagfile_information": information}, sort_keys=False, width=1000)
