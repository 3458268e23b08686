"""`epofusion train`: train a model on one's own pairs."""

from pathlib import Path
from typing import Annotated

import typer

from epofusion_ros.cli.console import clear_errors, console, error_console


def train(
    config: Annotated[Path, typer.Option(help="Training configuration, such as config/train/xs.yaml.")],
    out: Annotated[Path, typer.Option(help="Folder for logs, pictures, checkpoints and weights.")],
    data: Annotated[Path | None, typer.Option(help="Data root; replaces data.root of the configuration.")] = None,
    set_: Annotated[
        list[str] | None, typer.Option("--set", help="Replace a setting: KEY=VALUE, such as loss.adaptive=false.")
    ] = None,
    resume: Annotated[bool, typer.Option(help="Continue from the last checkpoint in OUT.")] = False,
    threads: Annotated[int, typer.Option(help="CPU threads; 0 leaves it to PyTorch.", min=0)] = 0,
    cpu: Annotated[bool, typer.Option(help="Do not use a GPU.")] = False,
) -> None:
    """Train a model; TensorBoard logs, pictures, checkpoints and weights go to OUT."""
    with clear_errors():
        import torch
        import yaml

        from epofusion_core.training.config import read_train_config
        from epofusion_core.training.trainer import NonFiniteLossError
        from epofusion_core.training.trainer import train as run

        if threads:
            torch.set_num_threads(threads)

        replaced = {"data.root": str(data)} if data else {}
        for setting in set_ or []:
            key, separator, value = setting.partition("=")
            if not separator:
                raise ValueError(f"--set {setting!r} has no '='; expected KEY=VALUE")
            replaced[key] = yaml.safe_load(value)
        settings = read_train_config(config, replaced)
        try:
            weights = run(settings, out, resume=resume, cpu=cpu)
        except NonFiniteLossError as error:
            error_console.print(str(error))
            raise typer.Exit(3) from error
    console.print(f"weights written to {weights}")
