"""The one door for users: load a model by name or path, give it two images, get the fused one."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from epofusion_core.exposure import overexposure_map
from epofusion_core.imaging import RgbImage, luma, with_luma
from epofusion_core.model.epofusion import EPOFusion
from epofusion_core.model.weights import ModelCard, load_weights, resolve_weights


@dataclass(frozen=True)
class FusionResult:
    """What one pair of images gives; all arrays share height and width.

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
    """Fuses pairs of images. Deterministic: the same input gives the same output, bit for bit."""

    def __init__(
        self,
        model: EPOFusion,
        card: ModelCard,
        *,
        device: str = "cpu",
        half: bool = False,
        steps: int | None = None,
    ) -> None:
        """Wrap a model; users call `Fuser.load`."""
        self.card = card
        self.device = _device(device)
        self._dtype = torch.float16 if half else torch.float32
        self._model = model.eval().to(self.device, self._dtype).to(memory_format=torch.channels_last)
        self._steps = steps

    @classmethod
    def load(
        cls,
        model: str | Path = "epofusion_xs",
        *,
        device: str = "cpu",
        half: bool = False,
        steps: int | None = None,
    ) -> "Fuser":
        """Load a model.

        Args:
            model: name of a size whose weights ship, or path of a weights file.
            device: "cpu", "cuda" or "cuda:N".
            half: compute in half precision; worth it on a GPU only.
            steps: DDIM steps K, at least 1; the model's own by default.

        Raises:
            WeightsError: the model is unknown or its file is damaged.
            ValueError: the device is not there, or steps is less than 1.
        """
        if steps is not None and steps < 1:
            raise ValueError(f"steps is {steps}; expected at least 1")
        network, card = load_weights(resolve_weights(model))
        return cls(network, card, device=device, half=half, steps=steps)

    def __call__(self, rgb: RgbImage, thermal: NDArray[np.uint8] | NDArray[np.float32]) -> FusionResult:
        """Fuse one pair.

        Args:
            rgb: (H, W, 3) uint8, channel order R, G, B.
            thermal: (H, W) uint8, or float32 in [0, 1]; hot is bright. Registered to `rgb`.

        Raises:
            ValueError: a shape or type differs from the above; the sentence says which input.
        """
        _check(rgb, thermal)
        grey = luma(rgb)
        with torch.inference_mode():
            fused, guidance = self._model(self._tensor(grey), self._tensor(thermal), steps=self._steps)
        fused_luma, guidance_map = (image[0, 0].float().cpu().numpy() for image in (fused, guidance))
        return FusionResult(with_luma(rgb, fused_luma), fused_luma, guidance_map, overexposure_map(grey))

    def _tensor(self, image: NDArray[np.uint8] | NDArray[np.float32]) -> torch.Tensor:
        """Return (1, 1, H, W) in [0, 1] on the model's device."""
        scale = np.float32(255.0 if image.dtype == np.uint8 else 1.0)
        # The one copy; images that are views of messages are read-only, which PyTorch does not take.
        scaled = np.divide(image, scale, dtype=np.float32)
        return torch.from_numpy(scaled).to(self.device, self._dtype)[None, None]


def _device(name: str) -> torch.device:
    try:
        device = torch.device(name)
    except RuntimeError as error:
        raise ValueError(f"device {name!r} is unknown; expected cpu, cuda or cuda:N") from error
    if device.type == "cuda" and not torch.cuda.is_available():
        raise ValueError(f"device {name!r} is not there: PyTorch sees no CUDA device; expected cpu")
    return device


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
