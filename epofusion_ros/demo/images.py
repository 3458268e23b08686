"""What the demo publishes: stamped images of two streams, in the order of their stamps. One source is the drive."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count
from typing import Literal, TypeAlias

from sensor_msgs.msg import Image
from std_msgs.msg import Header

from epofusion_core.simulation import Drive
from epofusion_ros.messages.conversion import to_message

Stream: TypeAlias = Literal["rgb", "thermal"]


@dataclass(frozen=True)
class StampedImage:
    """An image of a camera.

    Attributes:
        stream: which camera it comes from.
        stamp_ns: time of the source's own clock; the message's header is filled when it is published.
        message: the image as it goes over DDS.
    """

    stream: Stream
    stamp_ns: int
    message: Image


def drive_images(seed: int = 0) -> Iterator[StampedImage]:
    """Yield the embedded drive, without end."""
    drive = Drive(seed)
    for index in count():
        frame = drive.frame(index)
        yield StampedImage("rgb", frame.stamp_ns, to_message(frame.visible, Header()))
        yield StampedImage("thermal", frame.stamp_ns, to_message(frame.thermal, Header()))
