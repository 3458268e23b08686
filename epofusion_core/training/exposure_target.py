"""Pseudo target I_p that copies the better source in each region, and shows the infrared inside the glare.

The paper's target, the average of the sources, halves every contrast, darkens a blown-out sky and copies the infrared's
noise into it. This target differs in both of the paper's regions:

Outside the glare it selects one source, the brighter one and the one with stronger edges, *coherently*: the choice is
made on smoothed images. A pixelwise maximum changes sides from pixel to pixel and keeps the structure of neither.

Inside the glare it keeps the visible brightness minus the *infrared relief*: how far the infrared lies below its local
maximum. Where the infrared is flat the relief is 0 and the glare stays white; at an edge the relief has the infrared's
own gradient. Around the objects of mask M, which a driver must see, the maximum is taken over a wider window, so that a
hot body stands out from its surroundings as a whole and not by its outline alone.
"""

import torch
from torch import Tensor
from torch.nn import functional

from epofusion_core.exposure import RAMP_START, RAMP_WIDTH

_NARROW_WINDOW_PX = 21
_WIDE_WINDOW_PX = 61
_RELIEF_THRESHOLD = 8.0 / 255.0
_MASK_REACH_PX = 15
_CELL_PX = 4
_BRIGHTNESS_SIGMA_PX = 8.0
_BRIGHTNESS_SOFTNESS = 2.5 / 255.0
_EDGE_SIGMA_PX = 5.0
_EDGE_SOFTNESS = 4.0 / 1020.0


def overexposure(luma: Tensor) -> Tensor:
    """Return how blown out each pixel is, (B, 1, H, W) in [0, 1]: `epofusion_core.exposure` on tensors."""
    ramp = ((luma * 255.0 - RAMP_START) / RAMP_WIDTH).clamp(0.0, 1.0)
    return gaussian_blur(functional.max_pool2d(ramp, 3, stride=1, padding=1), 3.0)


def infrared_relief(infrared: Tensor, window_px: int) -> Tensor:
    """Return how far the infrared lies below its smoothed maximum over a window, (B, 1, H, W) in [0, 1].

    The maximum is smooth, so it is found on cells of 4x4 pixels, at a tenth of the cost.
    """
    cells = window_px // _CELL_PX | 1
    coarse = functional.max_pool2d(infrared, _CELL_PX, ceil_mode=True)
    coarse = functional.max_pool2d(coarse, cells, stride=1, padding=cells // 2)
    coarse = gaussian_blur(coarse, cells / 5)
    size = (infrared.shape[-2], infrared.shape[-1])
    highest = functional.interpolate(coarse, size=size, mode="bilinear", align_corners=False)
    return (torch.maximum(highest, infrared) - infrared - _RELIEF_THRESHOLD).clamp(min=0.0)


def exposure_target(luma: Tensor, infrared: Tensor, mask: Tensor) -> Tensor:
    """Return the target I_p.

    Args:
        luma: Y, (B, 1, H, W) in [0, 1].
        infrared: R, (B, 1, H, W) in [0, 1].
        mask: M, (B, 1, H, W) in [0, 1].

    Returns:
        (B, 1, H, W) in [0, 1]: the selected source outside the glare, Y minus the infrared relief inside it.
    """
    near_objects = functional.max_pool2d(mask, _MASK_REACH_PX, stride=1, padding=_MASK_REACH_PX // 2)
    relief = torch.lerp(
        infrared_relief(infrared, _NARROW_WINDOW_PX),
        infrared_relief(infrared, _WIDE_WINDOW_PX),
        gaussian_blur(near_objects, _MASK_REACH_PX / 3),
    )
    selected = torch.lerp(infrared, luma, selection(luma, infrared))
    return torch.lerp(selected, (luma - relief).clamp(min=0.0), overexposure(luma))


def selection(luma: Tensor, infrared: Tensor) -> Tensor:
    """Return the share of the visible image outside the glare, (B, 1, H, W) in [0, 1], mostly near 0 or 1."""
    brightness = gaussian_blur(luma - infrared, _BRIGHTNESS_SIGMA_PX)
    edges = gaussian_blur(edge_strength(luma) - edge_strength(infrared), _EDGE_SIGMA_PX)
    return torch.sigmoid(brightness / _BRIGHTNESS_SOFTNESS + edges / _EDGE_SOFTNESS)


def edge_strength(image: Tensor) -> Tensor:
    """Return the magnitude of the Sobel gradient of (B, 1, H, W), in grey levels per pixel."""
    return sobel(image).square().sum(dim=1, keepdim=True).add(1e-12).sqrt()


def sobel(image: Tensor) -> Tensor:
    """Return horizontal and vertical Sobel gradients of (B, 1, H, W), as (B, 2, H, W), in grey levels per pixel."""
    horizontal = image.new_tensor([[-1.0, 0.0, 1.0], [-2.0, 0.0, 2.0], [-1.0, 0.0, 1.0]]) / 4
    kernels = torch.stack((horizontal, horizontal.T))[:, None]
    return functional.conv2d(functional.pad(image, (1, 1, 1, 1), mode="replicate"), kernels)


def gaussian_blur(image: Tensor, sigma_px: float) -> Tensor:
    """Blur (B, 1, H, W) by a Gaussian, edges repeated."""
    radius = int(3 * sigma_px + 0.5)
    offsets = torch.arange(-radius, radius + 1, dtype=image.dtype, device=image.device)
    window = torch.exp(-0.5 * (offsets / sigma_px) ** 2)
    window = window / window.sum()
    padded = functional.pad(image, (radius,) * 4, mode="replicate")
    return functional.conv2d(functional.conv2d(padded, window.view(1, 1, -1, 1)), window.view(1, 1, 1, -1))
