"""Methods under comparison: a baseline, a model, or a folder of results of any method."""

from dataclasses import asdict, dataclass, field
from functools import cache, cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import NDArray

from epofusion_core.data.pairs import images_by_stem
from epofusion_core.engines.engine import EngineOptions
from epofusion_core.evaluation.baselines import RULES
from epofusion_core.imaging import GreyImage, RgbImage, luma, read_grey, read_rgb, with_luma
from epofusion_core.registration.apply import blend_uncovered

if TYPE_CHECKING:
    from epofusion_core.fuser import Fuser


@dataclass(frozen=True)
class Sources:
    """One registered pair of images, as methods get it.

    Attributes:
        name: "stem", or "dataset/stem".
        visible: (H, W, 3) uint8.
        infrared: (H, W) uint8.
        coverage: (H, W) float32 in [0, 1]: 0 where infrared does not reach; None where it reaches everything.
    """

    name: str
    visible: RgbImage
    infrared: GreyImage
    coverage: NDArray[np.float32] | None = None

    @cached_property
    def luma(self) -> GreyImage:
        """(H, W) uint8, luma of the visible image."""
        return luma(self.visible)


@dataclass(frozen=True)
class Fused:
    """What a method made of a pair.

    Attributes:
        rgb: (H, W, 3) uint8, the picture to look at.
        grey: (H, W) uint8, what is measured.
        mask: (H, W) float32 in [0, 1], predicted probability of infrared-salient objects inside overexposed regions;
            None where the method predicts none.
    """

    rgb: RgbImage
    grey: GreyImage
    mask: NDArray[np.float32] | None = None


class Method(Protocol):
    """A method under comparison. Instances travel to worker processes, so they hold names and paths only."""

    @property
    def name(self) -> str:
        """The row's name in tables."""
        ...

    def fuse(self, sources: Sources) -> Fused:
        """Return the method's result for one pair.

        Raises:
            ValueError: there is none; the sentence says why.
        """
        ...


@dataclass(frozen=True)
class SourceMethod:
    """A source as it is, to compare fused images with.

    Attributes:
        name: "visible" or "infrared".
    """

    name: str

    def fuse(self, sources: Sources) -> Fused:
        """Return the source; the infrared is grey."""
        if self.name == "visible":
            return Fused(sources.visible, sources.luma)
        return Fused(np.dstack([sources.infrared] * 3), sources.infrared)


@dataclass(frozen=True)
class RuleMethod:
    """A rule of `baselines`.

    Attributes:
        name: key of `baselines.RULES`.
    """

    name: str

    def fuse(self, sources: Sources) -> Fused:
        """Apply the rule to luma and infrared; the chroma stays the visible image's."""
        grey = RULES[self.name](sources.luma, sources.infrared)
        return Fused(with_luma(sources.visible, _unit(grey)), grey)


@dataclass(frozen=True)
class ModelMethod:
    """A model. The luma of the RGB image that users get is measured, not the network's output.

    Attributes:
        name: the row's name.
        model: named size or weights file, as `Fuser.load` takes it.
        engine: what runs it, one thread by default, since each process of an evaluation has one core.
    """

    name: str
    model: str
    engine: EngineOptions = field(default_factory=lambda: EngineOptions(threads=1))

    def fuse(self, sources: Sources) -> Fused:
        """Run the model, which each process loads once."""
        fuser = _load(self.model, self.engine)
        fused = fuser(sources.visible, sources.infrared)
        result = blend_uncovered(fused, sources.visible, sources.coverage)
        has_mask = fuser.card.config.guidance
        return Fused(result.fused_rgb, luma(result.fused_rgb), result.guidance if has_mask else None)


@cache
def _load(model: str, engine: EngineOptions) -> "Fuser":
    from epofusion_core.fuser import Fuser

    return Fuser.load(model, **asdict(engine))


@dataclass(frozen=True)
class FolderMethod:
    """Results of any method, one image a pair with the pair's stem.

    Attributes:
        name: the row's name.
        folder: holds the images, or folders `fused` and `mask` (predicted, may be missing) as `epofusion fuse` writes;
            those of "dataset/stem" in a folder of that name.
    """

    name: str
    folder: Path

    def fuse(self, sources: Sources) -> Fused:
        """Read the result of this pair."""
        nested = self.folder / "fused"
        path = _image(nested if nested.is_dir() else self.folder, sources.name)
        if path is None:
            raise ValueError(f"{self.folder}: has no image named {sources.name}")
        rgb = read_rgb(path)
        grey = luma(rgb)
        if grey.shape != sources.luma.shape:
            raise ValueError(
                f"{path}: is {grey.shape}, its sources are {sources.luma.shape} pixels; expected equal sizes"
            )
        mask = _image(self.folder / "mask", sources.name)
        return Fused(rgb, grey, None if mask is None else _unit(read_grey(mask)))


def _image(folder: Path, name: str) -> Path | None:
    dataset, _, stem = name.rpartition("/")
    return _images(folder / dataset).get(stem)


@cache
def _images(folder: Path) -> dict[str, Path]:
    return images_by_stem(folder) if folder.is_dir() else {}


def _unit(image: GreyImage) -> NDArray[np.float32]:
    return np.divide(image, 255, dtype=np.float32)
