"""Multimodal feature extraction (paper III-B): early fusion of luma and infrared in a ConvNeXt."""

import timm
import torch
from torch import Tensor, nn

from epofusion_core.model.config import ModelConfig


class Encoder(nn.Module):
    """ConvNeXt over concat(Y, R): four levels with strides 4, 8, 16 and 32 (times the input stride)."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        folding = {"norm_layer": "batchnorm2d", "act_layer": "relu", "ls_init_value": None, "conv_mlp": True}
        self.backbone = timm.create_model(
            config.encoder,
            pretrained=False,
            features_only=True,
            in_chans=2,
            **(folding if config.folding_norms else {}),
        )
        self.widths: list[int] = self.backbone.feature_info.channels()
        self.input_stride = config.input_stride

    def forward(self, luma: Tensor, infrared: Tensor) -> list[Tensor]:
        """Encode luma and infrared, both (B, 1, H, W) in [0, 1], into four levels, finest first."""
        if self.input_stride > 1:  # one by one: engines are slow to pool two channels
            luma, infrared = (nn.functional.avg_pool2d(image, self.input_stride) for image in (luma, infrared))
        # Centred inputs: the backbone has no input normalisation of its own.
        image = torch.cat((luma, infrared), dim=1) * 2.0 - 1.0
        levels: list[Tensor] = self.backbone(image)
        return levels
