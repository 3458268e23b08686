"""Multimodal feature extraction (paper III-B): early fusion of luma and infrared in a ConvNeXt."""

import timm
import torch
from torch import Tensor, nn

from epofusion_core.model.layers import unshuffled_sources


class AveragingConv2d(nn.Conv2d):
    """A convolution of images averaged over blocks of pixels, computed from those pixels unshuffled.

    The kernel averages on the way: engines are slow to pool images of one channel, and the high-fidelity branch needs
    the unshuffled pixels anyway.
    """

    def forward(self, unshuffled: Tensor) -> Tensor:
        """Map (B, in_channels * block, h, w), the pixels of a block as channels, to (B, out_channels, h', w')."""
        block = unshuffled.shape[1] // self.in_channels
        kernel = self.weight.repeat_interleave(block, dim=1) / block
        return torch.as_tensor(self._conv_forward(unshuffled, kernel, self.bias))


class Encoder(nn.Module):
    """ConvNeXt over concat(Y, R): four levels with strides 4, 8, 16 and 32 (times the input stride)."""

    def __init__(self, name: str, *, folding_norms: bool, input_stride: int) -> None:
        """Build a timm ConvNeXt by its name; the rest is as `ModelConfig` says."""
        super().__init__()
        folding = {"norm_layer": "batchnorm2d", "act_layer": "relu", "ls_init_value": None, "conv_mlp": True}
        self.backbone = timm.create_model(
            name,
            pretrained=False,
            features_only=True,
            in_chans=2,
            **(folding if folding_norms else {}),
        )
        self.widths: list[int] = self.backbone.feature_info.channels()
        self.input_stride = input_stride
        if self.input_stride > 1:
            stem = self.backbone.stem_0
            averaging = AveragingConv2d(stem.in_channels, stem.out_channels, stem.kernel_size, stem.stride)
            averaging.load_state_dict(stem.state_dict())
            self.backbone.stem_0 = averaging

    def forward(self, luma: Tensor, infrared: Tensor) -> list[Tensor]:
        """Encode luma and infrared, both (B, 1, H, W) in [0, 1], into four levels, finest first."""
        # Centred inputs: the backbone has no input normalisation of its own.
        levels: list[Tensor] = self.backbone(unshuffled_sources(luma, infrared, self.input_stride))
        return levels
