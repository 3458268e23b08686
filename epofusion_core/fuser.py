"""The public interface: load a model by name or path, give it two images, get the fused one."""

import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from epofusion_core.engines.engine import Engine, EngineError, EngineOptions
from epofusion_core.engines.select import open_engine
from epofusion_core.exposure import overexposed_region, overexposure_map
from epofusion_core.imaging import RgbImage, luma, with_luma
from epofusion_core.model.card import ModelCard, read_card, resolve_weights
from epofusion_core.progress import Log

_LOG = logging.getLogger("epofusion")


@dataclass(frozen=True)
class FusionResult:
    """Result of one pair of images; all arrays share height and width.

    Attributes:
        fused_rgb: (H, W, 3) uint8: the fused luma with the visible image's chroma.
        fused_luma: (H, W) float32 in [0, 1], I_f of the paper.
        guidance: (H, W) float32 in [0, 1]: the model's probability that an infrared-salient object lies here inside an
            overexposed region, mask M of the paper.
        overexposure: (H, W) float32 in [0, 1]: how blown out the visible image is.
    """

    fused_rgb: RgbImage
    fused_luma: NDArray[np.float32]
    guidance: NDArray[np.float32]
    overexposure: NDArray[np.float32]


class Fuser:
    """Fuses pairs of images. Deterministic: the same input gives the same output, bit for bit.

    Attributes:
        card: what the model's file says of itself.
        engine: what runs it.
    """

    def __init__(self, engine: Engine, card: ModelCard) -> None:
        """Wrap an engine; users call `Fuser.load`."""
        self.engine, self.card = engine, card

    @classmethod
    def load(
        cls,
        model: str | Path = "epofusion_xs",
        *,
        engine: str = "auto",
        device: str = "cpu",
        precision: str = "auto",
        steps: int | None = None,
        untrained_steps: bool = False,
        threads: int = 0,
        compiled: bool = False,
        report: Log = _LOG.info,
    ) -> "Fuser":
        """Load a model. By default it runs on the fastest engine that is installed.

        Args:
            model: name of a size whose weights ship, or path of a weights file.
            engine: "auto", "torch", "onnxruntime" or "openvino", what runs it.
            device: where it runs, in the engine's words; this and the following as `EngineOptions` says.
            precision: "auto", "f32", "f16", "bf16" or "int8".
            steps: DDIM steps K; None is the model's own.
            untrained_steps: allow steps that the model was not trained for.
            threads: processor threads; 0 is all.
            compiled: torch only, run by `torch.compile`.
            report: told what takes long on the first start, and what "auto" takes.

        Raises:
            WeightsError: the model is unknown or its file is damaged.
            EngineError: an option cannot be satisfied here.
        """
        options = EngineOptions(engine, device, precision, steps, threads, compiled, untrained_steps)
        weights = resolve_weights(model)
        card = read_card(weights)
        return cls(open_engine(weights, card, options, report), card)

    @classmethod
    def from_pretrained(
        cls,
        source: str | Path,
        *,
        revision: str | None = None,
        cache: Path | None = None,
        download: bool = False,
        **options: Any,  # noqa: ANN401 - those of `load`
    ) -> "Fuser":
        """Load a model from where models are shared: a folder, or a repository of the Hugging Face hub.

        Args:
            source: path of a folder with one weights file, or what `load` takes; else `owner/name` of a repository.
            revision: branch, tag or commit of the repository.
            cache: folder of downloaded repositories; that of huggingface_hub where None.
            download: ask the hub; without it, nothing but that folder is looked into.
            options: those of `load`.

        Raises:
            WeightsError: there is no such model, or its file is damaged.
            EngineError: an option cannot be satisfied here.
        """
        from epofusion_core.model.hub import find_weights

        return cls.load(find_weights(source, revision, cache, download=download), **options)

    def __call__(self, rgb: RgbImage, thermal: NDArray[np.uint8] | NDArray[np.float32]) -> FusionResult:
        """Fuse one pair.

        Args:
            rgb: (H, W, 3) uint8, channel order R, G, B.
            thermal: (H, W) uint8, or float32 in [0, 1]; hot is bright. Registered to `rgb`.

        Raises:
            ValueError: a shape, type or value differs from the above; the sentence says which input.
            EngineError: the engine failed, or its result is not finite.
        """
        _check(rgb, thermal)
        grey = luma(rgb)
        fused_luma, guidance = self.engine.run(grey, thermal)
        if not np.isfinite(fused_luma.sum() + guidance.sum()):
            engine = self.engine
            raise EngineError(
                f"engine {engine.name} on {engine.device} in {engine.precision} gave values that are not finite; "
                "expected another precision, or other weights"
            )
        # M lies inside the overexposed region by definition, whose border is finer than the head's latent pixels.
        guidance = guidance * overexposed_region(grey)
        return FusionResult(with_luma(rgb, fused_luma), fused_luma, guidance, overexposure_map(grey))


def _check(rgb: NDArray[np.generic], thermal: NDArray[np.generic]) -> None:
    if rgb.ndim != 3 or rgb.shape[2] != 3 or rgb.dtype != np.uint8:
        raise ValueError(f"rgb has shape {rgb.shape} and type {rgb.dtype}; expected (H, W, 3) uint8")
    if thermal.ndim != 2 or thermal.dtype not in (np.uint8, np.float32):
        raise ValueError(
            f"thermal has shape {thermal.shape} and type {thermal.dtype}; expected (H, W) uint8 or float32"
        )
    if rgb.shape[:2] != thermal.shape:
        raise ValueError(f"thermal is {thermal.shape}, rgb is {rgb.shape[:2]} pixels; expected equal sizes")
    if 0 in thermal.shape:
        raise ValueError(f"images are {thermal.shape} pixels; expected at least 1 x 1")
    if thermal.dtype == np.float32:
        low, high = float(thermal.min()), float(thermal.max())
        if not (low >= 0 and high <= 1):  # so that NaN fails
            raise ValueError(f"thermal holds values of {low:g} to {high:g}; expected [0, 1], or uint8")
