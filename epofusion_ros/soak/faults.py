"""Faults of cameras. A seeded generator draws one for a phase, and it changes what is sent in that phase."""

from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from rclpy.time import Time
from sensor_msgs.msg import Image

CAMERAS = ("rgb", "thermal")
_NS_PER_MS = 1_000_000
_LOOP_SHOTS, _LOOP_BACK_NS = 8, 5_000_000_000
_JITTER_MS, _LATE_S = 60, 0.04
_RESTART_SHARE = 0.2
_SIZES_SHARE = ((1.0, 1.0), (0.5, 0.5), (0.5, 1.0), (1.25, 1.25))
"""Of width and height. Few, so that engines that prepare themselves for a size have seen each after a while."""


@dataclass
class Shot:
    """What both cameras send at one moment.

    Attributes:
        pixels: by camera; one that is silent is absent.
        stamps_ns: by camera.
        reopened: cameras whose publisher is taken down and set up anew before.
        late_s: by how much the shot is sent later than it is due.
        encodings: by camera.
        corrupt: damages the messages before they are sent.
    """

    pixels: dict[str, NDArray[Any]]
    stamps_ns: dict[str, int]
    reopened: tuple[str, ...] = ()
    late_s: float = 0.0
    encodings: tuple[str, str] = ("rgb8", "mono8")
    corrupt: Callable[[Image], None] | None = None

    def messages(self) -> dict[str, Image]:
        """Return what goes over DDS, by camera."""
        messages = {}
        for camera, encoding in zip(CAMERAS, self.encodings, strict=True):
            if camera in self.pixels:
                message = _message(self.pixels[camera], encoding)
                message.header.stamp = Time(nanoseconds=self.stamps_ns[camera]).to_msg()
                message.header.frame_id = f"{camera}_camera"
                if self.corrupt is not None:
                    self.corrupt(message)
                messages[camera] = message
        return messages


Fault = Callable[[Shot], None]
"""Changes a shot in place."""


def stop(rng: Random) -> Fault:
    """Silence one camera, or both."""
    silent = rng.choice((("rgb",), ("thermal",), CAMERAS))

    def apply(shot: Shot) -> None:
        for camera in silent:
            del shot.pixels[camera]

    return apply


def restart(rng: Random) -> Fault:
    """Take publishers down and set them up anew, again and again."""

    def apply(shot: Shot) -> None:
        shot.reopened = tuple(camera for camera in CAMERAS if rng.random() < _RESTART_SHARE)

    return apply


def jitter(rng: Random) -> Fault:
    """Stamp frames up to three slops off, out of order too, lose some, and send late."""

    def apply(shot: Shot) -> None:
        shot.late_s = rng.uniform(0, _LATE_S)
        for camera in CAMERAS:
            shot.stamps_ns[camera] += rng.randint(-_JITTER_MS, _JITTER_MS) * _NS_PER_MS
            if rng.random() < 0.1:
                del shot.pixels[camera]

    return apply


def loop(rng: Random) -> Fault:
    """Let time jump back by seconds every few shots, as a bag that loops does."""
    sent = 0
    back_ns = _LOOP_BACK_NS + rng.randint(0, 1000) * _NS_PER_MS

    def apply(shot: Shot) -> None:
        nonlocal sent
        sent += 1
        for camera in CAMERAS:
            shot.stamps_ns[camera] -= sent // _LOOP_SHOTS * back_ns

    return apply


def change_size(rng: Random) -> Fault:
    """Change the size from shot to shot, in a third of them of one camera alone."""

    def apply(shot: Shot) -> None:
        share = rng.choice(_SIZES_SHARE)
        changed = CAMERAS if rng.random() < 2 / 3 else (rng.choice(CAMERAS),)
        for camera in changed:
            shot.pixels[camera] = cv2.resize(shot.pixels[camera], None, fx=share[0], fy=share[1])

    return apply


def change_encoding(rng: Random) -> Fault:
    """Change the encodings from shot to shot: colour, grey and Bayer; counts and kelvin."""

    def apply(shot: Shot) -> None:
        rgb, thermal = rng.choice(("bgr8", "mono8", "bayer_rggb8")), rng.choice(("mono16", "32FC1", "8UC1"))
        if rgb != "bgr8":
            shot.pixels["rgb"] = shot.pixels["rgb"][..., 1]
        if thermal == "mono16":
            shot.pixels["thermal"] = shot.pixels["thermal"].astype(np.uint16) * 16 + 20_000
        elif thermal == "32FC1":
            shot.pixels["thermal"] = 280 + shot.pixels["thermal"].astype(np.float32) / 4
        shot.encodings = (rgb, thermal)

    return apply


def send_garbage(rng: Random) -> Fault:
    """Damage a field of every other message: step, data, size, encoding or stamp."""

    def corrupt(message: Image) -> None:
        match rng.choice(("nothing", "step", "data", "size", "encoding", "stamp")):
            case "step":
                message.step = rng.choice((0, 1, message.step - 1, 2**32 - 1))
            case "data":
                del message.data[rng.randrange(len(message.data)) :]
            case "size":
                message.height, message.width = rng.choice(((0, 640), (480, 0), (2**32 - 1, 2**32 - 1), (30_000, 1)))
            case "encoding":
                message.encoding = rng.choice(("", "jpeg2000", "RGB8", "32FC1", "rgb16", "\0"))
            case "stamp":
                message.header.stamp.sec = rng.randint(-(2**31), 2**31 - 1)
                message.header.stamp.nanosec = rng.randint(0, 2**32 - 1)

    def apply(shot: Shot) -> None:
        if rng.random() < 0.5:
            shot.corrupt = corrupt

    return apply


FAULTS: dict[str, Callable[[Random], Fault]] = {
    "stop": stop,
    "restart": restart,
    "jitter": jitter,
    "loop": loop,
    "size": change_size,
    "encoding": change_encoding,
    "garbage": send_garbage,
}


def _message(pixels: NDArray[Any], encoding: str) -> Image:
    pixels = np.ascontiguousarray(pixels)
    message = Image(height=pixels.shape[0], width=pixels.shape[1], encoding=encoding, step=pixels.strides[0])
    message.data.frombytes(pixels.data.cast("B"))
    return message
