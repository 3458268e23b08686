"""Parameters of the node: one declaration each, with name, default, range, unit and description.

The node works with the frozen `NodeParameters` alone; it never asks ROS for a single value. The table in
docs/parameters.md and config/epofusion.yaml are generated from these declarations (`scripts/generate_docs`).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields

from epofusion_core.engines.engine import ENGINES, PRECISIONS
from epofusion_ros.parameters.declaration import Declaration, Value, declaration, parameter

_TRANSPORTS = ("raw", "compressed")
_RELIABILITIES = ("auto", "best_effort", "reliable")


@dataclass(frozen=True)
class NodeParameters:
    """All parameters of the node, validated. Units are those of the declarations."""

    model: str = parameter(
        "epofusion_xs", Declaration("model", "Name of a size whose weights ship, or path of a weights file.")
    )
    engine: str = parameter(
        "auto",
        Declaration(
            "engine", "What runs the network; auto takes the fastest that is installed and fits.", choices=ENGINES
        ),
    )
    device: str = parameter(
        "cpu",
        Declaration(
            "device",
            "Where the network runs: cpu; torch: cuda or cuda:N; onnxruntime: cuda, tensorrt or openvino; "
            "openvino: gpu or npu.",
        ),
    )
    precision: str = parameter(
        "auto",
        Declaration(
            "precision",
            "Of the arithmetic; auto takes int8 where the model has such a graph, else f32.",
            choices=PRECISIONS,
        ),
    )
    threads: int = parameter(
        0, Declaration("threads", "Processor threads of the network; 0 takes all.", lowest=0, highest=1024)
    )
    steps: int = parameter(0, Declaration("steps", "Sampling steps K; 0 takes the model's own.", lowest=0, highest=50))
    warmup_height: int = parameter(
        480, Declaration("warmup.height", "Image height of the warm-up run.", "px", lowest=1, highest=8192)
    )
    warmup_width: int = parameter(
        640, Declaration("warmup.width", "Image width of the warm-up run.", "px", lowest=1, highest=8192)
    )
    sync_policy: str = parameter(
        "nearest",
        Declaration(
            "sync.policy",
            "How RGB and thermal frames are paired: nearest (ours) or approximate (message_filters).",
            choices=("nearest", "approximate"),
        ),
    )
    sync_slop: float = parameter(
        0.02,
        Declaration(
            "sync.slop",
            "Largest difference of stamps within a pair, inclusive.",
            "s",
            lowest=0.0,
            highest=10.0,
            live=True,
        ),
    )
    sync_queue_size: int = parameter(
        10,
        Declaration("sync.queue_size", "Frames an input holds while they wait for a partner.", lowest=1, highest=1000),
    )
    sync_reuse_thermal: bool = parameter(
        False,
        Declaration(
            "sync.reuse_thermal",
            "An RGB frame without a partner takes an earlier thermal frame, one used already too: for thermal cameras "
            "of 9 Hz. Policy nearest only.",
            live=True,
        ),
    )
    sync_max_thermal_age: float = parameter(
        0.15,
        Declaration(
            "sync.max_thermal_age",
            "With sync.reuse_thermal: by how much an earlier thermal frame may be older than the RGB frame.",
            "s",
            lowest=0.001,
            highest=10.0,
            live=True,
        ),
    )
    sync_thermal_offset: float = parameter(
        0.0,
        Declaration(
            "sync.thermal_offset",
            "Added to thermal stamps before pairing; thermal clocks lag.",
            "s",
            lowest=-10.0,
            highest=10.0,
            live=True,
        ),
    )
    sync_reset_threshold: float = parameter(
        1.0,
        Declaration(
            "sync.reset_threshold",
            "A stamp that goes back by more than this means that a bag loops: queues are emptied.",
            "s",
            lowest=0.0,
            highest=3600.0,
            live=True,
        ),
    )
    max_input_age: float = parameter(
        0.0,
        Declaration(
            "max_input_age",
            "A pair whose RGB stamp is older than this when its turn comes is dropped; 0 drops none.",
            "s",
            lowest=0.0,
            highest=3600.0,
            live=True,
        ),
    )
    on_missing_thermal: str = parameter(
        "drop",
        Declaration(
            "on_missing_thermal",
            "What becomes of RGB frames while no thermal frame comes: drop, or passthrough as the fused image.",
            choices=("drop", "passthrough"),
            live=True,
        ),
    )
    on_missing_rgb: str = parameter(
        "drop",
        Declaration(
            "on_missing_rgb",
            "What becomes of thermal frames while no RGB frame comes: drop, or passthrough, scaled, as the fused one.",
            choices=("drop", "passthrough"),
            live=True,
        ),
    )
    missing_after: float = parameter(
        0.5,
        Declaration(
            "missing_after",
            "An input is missing when no frame has come for so long.",
            "s",
            lowest=0.01,
            highest=60.0,
            live=True,
        ),
    )
    thermal_scale_mode: str = parameter(
        "percentile",
        Declaration(
            "thermal.scale_mode",
            "How 16-bit and float thermal images become 8-bit; 8-bit ones are taken as they are.",
            choices=("percentile", "minmax", "fixed"),
            live=True,
        ),
    )
    thermal_percentiles: Sequence[float] = parameter(
        (1.0, 99.0),
        Declaration(
            "thermal.percentiles",
            "Percentiles mapped to black and white, two values.",
            "%",
            lowest=0.0,
            highest=100.0,
            live=True,
        ),
    )
    thermal_min: float = parameter(
        0.0,
        Declaration(
            "thermal.min",
            "Value mapped to black in scale mode fixed.",
            "thermal.unit",
            lowest=-1e9,
            highest=1e9,
            live=True,
        ),
    )
    thermal_max: float = parameter(
        65535.0,
        Declaration(
            "thermal.max",
            "Value mapped to white in scale mode fixed.",
            "thermal.unit",
            lowest=-1e9,
            highest=1e9,
            live=True,
        ),
    )
    thermal_unit: str = parameter(
        "counts",
        Declaration(
            "thermal.unit",
            "Unit of thermal.min and thermal.max: sensor counts, or kelvin or celsius for radiometric cameras; "
            "32FC1 images are taken to be in this unit.",
            choices=("counts", "kelvin", "celsius"),
            live=True,
        ),
    )
    thermal_kelvin_per_count: float = parameter(
        0.01,
        Declaration(
            "thermal.kelvin_per_count",
            "What a count of a radiometric 16-bit camera stands for.",
            "K",
            lowest=1e-6,
            highest=10.0,
            live=True,
        ),
    )
    thermal_smoothing: float = parameter(
        0.9,
        Declaration(
            "thermal.smoothing",
            "Share of the last frame's scaling that is kept; grey values move by at most 2 levels a frame in any case.",
            lowest=0.0,
            highest=0.999,
            live=True,
        ),
    )
    thermal_polarity: str = parameter(
        "white_hot",
        Declaration(
            "thermal.polarity",
            "What is bright in the thermal image.",
            choices=("white_hot", "black_hot"),
            live=True,
        ),
    )
    thermal_clahe: float = parameter(
        0.0,
        Declaration(
            "thermal.clahe",
            "Clip limit of an adaptive histogram equalisation (CLAHE) of the scaled image; 0 leaves it out.",
            lowest=0.0,
            highest=100.0,
            live=True,
        ),
    )
    registration_mode: str = parameter(
        "none",
        Declaration(
            "registration.mode",
            "none: both images must have one size; resize: the thermal image is brought to the RGB size; homography or "
            "extrinsics: it is warped as registration.file says.",
            choices=("none", "resize", "homography", "extrinsics"),
        ),
    )
    registration_file: str = parameter(
        "", Declaration("registration.file", "Calibration file of modes homography and extrinsics (YAML).")
    )
    registration_plane_distance: float = parameter(
        20.0,
        Declaration(
            "registration.plane_distance",
            "Mode extrinsics: distance from the RGB camera at which the images coincide.",
            "m",
            lowest=0.1,
            highest=1e6,
        ),
    )
    rgb_transport: str = parameter(
        "raw",
        Declaration(
            "rgb.transport",
            "raw, or compressed: JPEG or PNG from the RGB topic with /compressed behind its name.",
            choices=_TRANSPORTS,
        ),
    )
    thermal_transport: str = parameter(
        "raw",
        Declaration(
            "thermal.transport",
            "raw, or compressed: from the thermal topic with /compressed behind its name; 16-bit PNG keeps its values.",
            choices=_TRANSPORTS,
        ),
    )
    output_jpeg_quality: int = parameter(
        90,
        Declaration(
            "output.jpeg_quality", "Of ~/fused/image/compressed, encoded where somebody listens.", lowest=1, highest=100
        ),
    )
    qos_rgb_reliability: str = parameter(
        "auto",
        Declaration(
            "qos.rgb.reliability",
            "Reliability asked of the RGB publisher; auto follows what it offers.",
            choices=_RELIABILITIES,
        ),
    )
    qos_thermal_reliability: str = parameter(
        "auto",
        Declaration(
            "qos.thermal.reliability",
            "Reliability asked of the thermal publisher; auto follows what it offers.",
            choices=_RELIABILITIES,
        ),
    )
    qos_depth: int = parameter(
        5, Declaration("qos.depth", "Messages that each subscription may hold.", lowest=1, highest=1000)
    )

    def __post_init__(self) -> None:
        for each in fields(self):
            if problem := declaration(each).check(getattr(self, each.name)):
                raise ValueError(problem)
        if len(self.thermal_percentiles) != 2 or not self.thermal_percentiles[0] < self.thermal_percentiles[1]:
            raise ValueError(
                f"parameter thermal.percentiles is {list(self.thermal_percentiles)}; expected two values, low then high"
            )
        if not self.thermal_min < self.thermal_max:
            raise ValueError(
                f"parameter thermal.min is {self.thermal_min}; expected less than thermal.max, {self.thermal_max}"
            )
        if self.sync_policy == "approximate" and (self.sync_thermal_offset or self.sync_reuse_thermal):
            raise ValueError(
                "parameter sync.policy is 'approximate', which knows no sync.thermal_offset and no sync.reuse_thermal; "
                "expected nearest, or neither of them"
            )


def from_values(values: Mapping[str, Value]) -> NodeParameters:
    """Build from values by ROS name.

    Raises:
        ValueError: a value is outside its range; the sentence names the parameter and the range.
    """
    names = {declaration(each).name: each.name for each in fields(NodeParameters)}
    return NodeParameters(**{names[name]: value for name, value in values.items()})  # type: ignore[arg-type]
