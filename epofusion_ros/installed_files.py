"""Finds launch and config files: in the checkout, in a colcon overlay, or below a Python prefix."""

import os
import sys
from importlib.util import find_spec
from pathlib import Path

_HAS_FAST_DDS_2 = os.environ.get("ROS_DISTRO") == "jazzy" or find_spec("fastrtps") is not None
"""That of Jazzy: a distribution says so by ROS_DISTRO, its wheels by the name of their library."""

DDS_PROFILE_VARIABLE = "FASTRTPS_DEFAULT_PROFILES_FILE" if _HAS_FAST_DDS_2 else "FASTDDS_DEFAULT_PROFILES_FILE"
"""Names the file with the Fast DDS profile; Fast DDS 3, from Kilted on, has given it another name."""


def share_file(relative: str) -> Path:
    """Return the path of a file that installs to share/epofusion_ros, such as "config/epofusion.yaml".

    Raises:
        FileNotFoundError: it is in none of the places.
    """
    package = Path(__file__).resolve().parent
    prefixes = [parent for parent in package.parents if (parent / "share" / "epofusion_ros").is_dir()]
    folders = [package.parent, *(prefix / "share" / "epofusion_ros" for prefix in [*prefixes, Path(sys.prefix)])]
    for folder in folders:
        if (folder / relative).is_file():
            return folder / relative
    raise FileNotFoundError(f"{relative} is not installed; looked in {', '.join(map(str, folders))}")


def dds_variables(wanted: str = "auto") -> dict[str, str]:
    """Return what a process needs in its environment, besides this one's, to use a Fast DDS profile.

    Args:
        wanted: path of a profile; "auto" is config/fastdds_shm.xml unless one is exported, "none" leaves it as it is.

    Raises:
        FileNotFoundError: there is no such file.
    """
    if wanted == "none" or (wanted == "auto" and DDS_PROFILE_VARIABLE in os.environ):
        return {}
    file = share_file("config/fastdds_shm.xml") if wanted == "auto" else Path(wanted)
    if not file.is_file():
        raise FileNotFoundError(f"DDS profile {wanted} is no file; expected auto, none or an XML file")
    return {DDS_PROFILE_VARIABLE: str(file)}


def use_large_shared_memory() -> None:
    """Let this process and its children send images through shared memory, unless the user has chosen a DDS profile."""
    os.environ.update(dds_variables())
