"""Sizes of the model: one frozen configuration and the one registry of named sizes.

The paper states only totals (Table V), and `epofusion_t` meets both; docs/paper.md says what of it is inferred.
`epofusion_s` and `epofusion_xs` are ours, for the computers that vehicles have.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from types import MappingProxyType
from typing import Any, Final, Literal

MASK_THRESHOLD: Final = 0.5
"""Probability of mask M from which a pixel belongs to an object."""

ENCODERS: Final = tuple(
    f"convnext_{size}" for size in ("atto", "femto", "pico", "nano", "tiny", "small", "base", "large", "xlarge")
)
"""Networks that timm builds by itself. Weights files name one; timm would ask a server for names such as hf-hub:."""

_KEYS_ON_DISK: Final = MappingProxyType(
    {
        "selection_gain": "sharpness",
        "selection_radius_px": "choice_reach_px",
    }
)
"""Fields whose key in weights files and in `overrides` of a training run is another one than their name."""

_RETIRED: Final = MappingProxyType({"relief_gain": 1.0, "relief_reach_px": 0})
"""Keys of earlier weights files and the values at which they changed nothing."""


@dataclass(frozen=True)
class ModelConfig:
    """The network's shape and its sampler; kept in the metadata of weights files.

    Attributes:
        encoder: name of a timm ConvNeXt, one of `ENCODERS`.
        folding_norms: use BatchNorm and ReLU throughout, which inference engines fold into convolutions, instead of
            the encoder's LayerNorm and GELU.
        input_stride: the encoder sees luma and infrared averaged over this many pixels, 1 or 2.
        neck: "concat" (all levels upsampled, concatenated) or "sum" (top-down sum).
        width: channels of the fusion feature F.
        embedding: down-embedding D of Eq. 3: "convolution" (learned) or "space_to_depth" (fixed, orthonormal).
        refinement: layer of the refinement network N: "deformable" attention or "linear" attention.
        refinement_layers: how many of them.
        refinement_pool: the layers work on features averaged over this many latent pixels.
        time_width: channels of the time embedding.
        guidance_width: channels inside the guidance head.
        guidance_dilations: of its two 3x3 convolutions.
        fidelity_stride: the high-fidelity branch and the tail work on pixels unshuffled by this factor, 1 or 2.
        fidelity_widths: channels of the two convolutions of the high-fidelity branch (Eq. 6).
        context_width: channels of the contextual fusion branch (Eq. 5).
        tail_widths: channels of the refinement block of Eq. 7.
        output: "sigmoid" (Eq. 7), or "sources": w Y + (1 - w) R, and 0.25 tanh(d) more inside the glare, clamped to
            [0, 1]. The three fields that follow are of output "sources".
        selection_gain: factor of w's logit where the visible image is well exposed. One source keeps its contrast
            there; a mix would halve that of both.
        selection_radius_px: that logit is averaged over the pixels within this radius, so that a source is chosen for a
            region; 0 chooses for each pixel.
        glare_relief: draw what the infrared shows inside the glare by `glare_relief.py`, in training as well.
        steps: DDIM steps K of Eq. 4.
        reencode: each step decodes and re-embeds the image (Eq. 4); False is "latent-only": a 1x1 head predicts Z_0
            and the last step alone decodes.
        guidance: ablation "w/o GM" when False.
        diffusion: ablation "w/o DDM" when False.
        mscf: ablation "w/o MSCF" when False.
    """

    encoder: str
    folding_norms: bool
    input_stride: int
    neck: Literal["concat", "sum"]
    width: int
    embedding: Literal["convolution", "space_to_depth"]
    refinement: Literal["deformable", "linear"]
    refinement_layers: int
    refinement_pool: int
    time_width: int
    guidance_width: int
    fidelity_stride: int
    fidelity_widths: tuple[int, int]
    context_width: int
    tail_widths: tuple[int, ...]
    output: Literal["sigmoid", "sources"]
    selection_gain: float = 1.0
    selection_radius_px: int = 0
    glare_relief: bool = False
    guidance_dilations: tuple[int, int] = (1, 1)
    steps: int = 3
    reencode: bool = True
    guidance: bool = True
    diffusion: bool = True
    mscf: bool = True

    def __post_init__(self) -> None:
        if self.encoder not in ENCODERS:
            raise ValueError(f"encoder {str(self.encoder)[:60]!r} is unknown; expected one of {', '.join(ENCODERS)}")
        if self.steps < 1:
            raise ValueError(f"steps is {self.steps}; expected at least 1")

    @property
    def latent_stride(self) -> int:
        """Pixels per latent pixel: the encoder's stem has stride 4."""
        return 4 * self.input_stride

    @property
    def input_multiple(self) -> int:
        """Height and width are padded to a multiple of this: the encoder's coarsest level has stride 32."""
        return 32 * self.input_stride

    @property
    def latent_channels(self) -> int:
        """Channels of the latent Z of Eq. 3."""
        return self.width if self.embedding == "convolution" else self.latent_stride**2

    def padded(self, height: int, width: int) -> tuple[int, int]:
        """Return the size in pixels, height and width, that images are padded to."""
        rows, columns = (-(-size // self.input_multiple) * self.input_multiple for size in (height, width))
        return rows, columns

    def latent_shape(self, height: int, width: int, batch: int = 1) -> tuple[int, int, int, int]:
        """Return the shape (B, C, h, w) of Z for images of height x width pixels."""
        rows, columns = self.padded(height, width)
        return batch, self.latent_channels, rows // self.latent_stride, columns // self.latent_stride

    def to_dict(self) -> dict[str, Any]:
        """Return plain values, fit for JSON, by their keys on disk."""
        return {_KEYS_ON_DISK.get(name, name): value for name, value in asdict(self).items()}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "ModelConfig":
        """Rebuild from `to_dict`.

        Raises:
            ValueError: a key is missing, unknown or no longer supported; the sentence names it.
        """
        for key, neutral in _RETIRED.items():
            if values.get(key, neutral) != neutral:
                raise ValueError(f"model configuration has {key} {values[key]}, which was removed; train it anew")
        values = {key: value for key, value in values.items() if key not in _RETIRED}
        names = {_KEYS_ON_DISK.get(field.name, field.name): field.name for field in fields(cls)}
        known = set(names)
        if unknown := set(values) - known:
            raise ValueError(f"model configuration has unknown fields {sorted(unknown)}; expected {sorted(known)}")
        plain: dict[str, Any] = {names[key]: tuple(v) if isinstance(v, list) else v for key, v in values.items()}
        try:
            return cls(**plain)
        except TypeError as error:
            raise ValueError(f"model configuration is incomplete: {error}") from error


_S = ModelConfig(
    encoder="convnext_atto",
    folding_norms=True,
    input_stride=1,
    neck="sum",
    width=64,
    embedding="space_to_depth",
    refinement="linear",
    refinement_layers=2,
    refinement_pool=2,
    time_width=64,
    guidance_width=32,
    guidance_dilations=(2, 4),
    fidelity_stride=2,
    fidelity_widths=(24, 24),
    context_width=24,
    tail_widths=(32, 24),
    output="sources",
    selection_gain=1.5,
    selection_radius_px=12,
    glare_relief=True,
    steps=1,  # more cost as much again each, and show nothing more (docs/performance.md)
)

MODELS: Mapping[str, ModelConfig] = MappingProxyType(
    {
        "epofusion_t": ModelConfig(
            encoder="convnext_tiny",
            folding_norms=False,
            input_stride=1,
            neck="concat",
            width=256,
            embedding="convolution",
            refinement="deformable",
            refinement_layers=1,
            refinement_pool=1,
            time_width=1024,
            guidance_width=128,
            fidelity_stride=1,
            fidelity_widths=(16, 32),
            context_width=32,
            tail_widths=(48, 36, 16),
            output="sigmoid",
        ),
        "epofusion_s": _S,
        "epofusion_xs": replace(
            _S,
            input_stride=2,
            width=48,
            refinement_layers=1,
            refinement_pool=1,
            guidance_width=64,
            guidance_dilations=(1, 2),
            fidelity_widths=(16, 16),
            context_width=16,
            tail_widths=(16, 16),
        ),
    }
)
"""The named sizes: the paper's, small, and extra small (real time on two CPU cores)."""


def named_config(name: str) -> ModelConfig:
    """Return a named size.

    Raises:
        ValueError: the name is unknown; the sentence lists the known ones.
    """
    if name not in MODELS:
        raise ValueError(f"model {name!r} is unknown; expected one of {', '.join(MODELS)}")
    return MODELS[name]
