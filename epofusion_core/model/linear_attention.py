"""Convolution and linear attention layer of the refinement network: global, cheap, and free of GridSample."""

from torch import Tensor, nn

from epofusion_core.model.layers import ConvNormReLU, modulate, spatial_size, upsample


class LinearAttention(nn.Module):
    """Attention with a ReLU kernel: its cost grows linearly with the pixels (EfficientViT, arXiv 2205.14756)."""

    def __init__(self, width: int, head_width: int = 16) -> None:
        super().__init__()
        self.head_width = head_width
        self.query_key_value = nn.Conv2d(width, 3 * width, 1, bias=False)
        self.output = nn.Sequential(nn.Conv2d(width, width, 1, bias=False), nn.BatchNorm2d(width))

    def forward(self, feature: Tensor) -> Tensor:
        """Attend globally; (B, C, h, w) to (B, C, h, w)."""
        batch, width, height, columns = feature.shape
        pixels = height * columns
        projected = self.query_key_value(feature).reshape(batch, 3, width // self.head_width, self.head_width, pixels)
        query, key, value = projected.unbind(dim=1)
        query, key = query.relu(), key.relu()
        # Mean instead of sum over the pixels keeps half precision in range; the ratio is the same.
        key = key * (1.0 / pixels)
        context = value @ key.transpose(-1, -2)
        total = key.sum(dim=-1, keepdim=True).transpose(-1, -2)
        attended = (context @ query) / (total @ query + 1e-4)
        output: Tensor = self.output(attended.reshape(batch, width, height, columns))
        return output


class LinearLayer(nn.Module):
    """Time modulation, linear attention, then an inverted bottleneck with a depthwise 3x3; residual throughout."""

    def __init__(self, width: int, time_width: int, pool: int) -> None:
        super().__init__()
        self.pool = pool
        self.time = nn.Sequential(nn.SiLU(), nn.Linear(time_width, 2 * width))
        self.attention = LinearAttention(width)
        self.local = nn.Sequential(
            ConvNormReLU(width, 2 * width, 1),
            ConvNormReLU(2 * width, 2 * width, groups=2 * width),
            nn.Conv2d(2 * width, width, 1, bias=False),
            nn.BatchNorm2d(width),
        )

    def forward(self, feature: Tensor, time: Tensor) -> Tensor:
        """Refine (B, C, h, w) given the embedded time (B, time_width)."""
        layered = nn.functional.avg_pool2d(feature, self.pool) if self.pool > 1 else feature
        layered = modulate(layered, self.time(time))
        update = self.attention(layered)
        update = update + self.local(layered + update)
        if self.pool > 1:
            update = upsample(update, spatial_size(feature))
        refined: Tensor = feature + update
        return refined
