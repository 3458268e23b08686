"""Deformable attention layer of the refinement network, in plain PyTorch (`grid_sample`) so that it exports."""

import math

import torch
from torch import Tensor, nn

from epofusion_core.model.layers import ChannelLayerNorm, modulate


class DeformableAttention(nn.Module):
    """Single-scale deformable self-attention (Deformable DETR): each pixel attends to a few learned offsets."""

    def __init__(self, width: int, heads: int = 8, points: int = 4) -> None:
        super().__init__()
        self.heads, self.points = heads, points
        self.value = nn.Conv2d(width, width, 1)
        self.offsets = nn.Conv2d(width, heads * points * 2, 1)
        self.weights = nn.Conv2d(width, heads * points, 1)
        self.output = nn.Conv2d(width, width, 1)
        self._spread_offsets()

    def _spread_offsets(self) -> None:
        """Start as the original does: head k looks along direction k, point p lies p pixels away."""
        angles = torch.arange(self.heads) * (2 * math.pi / self.heads)
        directions = torch.stack((angles.cos(), angles.sin()), dim=1)
        directions = directions / directions.abs().amax(dim=1, keepdim=True)
        distances = torch.arange(1, self.points + 1)
        nn.init.zeros_(self.offsets.weight)
        assert self.offsets.bias is not None
        with torch.no_grad():
            self.offsets.bias.copy_((directions[:, None, :] * distances[None, :, None]).flatten())
        nn.init.zeros_(self.weights.weight)

    def forward(self, query: Tensor, position: Tensor) -> Tensor:
        """Attend; query (B, C, h, w), position (1, C, h, w) added to it for offsets and weights; (B, C, h, w)."""
        batch, width, height, columns = query.shape
        placed = query + position
        value = self.value(query).reshape(batch * self.heads, width // self.heads, height, columns)
        offsets = self.offsets(placed).reshape(batch * self.heads, self.points, 2, height, columns)
        weights = self.weights(placed).reshape(batch * self.heads, self.points, height, columns).softmax(dim=1)
        # Coordinates are float32 in every precision: in half precision, pixels side by side in a wide image are one.
        # In grid_sample's units, where the image spans [-1, 1], one pixel is 2 / size.
        pixel = torch.tensor([2.0 / columns, 2.0 / height], device=query.device)
        grid = _pixel_centres(query)[None, None] + offsets.float().permute(0, 1, 3, 4, 2) * pixel
        value = value.float()
        attended = torch.zeros_like(value)
        for point in range(self.points):
            sampled = nn.functional.grid_sample(value, grid[:, point], align_corners=False)
            attended = attended + sampled * weights[:, point, None]
        output: Tensor = self.output(attended.reshape(batch, width, height, columns).to(query.dtype))
        return output


class DeformableLayer(nn.Module):
    """Transformer layer, post-norm: deformable attention, then a GELU feed-forward network, then time modulation."""

    def __init__(self, width: int, time_width: int) -> None:
        super().__init__()
        self.attention = DeformableAttention(width)
        self.attention_norm = ChannelLayerNorm(width)
        self.feed_forward = nn.Sequential(nn.Conv2d(width, 4 * width, 1), nn.GELU(), nn.Conv2d(4 * width, width, 1))
        self.feed_forward_norm = ChannelLayerNorm(width)
        self.time = nn.Sequential(nn.SiLU(), nn.Linear(time_width, 2 * width))

    def forward(self, feature: Tensor, time: Tensor) -> Tensor:
        """Refine (B, C, h, w) given the embedded time (B, time_width)."""
        feature = self.attention_norm(feature + self.attention(feature, _sine_position(feature)))
        feature = self.feed_forward_norm(feature + self.feed_forward(feature))
        return modulate(feature, self.time(time))


def _pixel_centres(image: Tensor) -> Tensor:
    """Return the centres of the pixels, (h, w, 2) float32 as x, y in grid_sample's [-1, 1]."""
    height, width = image.shape[-2:]
    rows = (torch.arange(height, device=image.device, dtype=torch.float32) + 0.5) * (2.0 / height) - 1.0
    columns = (torch.arange(width, device=image.device, dtype=torch.float32) + 0.5) * (2.0 / width) - 1.0
    y, x = torch.meshgrid(rows, columns, indexing="ij")
    return torch.stack((x, y), dim=-1)


def _sine_position(image: Tensor) -> Tensor:
    """Return DETR's sine position embedding for an image, (1, C, h, w)."""
    width = image.shape[1]
    centres = (_pixel_centres(image) + 1.0) * math.pi
    exponents = torch.arange(width // 4, device=image.device, dtype=torch.float32) / (width // 4)
    angles = centres[..., None] * (0.5 * image.shape[-1]) / 10000.0**exponents
    waves = torch.cat((angles.sin(), angles.cos()), dim=-1)
    return waves.flatten(2).permute(2, 0, 1)[None].to(image.dtype)
