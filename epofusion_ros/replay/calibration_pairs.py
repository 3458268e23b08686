"""Pairs of images to calibrate with: some of a folder, or of a bag, spread over all of it."""

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from epofusion_core.data.pairs import find_pairs
from epofusion_core.imaging import luma, read_grey, read_rgb
from epofusion_core.thermal import ThermalScaler
from epofusion_ros.messages.conversion import to_rgb, to_thermal
from epofusion_ros.parameters.node_parameters import NodeParameters
from epofusion_ros.replay.bag import Bag
from epofusion_ros.replay.schedule import Schedule
from epofusion_ros.replay.settings import ReplaySettings
from epofusion_ros.replay.topics import choose_topics
from epofusion_ros.stream.pipeline import thermal_scaling

T = TypeVar("T")
GreyPair = tuple[NDArray[np.uint8], NDArray[np.uint8]]
"""Luma, (H, W), and thermal, (h, w), uint8."""


def pairs_of_folder(root: Path, list_file: Path | None, count: int) -> list[GreyPair]:
    """Read at most `count` pairs of a folder.

    Raises:
        ValueError: the folder has no pairs, or one cannot be read.
    """
    found = _spread(find_pairs(root, list_file), count)
    return [(luma(read_rgb(pair.visible)), read_grey(pair.infrared)) for pair in found]


def pairs_of_bag(
    path: Path,
    rgb_topic: str | None,
    thermal_topic: str | None,
    parameters: NodeParameters,
    count: int,
    say: Callable[[str], None] = lambda sentence: None,
) -> list[GreyPair]:
    """Read at most `count` pairs of a bag, as the node would pair and scale them.

    Args:
        path: the bag.
        rgb_topic: found where None.
        thermal_topic: likewise.
        parameters: of the node.
        count: of pairs.
        say: told in sentences what of the bag could not be read.

    Raises:
        ValueError: the bag or its topics cannot be used.
        ConversionError: an image of one of the pairs is malformed.
    """
    with Bag(path) as bag:
        topics = choose_topics(str(path), bag.image_topics(), rgb_topic, thermal_topic)
        schedule = Schedule(topics, ReplaySettings(parameters))
        messages = bag.messages([topics.rgb.name, topics.thermal.name])
        pairs = _spread_of_unknown(schedule.pairs(messages), count)
        for sentence in bag.damage:
            say(sentence)
    scale = ThermalScaler(thermal_scaling(parameters.thermal))
    converted = []
    for each in pairs:
        scale.reset()  # these are no successive frames
        rgb, thermal = to_rgb(each.pair.rgb.message), to_thermal(each.pair.thermal.message)
        converted.append((luma(rgb), scale(thermal)))
    return converted


def _spread(items: Sequence[T], count: int) -> list[T]:
    """Return at most so many, evenly spread."""
    if len(items) <= count:
        return list(items)
    return [items[round(index)] for index in np.linspace(0, len(items) - 1, count)]


def _spread_of_unknown(items: Iterable[T], count: int) -> list[T]:
    """Return at most so many, evenly spread, without ever holding more than twice as many."""
    kept: list[T] = []
    every = 1
    for index, item in enumerate(items):
        if index % every:
            continue
        kept.append(item)
        if len(kept) == 2 * count:
            kept, every = kept[::2], 2 * every
    return _spread(kept, count)
