"""Options that several subcommands share, each with one name, one meaning and one default."""

from enum import Enum
from pathlib import Path
from typing import Annotated, Any, Optional

import typer

from epofusion_core.engines.select import DEVICES
from epofusion_ros.cli import console


class EngineName(str, Enum):
    """What runs the network."""

    auto = "auto"
    torch = "torch"
    onnxruntime = "onnxruntime"
    openvino = "openvino"


class PrecisionName(str, Enum):
    """Of the arithmetic; fp32 and fp16 are f32 and f16 as other tools write them."""

    auto = "auto"
    f32 = "f32"
    f16 = "f16"
    bf16 = "bf16"
    int8 = "int8"
    fp32 = "fp32"
    fp16 = "fp16"


def given(**values: Any) -> dict[str, Any]:  # noqa: ANN401 - what typer makes of an option
    """Return the options that were given, as the packages write their values; None stands for one that was not."""
    return {name: plain(value) for name, value in values.items() if value is not None}


def plain(value: Any) -> Any:  # noqa: ANN401 - as above
    """Return the value of an option as the packages write it."""
    if isinstance(value, PrecisionName):
        return value.value.replace("fp", "f")
    return value.value if isinstance(value, Enum) else value


def _devices(incomplete: str) -> list[str]:
    return [name for name in DEVICES if name.startswith(incomplete)]


def models_that_ship(incomplete: str) -> list[str]:
    """Complete the sizes that ship; where none fits, the shell completes the names of files."""
    from epofusion_core.model.card import installed_sizes

    return [name for name in installed_sizes() if name.startswith(incomplete)]


Config = Annotated[
    Optional[Path],
    typer.Option(
        "--config",
        help="ROS 2 parameter file of the node: engine, thermal scaling and registration. Other options go before it.",
    ),
]
Model = Annotated[
    Optional[str],
    typer.Option(
        "--model",
        help="Named size or weights file; epofusion_xs by default.",
        autocompletion=models_that_ship,
    ),
]
Models = Annotated[
    Optional[list[str]],
    typer.Option(
        "--model",
        help="Named size or weights file, or NAME=FILE; repeatable. All installed sizes by default.",
        autocompletion=models_that_ship,
    ),
]
Engine = Annotated[
    Optional[EngineName], typer.Option("--engine", help="What runs the network; auto by default, the fastest here.")
]
Device = Annotated[
    Optional[str],
    typer.Option(
        "--device",
        help="cpu, the default; torch: cuda or cuda:N; onnxruntime: cuda, tensorrt or openvino; openvino: gpu or npu.",
        autocompletion=_devices,
    ),
]
Precision = Annotated[
    Optional[PrecisionName],
    typer.Option("--precision", help="Of the arithmetic; auto by default: int8 where the model has such a graph."),
]
TorchDevice = Annotated[str, typer.Option("--device", help="PyTorch's: cpu, cuda or cuda:N.", autocompletion=_devices)]
Thermal = Annotated[
    Path, typer.Option("--thermal", "--ir", help="Thermal image, folder or video; folders are paired by file stem.")
]
Overwrite = Annotated[
    bool, typer.Option("--overwrite", help="Replace what is in the way and was not made by this command.")
]
Quiet = Annotated[
    bool,
    typer.Option(
        "--quiet", "-q", callback=console.be_quiet, help="No progress and no remarks: results and errors alone."
    ),
]
Json = Annotated[
    bool,
    typer.Option(
        "--json", callback=console.print_json_alone, help="Print what the tables show as JSON, and only that."
    ),
]
Steps = Annotated[Optional[int], typer.Option("--steps", min=1, help="Sampling steps K; the model's own by default.")]
MaskClasses = Annotated[
    Optional[list[int]],
    typer.Option(
        "--mask-classes",
        min=1,
        help="Number of a class that is an object, where mask files hold class numbers (FMB, MSRS); repeatable.",
    ),
]
UntrainedSteps = Annotated[
    bool, typer.Option("--untrained-steps", help="Allow --steps that the model was not trained for: worse pictures.")
]
