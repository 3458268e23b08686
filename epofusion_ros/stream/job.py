"""What the worker is given: a pair or a frame alone, and all that belongs to its moment."""

import threading
from collections import deque
from dataclasses import dataclass, field
from typing import Any

from epofusion_ros.messages.message_size import size_of
from epofusion_ros.stream.pairing import FramePair, SingleFrame

_KEPT = 256
_KEPT_BYTES = 2**24


class CameraInfos:
    """The last calibrations of the RGB camera, so that each frame finds that of its stamp. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kept: deque[tuple[int, Any, int]] = deque(maxlen=_KEPT)

    def add(self, stamp_ns: int, camera_info: Any) -> None:  # noqa: ANN401 - a CameraInfo of ROS or of a bag
        """Keep a calibration; of very many, or of very large ones, the oldest are forgotten."""
        with self._lock:
            self._kept.append((stamp_ns, camera_info, size_of(camera_info)))
            while len(self._kept) > 1 and sum(size for *_, size in self._kept) > _KEPT_BYTES:
                self._kept.popleft()

    def at(self, stamp_ns: int) -> Any:  # noqa: ANN401 - as it was added
        """Return the calibration that holds at a stamp: the latest up to there.

        Where all are of later, clocks differ or time has been reset: then it is the one that came last. None where none
        has come.
        """
        with self._lock:
            newest_first = list(reversed(self._kept))
        earlier = [entry for entry in newest_first if entry[0] <= stamp_ns]
        if earlier:
            return max(earlier, key=lambda entry: entry[0])[1]
        return newest_first[0][1] if newest_first else None


@dataclass(frozen=True)
class Job:
    """Frames to be fused or passed through.

    Attributes:
        frames: a pair, or a frame whose partner's camera is missing.
        epoch: how often time had been reset before; frames of different epochs have nothing to do with each other.
        camera_infos: of the RGB camera.
    """

    frames: FramePair[Any] | SingleFrame[Any]
    epoch: int = 0
    camera_infos: CameraInfos = field(default_factory=CameraInfos)

    @property
    def source(self) -> Any:  # noqa: ANN401 - any stamped message
        """The frame under whose header is published: the RGB frame of a pair, or the frame that is there."""
        return self.frames.rgb if isinstance(self.frames, FramePair) else self.frames.frame

    @property
    def stamp_ns(self) -> int:
        """Stamp of the source."""
        return self.frames.stamp_ns

    def camera_info(self) -> Any:  # noqa: ANN401 - as it came
        """Return the RGB camera's calibration at the stamp, as far as it has come by now; None for thermal alone.

        A camera may send it after the image, so that it is looked up when it is needed.
        """
        if isinstance(self.frames, SingleFrame) and self.frames.name == "thermal":
            return None
        return self.camera_infos.at(self.stamp_ns)
