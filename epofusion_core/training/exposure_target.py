"""OURS, not in the paper: a pseudo target I_p that shows in the glare what the infrared sees, and invents no edges.

The paper's target, the average of the sources, halves every contrast. It darkens a blown-out sky and copies the
infrared's noise into it. This target differs in both of the paper's regions.

Outside the glare it selects one source for a region: the brighter one, and the one with stronger edges. The choice is
made on smoothed images and is soft. A pixelwise maximum keeps the structure of neither source, and a hard choice leaves
a seam that is in neither.

Inside the glare and its veil it keeps the visible brightness minus the infrared relief: how far the infrared lies below
an envelope of what is warm *inside the glare*. The envelope falls by `SLOPE` a pixel with the distance from what is
warm. So a person stays bright on surroundings that are as dark as the infrared has them close by, and that return to
white without an edge. Where nothing is warm the glare stays white.
"""

import torch
from torch import Tensor
from torch.nn import functional

from epofusion_core.model.glare_relief import OBJECT_THRESHOLD, RELIEF_THRESHOLD, SLOPE, VEIL

_VEIL_SIGMA_PX = 1.5
_BLINDED_WINDOW_PX = 5
_OBJECT_REACH_PX = 15
_CELL_PX = 4
_BRIGHTNESS_SIGMA_PX = 16.0
_BRIGHTNESS_SOFTNESS = 10.0 / 255.0
_EDGE_SIGMA_PX = 10.0
_EDGE_SOFTNESS = 16.0 / 1020.0


def exposure_target(luma: Tensor, infrared: Tensor, mask: Tensor) -> Tensor:
    """Return the target I_p.

    Args:
        luma: Y, (B, 1, H, W) in [0, 1].
        infrared: R, (B, 1, H, W) in [0, 1].
        mask: M, (B, 1, H, W) in [0, 1].

    Returns:
        (B, 1, H, W) in [0, 1]: the selected source outside the glare, Y minus the infrared relief inside it.
    """
    selected = torch.lerp(infrared, luma, selection(luma, infrared))
    glare = veil(luma)
    relief = infrared_relief(infrared, _blinded(luma))
    near_objects = functional.max_pool2d(mask, _OBJECT_REACH_PX, stride=1, padding=_OBJECT_REACH_PX // 2)
    threshold = torch.lerp(
        torch.full_like(relief, RELIEF_THRESHOLD),
        torch.full_like(relief, OBJECT_THRESHOLD),
        gaussian_blur(near_objects, _OBJECT_REACH_PX / 3),
    )
    shown = (luma - (relief - threshold).clamp(min=0.0)).clamp(min=0.0)
    return torch.lerp(selected, shown, glare)


def selection(luma: Tensor, infrared: Tensor) -> Tensor:
    """Return the share of the visible image outside the glare, (B, 1, H, W) in [0, 1]."""
    brightness = gaussian_blur(luma - infrared, _BRIGHTNESS_SIGMA_PX)
    edges = gaussian_blur(edge_strength(luma) - edge_strength(infrared), _EDGE_SIGMA_PX)
    return torch.sigmoid(brightness / _BRIGHTNESS_SOFTNESS + edges / _EDGE_SOFTNESS)


def veil(luma: Tensor) -> Tensor:
    """Return how much light veils the visible image, (B, 1, H, W) in [0, 1]: the glare and the bloom around it."""
    return _ramp(gaussian_blur(luma, _VEIL_SIGMA_PX))


def _blinded(luma: Tensor) -> Tensor:
    """Return where light leaves nothing to see in the visible image, (B, 1, H, W) in [0, 1].

    A dark pole or tree against a white sky is none: it is seen, and must not darken the sky around it.
    """
    return _ramp(-functional.max_pool2d(-luma, _BLINDED_WINDOW_PX, stride=1, padding=_BLINDED_WINDOW_PX // 2))


def _ramp(luma: Tensor) -> Tensor:
    begin, full = VEIL
    return ((luma - begin) / (full - begin)).clamp(0.0, 1.0)


def infrared_relief(infrared: Tensor, blinded: Tensor) -> Tensor:
    """Return how far the infrared lies below the envelope of what is warm inside the glare.

    Args:
        infrared: R, (B, 1, H, W) in [0, 1].
        blinded: weight of each pixel as a source of warmth, the same.

    Returns:
        (B, 1, H, W) in [0, 1].
    """
    size = (infrared.shape[-2], infrared.shape[-1])
    # The envelope is smooth, so it is found on cells, at a tenth of the cost.
    cells = gaussian_blur(_cone_envelope(functional.max_pool2d(infrared * blinded, _CELL_PX, ceil_mode=True)), 1.0)
    envelope = functional.interpolate(cells, scale_factor=_CELL_PX, mode="bilinear", align_corners=False)
    return (envelope[..., : size[0], : size[1]] - infrared).clamp(min=0.0)


def _cone_envelope(cells: Tensor) -> Tensor:
    """Return max over y of (cells(y) - slope |x - y|), (B, 1, h, w): the lowest image above it that falls so slowly."""
    straight, diagonal = SLOPE * _CELL_PX, 2**0.5 * SLOPE * _CELL_PX
    for _ in range(min(max(cells.shape[-2:]), int(1.0 / straight))):
        rows = functional.max_pool2d(cells, (3, 1), stride=1, padding=(1, 0))
        columns = functional.max_pool2d(cells, (1, 3), stride=1, padding=(0, 1))
        square = functional.max_pool2d(cells, 3, stride=1, padding=1)
        lowered = torch.maximum(torch.maximum(rows, columns) - straight, square - diagonal)
        cells = torch.maximum(cells, lowered)
    return cells


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
