"""Folds batch normalisation into the convolution before it: the same function with fewer layers, for inference."""

from itertools import pairwise
from typing import TypeVar

from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

Model = TypeVar("Model", bound=nn.Module)


def fold_norms(model: Model) -> Model:
    """Fold in place, wherever a BatchNorm follows a convolution; the model must be in evaluation mode."""
    for module in list(model.modules()):
        for convolution, norm in _followed_by_norm(module):
            folded = fuse_conv_bn_eval(getattr(module, convolution), getattr(module, norm))
            setattr(module, convolution, folded)
            setattr(module, norm, nn.Identity())
    return model


def _followed_by_norm(module: nn.Module) -> list[tuple[str, str]]:
    """Name the children of a module that are a convolution and the BatchNorm of its output."""
    children = dict(module.named_children())
    # A timm ConvNeXt block applies `norm` to the result of `conv_dw`; all else here is a Sequential.
    neighbours = list(pairwise(children)) if isinstance(module, nn.Sequential) else [("conv_dw", "norm")]
    return [
        (first, second)
        for first, second in neighbours
        if isinstance(children.get(first), nn.Conv2d) and isinstance(children.get(second), nn.BatchNorm2d)
    ]
