"""`epofusion train`: train a model on one's own pairs."""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from epofusion_ros.cli.console import clear_errors, console, error_console, note

if TYPE_CHECKING:
    from epofusion_core.training.config import DataConfig


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
        settings = replace(settings, data=_without_missing_lists(settings.data, set(replaced)))
        try:
            weights = run(settings, out, resume=resume, cpu=cpu)
        except NonFiniteLossError as error:
            error_console.print(str(error))
            raise typer.Exit(3) from error
    console.print(f"weights written to {weights}")


def _without_missing_lists(data: "DataConfig", asked_for: set[str]) -> "DataConfig":
    """Leave out the lists of a recipe that a data root does not have. A list that was asked for must be there."""

    def missing(field: str, file: Path | None, effect: str) -> bool:
        if file is None or f"data.{field}" in asked_for or (data.root / file).is_file():
            return False
        note(f"no {data.root / file}: {effect}")
        return True

    if missing("train_list", data.train_list, "all pairs are trained on"):
        data = replace(data, train_list=None)
    if missing("val_list", data.val_list, "nothing is validated"):
        data = replace(data, val_list=None)
    return data
