"""A replay as a recording for the viewer rerun: images, masks and figures on the time of the stamps."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain
from math import isnan
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from epofusion_core.report.page import jpeg_of
from epofusion_core.thermal import ThermalScaler
from epofusion_ros.messages.conversion import ConversionError, to_rgb, to_thermal
from epofusion_ros.replay import checkpoint
from epofusion_ros.replay.bag import Bag
from epofusion_ros.replay.fused_bag import TOPICS
from epofusion_ros.replay.rows import FUSED, read_rows
from epofusion_ros.replay.topics import choose_topics
from epofusion_ros.stream.pipeline import thermal_scaling

if TYPE_CHECKING:
    from epofusion_ros.replay.settings import ReplaySettings

RERUN_FILE = "replay.rrd"
_WIDTH_PX = 1280
_JPEG_QUALITY = 85


def write_rerun_recording(bags: Sequence[Path], folder: Path, settings: ReplaySettings) -> None:
    """Write replay.rrd into the folder of a bag that has been replayed; messages that cannot be read are left out.

    Raises:
        ModuleNotFoundError: rerun is not installed.
        ValueError: the bag or its topics cannot be used; the sentence says why.
    """
    import rerun

    recording = rerun.RecordingStream("epofusion", recording_id=folder.name)
    recording.save(folder / RERUN_FILE)
    scaler = ThermalScaler(thermal_scaling(settings.parameters.thermal))
    with Bag(*bags) as source, Bag(folder / checkpoint.FUSED_BAG) as fused:
        topics = choose_topics(str(bags[0]), source.image_topics(), settings.rgb_topic, settings.thermal_topic)
        inputs = source.messages([topics.rgb.name, topics.thermal.name])
        for message in chain(inputs, fused.messages([*TOPICS])):
            try:
                if message.topic == topics.thermal.name:
                    image = scaler(to_thermal(message.message))
                else:
                    image = to_rgb(message.message)
            except ConversionError:
                continue
            _at(recording, message.stamp_ns)
            picture = rerun.EncodedImage(contents=jpeg_of(image, _WIDTH_PX, _JPEG_QUALITY), media_type="image/jpeg")
            recording.log(message.topic, picture)
    for row in read_rows(folder / checkpoint.METRICS):
        _at(recording, row.stamp_ns)
        recording.log("fate", rerun.TextLog(f"{row.fate}: {row.problem}" if row.problem else str(row.fate)))
        figures = row.figures.get(FUSED, {}) | {"overexposed_fraction": row.overexposed_fraction}
        for key, value in figures.items():
            if not isnan(value):
                recording.log(f"figures/{key}", rerun.Scalars(value))
    recording.disconnect()


def _at(recording: Any, stamp_ns: int) -> None:  # noqa: ANN401 - rerun publishes types only where it is installed
    recording.set_time("stamp", timestamp=np.datetime64(stamp_ns, "ns"))
