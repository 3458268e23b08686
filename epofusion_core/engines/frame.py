"""Buffers of one image size: images are scaled and padded into them by one copy, results cropped out of them."""

import numpy as np
from numpy.typing import NDArray

from epofusion_core.engines.engine import GreyInput
from epofusion_core.engines.guided_upsampling import guided_upsample
from epofusion_core.model.config import ModelConfig
from epofusion_core.model.noise import fixed_noise


class Frame:
    """Inputs of the network for images of one size.

    Attributes:
        height, width: of the images, pixels.
        luma, infrared: (1, 1, H', W') in [0, 1], padded to the network's multiple by repeating the last row and column.
        noise: Z_T, always the same.
    """

    def __init__(self, config: ModelConfig, height: int, width: int, dtype: type[np.floating] = np.float32) -> None:
        """Allocate; `dtype` is that of the network's inputs."""
        self.height, self.width = height, width
        shape = (1, 1, *config.padded(height, width))
        self.luma, self.infrared = np.zeros(shape, dtype), np.zeros(shape, dtype)
        self.noise: NDArray[np.floating] = fixed_noise(config.latent_shape(height, width)).astype(dtype)

    def fits(self, height: int, width: int) -> bool:
        """Tell whether images of this size belong here."""
        return (height, width) == (self.height, self.width)

    def fill(self, luma: GreyInput, infrared: GreyInput) -> None:
        """Put a pair in: (H, W), uint8 or float32 in [0, 1]."""
        for image, buffer in ((luma, self.luma[0, 0]), (infrared, self.infrared[0, 0])):
            scale = np.float32(1 / 255 if image.dtype == np.uint8 else 1)
            np.multiply(image, scale, out=buffer[: self.height, : self.width], casting="unsafe")
            buffer[self.height :, : self.width] = buffer[self.height - 1, : self.width]
            buffer[:, self.width :] = buffer[:, self.width - 1, None]

    def crop(
        self, fused: NDArray[np.floating], probability: NDArray[np.floating]
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Take a result out.

        Args:
            fused: I_f, (1, 1, H', W').
            probability: of mask M at each latent pixel, (1, 1, h, w).

        Returns:
            I_f and M's probability at full size, copies of (H, W) float32 in [0, 1].
        """
        full = guided_upsample(probability[0, 0].astype(np.float32), self.infrared[0, 0].astype(np.float32, copy=False))
        # Low precisions leave [0, 1] by their rounding.
        luma = np.clip(fused[0, 0, : self.height, : self.width], 0, 1, dtype=np.float32)
        return luma, np.clip(full[: self.height, : self.width], 0, 1)
