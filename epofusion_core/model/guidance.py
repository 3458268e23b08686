"""Guidance head (paper III-B): where infrared-salient objects lie inside overexposed regions, mask M."""

from torch import Tensor, nn

from epofusion_core.model.layers import ConvNormReLU


class GuidanceHead(nn.Module):
    """Two 3x3 convolutions and a 1x1 to two classes: background, object (Eq. 14).

    They are dilated where latent pixels are small: a near vehicle is larger than the field of two plain convolutions.
    """

    def __init__(self, inputs: int, width: int, dilations: tuple[int, int]) -> None:
        super().__init__()
        first, second = dilations
        self.layers = nn.Sequential(
            ConvNormReLU(inputs, width, dilation=first),
            ConvNormReLU(width, width, dilation=second),
            nn.Conv2d(width, 2, 1),
        )

    def forward(self, feature: Tensor) -> Tensor:
        """Map the fusion feature (B, C, h, w) to class logits (B, 2, h, w)."""
        logits: Tensor = self.layers(feature)
        return logits
