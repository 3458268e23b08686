"""The network by PyTorch: on the CPU, or in half precision and with CUDA graphs on a GPU."""

import numpy as np
import torch
from numpy.typing import NDArray

from epofusion_core.engines.engine import EngineError, EngineOptions, GreyInput
from epofusion_core.engines.folding import fold_norms
from epofusion_core.engines.frame import Frame
from epofusion_core.model.epofusion import EPOFusion

_DTYPES = {"f32": torch.float32, "f16": torch.float16, "bf16": torch.bfloat16}


def devices() -> dict[str, str]:
    """Return the devices that PyTorch finds, as option `device` takes them, each with its name."""
    found = {"cpu": torch.backends.cpu.get_cpu_capability()}
    for index in range(torch.cuda.device_count()):
        found[f"cuda:{index}"] = torch.cuda.get_device_name(index)
    return found


class TorchEngine:
    """`Engine` by PyTorch, channels last, normalisation folded into the convolutions."""

    name = "torch"

    def __init__(self, model: EPOFusion, options: EngineOptions) -> None:
        """Move a model, which is changed, to its device.

        Raises:
            EngineError: the device is not there, or the precision is int8.
        """
        self.precision = "f32" if options.precision == "auto" else options.precision
        if self.precision not in _DTYPES:
            raise EngineError(f"precision {self.precision} is not for engine torch; expected {', '.join(_DTYPES)}")
        self._device, self._dtype = _device(options.device), _DTYPES[self.precision]
        self.device = str(self._device)
        if options.threads:
            torch.set_num_threads(options.threads)
        self._config, self._steps = model.config, options.steps or model.config.steps
        model = fold_norms(model.eval()).to(self._device, self._dtype)
        self._model = model.to(memory_format=torch.channels_last)
        self._fuse = (
            torch.compile(self._model.fuse_padded, mode="reduce-overhead")
            if options.compiled
            else self._model.fuse_padded
        )
        self._frame: Frame | None = None

    def prepare(self, height: int, width: int) -> None:
        """See `Engine.prepare`."""
        if self._frame is None or not self._frame.fits(height, width):
            frame = Frame(self._config, height, width)
            self._noise = self._tensor(frame.noise)
            self._frame = frame  # last: after a failed allocation the next frame prepares anew

    def run(self, luma: GreyInput, infrared: GreyInput) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """See `Engine.run`."""
        try:
            self.prepare(*luma.shape)
            assert self._frame is not None
            self._frame.fill(luma, infrared)
            with torch.inference_mode():
                images = self._tensor(self._frame.luma), self._tensor(self._frame.infrared)
                fused, probability = self._fuse(*images, self._noise, self._steps)
        except torch.OutOfMemoryError as error:
            torch.cuda.empty_cache()  # so that a later frame finds memory
            height, width = luma.shape
            raise EngineError(f"{self.device} has too little memory for a frame of {width}x{height} pixels") from error
        return self._frame.crop(fused.float().cpu().numpy(), probability.float().cpu().numpy())

    def _tensor(self, array: NDArray[np.floating]) -> torch.Tensor:
        return torch.from_numpy(array).to(self._device, self._dtype)


def _device(name: str) -> torch.device:
    try:
        device = torch.device(name)
    except RuntimeError as error:
        raise EngineError(f"device {name!r} is not one of engine torch; expected cpu, cuda or cuda:N") from error
    if device.type not in ("cpu", "cuda"):
        raise EngineError(f"device {name!r} is not one of engine torch; expected cpu, cuda or cuda:N")
    if device.type == "cuda" and not torch.cuda.is_available():
        raise EngineError(f"device {name!r} is not there: PyTorch sees no CUDA device; expected cpu")
    return device
