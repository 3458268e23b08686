"""Parameters and multiply-accumulates of a model, in all and by part: our row of the paper's Table V.

One count everywhere: all that the fused image and the mask of one pair take, the guidance head included. The paper's
149.99 G agree with the count without that head.
"""

from dataclasses import dataclass

import torch
from torch.utils.flop_counter import FlopCounterMode

from epofusion_core.model.epofusion import EPOFusion


@dataclass(frozen=True)
class PartComplexity:
    """Cost of one part for one image.

    Attributes:
        name: part of the network.
        parameters: learned parameters.
        macs: multiply-accumulates of one call.
        calls: how often the part runs for an image.
    """

    name: str
    parameters: int
    macs: int
    calls: int


@dataclass(frozen=True)
class Complexity:
    """Cost of a model for one image.

    Attributes:
        height: of the image, pixels.
        width: of the image, pixels.
        steps: DDIM steps K.
        parts: in the order in which they run.
    """

    height: int
    width: int
    steps: int
    parts: tuple[PartComplexity, ...]

    @property
    def parameters(self) -> int:
        """All learned parameters, the guidance head included, as the paper counts them."""
        return sum(part.parameters for part in self.parts)

    @property
    def macs(self) -> int:
        """Multiply-accumulates of all that a fused image and its mask take, the guidance head included."""
        return sum(part.macs * part.calls for part in self.parts)


@torch.inference_mode()
def measure_complexity(model: EPOFusion, height: int = 480, width: int = 640, steps: int | None = None) -> Complexity:
    """Count a model's parameters and its operations on one image of the given size (convolutions and products).

    `steps` is K, the model's own by default.
    """
    config = model.config
    image = torch.zeros(1, 1, height, width)
    steps = (steps or config.steps) if config.diffusion else 1
    calls = {"refinement": steps, "mscf context and tail": steps, "embedding": steps - 1}
    model.eval()
    counter = FlopCounterMode(display=False, depth=4)
    with counter:
        model(image, image, steps=steps)
    counts = counter.get_flop_counts()

    def macs(module: str) -> int:
        return sum(counts.get(f"EPOFusion.{module}", {}).values()) // 2

    totals = {
        "encoder": macs("encoder"),
        "neck": macs("neck"),
        "guidance": macs("guidance"),
        "mscf fidelity": macs("mscf.fidelity"),
        "refinement": macs("refinement"),
        # The high-fidelity branch is called by itself, not within the forward pass of MSCF.
        "mscf context and tail": macs("mscf"),
        "embedding": macs("embedding"),
    }
    parameters = {name: sum(p.numel() for p in part.parameters()) for name, part in model.named_children()}
    in_fidelity = sum(p.numel() for p in model.mscf.fidelity.parameters()) if model.mscf.fidelity else 0
    parameters["mscf fidelity"] = in_fidelity
    parameters["mscf context and tail"] = parameters["mscf"] - in_fidelity
    parts = tuple(
        PartComplexity(name, parameters.get(name, 0), total // max(1, calls.get(name, 1)), calls.get(name, 1))
        for name, total in totals.items()
    )
    return Complexity(height, width, steps, parts)
