"""How much memory a message holds, as far as it has no fixed length: what bounds queues."""

from array import array
from typing import Any

import numpy as np

_ANY_LENGTH = ("data", "encoding", "format", "d", "distortion_model")


def size_of(message: Any) -> int:  # noqa: ANN401 - of ROS or of a bag
    """Return the bytes of an image's or a calibration's arrays and texts; 0 of what has none."""
    header = getattr(message, "header", None)
    held = [getattr(message, name, "") for name in _ANY_LENGTH] + [getattr(header, "frame_id", "")]
    known = (each for each in held if isinstance(each, str | bytes | array | np.ndarray))
    return sum(len(each) * int(getattr(each, "itemsize", 1)) for each in known)
