"""Simulated pairs for the training mix: the rendered drive, with exact objects."""

from epofusion_core.simulation import SCENES, Drive
from epofusion_core.training.augment import Crop
from epofusion_core.training.dataset import LoadedPair

_FRAMES_PER_DRIVE = 6
_FRAME_STEP = 37


def simulated_pairs(count: int, seed: int) -> list[LoadedPair]:
    """Render pairs of all scenes, every second one without its glare, which training then draws anew.

    Args:
        count: number of pairs, 0 or more.
        seed: of the first drive; each drive gives a few frames, far apart.
    """
    pairs: list[LoadedPair] = []
    number = 0
    while len(pairs) < count:
        drive = Drive(seed + number, scene=SCENES[number % len(SCENES)])
        for index in range(min(_FRAMES_PER_DRIVE, count - len(pairs))):
            frame = drive.frame(index * _FRAME_STEP)
            visible = frame.visible if index % 2 else frame.clean_visible
            images = Crop(visible, frame.thermal, frame.objects.astype("uint8"))
            pairs.append(LoadedPair(f"simulated/{number}_{index}", images, annotated=True))
        number += 1
    return pairs
