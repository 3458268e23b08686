"""What an MCAP file says of its topics, and how many messages it says that they have."""

import struct

from epofusion_ros.replay.storage.file import CDR, ROS_1, Channel
from epofusion_ros.replay.storage.mcap_records import CHANNEL, SCHEMA, STATISTICS, string_at

DEFINITIONS = (SCHEMA, CHANNEL, STATISTICS)
"""Records that it takes."""

_ENCODINGS = {"ros2msg": CDR, "ros2idl": CDR, "omgidl": CDR, "ros1msg": ROS_1}
"""Of the messages, where a channel does not say it, by the language of their definition."""


class McapDefinitions:
    """Collects it from the records of a file.

    Attributes:
        channels: by their number.
        counts: of the messages, by number of the channel; empty without statistics.
    """

    def __init__(self) -> None:
        self.channels: dict[int, Channel] = {}
        self.counts: dict[int, int] = {}
        self._schemas: dict[int, tuple[str, str]] = {}

    def take(self, code: int, content: bytes) -> None:
        """Take a record.

        Raises:
            ValueError, struct.error: it is damaged.
        """
        if code == STATISTICS:
            (size,) = struct.unpack_from("<I", content, 42)
            self.counts = dict(struct.iter_unpack("<HQ", content[46 : 46 + size]))
            return
        (number,) = struct.unpack_from("<H", content)
        if code == SCHEMA:
            name, at = string_at(content, 2)
            language, _ = string_at(content, at)
            self._schemas.setdefault(number, (name, language))
            return
        (schema,) = struct.unpack_from("<H", content, 2)
        topic, at = string_at(content, 4)
        encoding, _ = string_at(content, at)
        name, language = self._schemas.get(schema, ("", ""))
        kind = name if "/msg/" in name else name.replace("/", "/msg/")
        self.channels.setdefault(number, Channel(topic, kind, encoding or _ENCODINGS.get(language, language)))
