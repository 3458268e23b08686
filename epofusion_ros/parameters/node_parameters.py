"""Parameters of the node: one declaration each, with default, range, unit and description, in frozen groups.

The ROS name of a parameter is its path: `parameters.sync.slop` is `sync.slop`. The node works with the frozen
`NodeParameters` alone; it never asks ROS for a single value. The table in docs/parameters.md and config/epofusion.yaml
are generated from these declarations (`scripts/generate_docs`).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from operator import attrgetter

from epofusion_core.engines.engine import ENGINES, PRECISIONS
from epofusion_ros.parameters.declaration import Value, build, declarations, parameter

_TRANSPORTS = ("raw", "compressed")
_RELIABILITIES = ("auto", "best_effort", "reliable")
_MISSING = ("drop", "passthrough")


@dataclass(frozen=True)
class Warmup:
    """The run that prepares the engine before the first pair."""

    height: int = parameter(480, "Image height of the warm-up run.", "px", lowest=1, highest=8192)
    width: int = parameter(640, "Image width of the warm-up run.", "px", lowest=1, highest=8192)


@dataclass(frozen=True)
class Sync:
    """How RGB and thermal frames are paired."""

    policy: str = parameter(
        "nearest",
        "How RGB and thermal frames are paired: nearest (ours) or approximate (message_filters).",
        choices=("nearest", "approximate"),
    )
    slop: float = parameter(
        0.02, "Largest difference of stamps within a pair, inclusive.", "s", lowest=0.0, highest=10.0, live=True
    )
    stamps: str = parameter(
        "header",
        "What a frame's time is: header, the stamp of its driver; or arrival, the node's clock when it arrives, for "
        "drivers that do not stamp or by foreign clocks. Policy nearest only.",
        choices=("header", "arrival"),
    )
    queue_size: int = parameter(10, "Frames an input holds while they wait for a partner.", lowest=1, highest=1000)
    queue_memory: int = parameter(
        256, "Memory of these frames, of each input; beyond it the oldest go first.", "MB", lowest=1, highest=100_000
    )
    reuse_thermal: bool = parameter(
        False,
        "An RGB frame without a partner takes an earlier thermal frame, one used already too: for thermal cameras "
        "of 9 Hz. Policy nearest only.",
        live=True,
    )
    max_thermal_age: float = parameter(
        0.15,
        "With sync.reuse_thermal: by how much an earlier thermal frame may be older than the RGB frame.",
        "s",
        lowest=0.001,
        highest=10.0,
        live=True,
    )
    thermal_offset: float = parameter(
        0.0, "Added to thermal stamps before pairing; thermal clocks lag.", "s", lowest=-1e10, highest=1e10, live=True
    )
    reset_threshold: float = parameter(
        1.0,
        "A stamp that goes back by more than this means that a bag loops: queues are emptied.",
        "s",
        lowest=0.0,
        highest=3600.0,
        live=True,
    )


@dataclass(frozen=True)
class Thermal:
    """The thermal input, and how its images become 8-bit."""

    scale_mode: str = parameter(
        "percentile",
        "How 16-bit and float thermal images become 8-bit; 8-bit ones are taken as they are.",
        choices=("percentile", "minmax", "fixed"),
        live=True,
    )
    percentiles: tuple[float, ...] = parameter(
        (1.0, 99.0), "Percentiles mapped to black and white, two values.", "%", lowest=0.0, highest=100.0, live=True
    )
    min: float = parameter(
        0.0, "Value mapped to black in scale mode fixed.", "thermal.unit", lowest=-1e9, highest=1e9, live=True
    )
    max: float = parameter(
        65535.0, "Value mapped to white in scale mode fixed.", "thermal.unit", lowest=-1e9, highest=1e9, live=True
    )
    unit: str = parameter(
        "counts",
        "Unit of thermal.min and thermal.max: sensor counts, or kelvin or celsius for radiometric cameras; "
        "32FC1 images are taken to be in this unit.",
        choices=("counts", "kelvin", "celsius"),
        live=True,
    )
    kelvin_per_count: float = parameter(
        0.01, "What a count of a radiometric 16-bit camera stands for.", "K", lowest=1e-6, highest=10.0, live=True
    )
    smoothing: float = parameter(
        0.9,
        "Share of the last frame's scaling that is kept; grey values move by at most 2 levels a frame in any case.",
        lowest=0.0,
        highest=0.999,
        live=True,
    )
    polarity: str = parameter(
        "white_hot", "What is bright in the thermal image.", choices=("white_hot", "black_hot"), live=True
    )
    clahe: float = parameter(
        0.0,
        "Clip limit of an adaptive histogram equalisation (CLAHE) of the scaled image; 0 leaves it out.",
        lowest=0.0,
        highest=100.0,
        live=True,
    )
    transport: str = parameter(
        "raw",
        "raw, or from the thermal topic with /compressed or /compressedDepth behind its name; 16-bit PNG and TIFF keep "
        "their values.",
        choices=(*_TRANSPORTS, "compressedDepth"),
    )


@dataclass(frozen=True)
class Registration:
    """How the thermal image is brought onto the pixels of the RGB image."""

    mode: str = parameter(
        "none",
        "none: both images must have one size; resize: the thermal image is brought to the RGB size; homography or "
        "extrinsics: it is warped as registration.file says.",
        choices=("none", "resize", "homography", "extrinsics"),
    )
    file: str = parameter("", "Calibration file of modes homography and extrinsics (YAML).")
    plane_distance: float = parameter(
        20.0,
        "Mode extrinsics: distance from the RGB camera at which the images coincide.",
        "m",
        lowest=0.1,
        highest=1e6,
    )


@dataclass(frozen=True)
class Rgb:
    """The RGB input."""

    transport: str = parameter(
        "raw",
        "raw, or compressed: JPEG, PNG or TIFF from the RGB topic with /compressed behind its name.",
        choices=_TRANSPORTS,
    )


@dataclass(frozen=True)
class Output:
    """What is published."""

    jpeg_quality: int = parameter(
        90, "Of ~/fused/image/compressed, encoded where somebody listens.", lowest=1, highest=100
    )


@dataclass(frozen=True)
class RgbQos:
    """Quality of service of the RGB input."""

    reliability: str = parameter(
        "auto", "Reliability asked of the RGB publisher; auto follows what it offers.", choices=_RELIABILITIES
    )


@dataclass(frozen=True)
class ThermalQos:
    """Quality of service of the thermal input."""

    reliability: str = parameter(
        "auto", "Reliability asked of the thermal publisher; auto follows what it offers.", choices=_RELIABILITIES
    )


@dataclass(frozen=True)
class Qos:
    """Quality of service of the inputs."""

    rgb: RgbQos = field(default_factory=RgbQos)
    thermal: ThermalQos = field(default_factory=ThermalQos)
    depth: int = parameter(5, "Messages that each subscription may hold.", lowest=1, highest=1000)


@dataclass(frozen=True)
class NodeParameters:
    """All parameters of the node, validated. Units are those of the declarations.

    Raises:
        ValueError: a value is outside its range; the sentence names the parameter and the range.
    """

    model: str = parameter("epofusion_xs", "Name of a size whose weights ship, or path of a weights file.")
    engine: str = parameter(
        "auto", "What runs the network; auto takes the fastest that is installed and fits.", choices=ENGINES
    )
    device: str = parameter(
        "cpu",
        "Where the network runs: cpu; torch: cuda or cuda:N; onnxruntime: cuda, tensorrt or openvino; "
        "openvino: gpu or npu.",
    )
    precision: str = parameter(
        "auto", "Of the arithmetic; auto takes int8 where the model has such a graph, else f32.", choices=PRECISIONS
    )
    threads: int = parameter(0, "Processor threads of the network; 0 takes all.", lowest=0, highest=1024)
    steps: int = parameter(0, "Sampling steps K; 0 takes the model's own.", lowest=0, highest=50)
    untrained_steps: bool = parameter(
        False, "Allow steps that the model was not trained for; they give worse pictures."
    )
    warmup: Warmup = field(default_factory=Warmup)
    sync: Sync = field(default_factory=Sync)
    max_input_age: float = parameter(
        0.0,
        "A pair whose RGB stamp is older than this when its turn comes is dropped; 0 drops none.",
        "s",
        lowest=0.0,
        highest=3600.0,
        live=True,
    )
    on_missing_thermal: str = parameter(
        "drop",
        "What becomes of RGB frames while no thermal frame comes: drop, or passthrough as the fused image.",
        choices=_MISSING,
        live=True,
    )
    on_missing_rgb: str = parameter(
        "drop",
        "What becomes of thermal frames while no RGB frame comes: drop, or passthrough, scaled, as the fused one.",
        choices=_MISSING,
        live=True,
    )
    missing_after: float = parameter(
        0.5, "An input is missing when no frame has come for so long.", "s", lowest=0.01, highest=60.0, live=True
    )
    thermal: Thermal = field(default_factory=Thermal)
    registration: Registration = field(default_factory=Registration)
    rgb: Rgb = field(default_factory=Rgb)
    output: Output = field(default_factory=Output)
    qos: Qos = field(default_factory=Qos)
    autostart: bool = parameter(
        False,
        "Configure and activate without being asked; the process ends with exit code 1 where that fails.",
        at_start=True,
    )
    executor: str = parameter(
        "single",
        "What runs the callbacks: one thread, several, or rclpy's experimental events executor, where the release "
        "has it; docs/performance.md compares them.",
        choices=("single", "multi", "events"),
        at_start=True,
    )

    def __post_init__(self) -> None:
        for name, declared in DECLARATIONS.items():
            if problem := declared.check(name, attrgetter(name)(self)):
                raise ValueError(problem)
        sync, thermal = self.sync, self.thermal
        if len(thermal.percentiles) != 2 or not thermal.percentiles[0] < thermal.percentiles[1]:
            raise ValueError(
                f"parameter thermal.percentiles is {list(thermal.percentiles)}; expected two values, low then high"
            )
        if not thermal.min < thermal.max:
            raise ValueError(f"parameter thermal.min is {thermal.min}; expected less than thermal.max, {thermal.max}")
        known_by_nearest = {
            "sync.thermal_offset": sync.thermal_offset != 0,
            "sync.reuse_thermal": sync.reuse_thermal,
            "sync.stamps: arrival": sync.stamps == "arrival",
        }
        if sync.policy == "approximate" and any(known_by_nearest.values()):
            raise ValueError(
                f"parameter sync.policy is 'approximate', which knows no {' and no '.join(known_by_nearest)}; "
                "expected nearest, or none of them"
            )


DECLARATIONS = dict(declarations(NodeParameters))
"""What is declared of every parameter, by ROS name, in the order of the documents."""


def from_values(values: Mapping[str, Value]) -> NodeParameters:
    """Build from values by ROS name; the others have their defaults.

    Raises:
        ValueError: a name is unknown, or a value is outside its range; the sentence names the parameter and the range.
    """
    if unknown := sorted(values.keys() - DECLARATIONS.keys()):
        raise ValueError(f"parameter {unknown[0]} is unknown; expected one of docs/parameters.md")
    return build(NodeParameters, values)
