"""Options that several subcommands share."""

from typing import Annotated, Optional

import typer

from epofusion_core.engines.engine import ENGINES, PRECISIONS

Engine = Annotated[str, typer.Option("--engine", help=f"{', '.join(ENGINES)}.")]
Device = Annotated[
    str,
    typer.Option(
        "--device",
        help="cpu; torch: cuda or cuda:N; onnxruntime: cuda, tensorrt or openvino; openvino: gpu or npu.",
    ),
]
Precision = Annotated[str, typer.Option("--precision", help=f"{', '.join(PRECISIONS)}.")]
Overwrite = Annotated[
    bool, typer.Option("--overwrite", help="Replace what is in the way and was not made by this command.")
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
