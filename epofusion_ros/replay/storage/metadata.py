"""metadata.yaml of a rosbag2: which files it has, and how many messages."""

from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

from epofusion_ros.replay.storage.file import Claims

METADATA = "metadata.yaml"


@dataclass(frozen=True)
class BagMetadata:
    """What it says.

    Attributes:
        files: names of the storage files.
        claims: how many messages there are.
    """

    files: list[str] = field(default_factory=list)
    claims: Claims = field(default_factory=lambda: Claims(METADATA))


def read_metadata(path: Path) -> BagMetadata:
    """Read a file.

    Raises:
        ValueError: it is none.
    """
    import yaml

    if not path.is_file():
        raise ValueError(f"it has no {METADATA}")
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
        information: dict[str, Any] = content["rosbag2_bagfile_information"]
        files = [PurePosixPath(str(name)).name for name in information["relative_file_paths"]]
        counts: dict[str, int] = {}
        for topic in information["topics_with_message_count"]:
            name = str(topic["topic_metadata"]["name"])
            counts[name] = counts.get(name, 0) + int(topic["message_count"])
    except (OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError, yaml.YAMLError) as error:
        raise ValueError(f"{METADATA} cannot be understood ({type(error).__name__})") from error
    return BagMetadata(files, Claims(METADATA, counts))
