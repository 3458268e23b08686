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
