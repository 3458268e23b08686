"""`epofusion train`: train a model on one's own pairs."""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Optional

import typer

from epofusion_ros.cli import options
from epofusion_ros.cli.console import clear_errors, error_console, note

if TYPE_CHECKING:
    from epofusion_core.training.config import DataConfig, TrainConfig


def train(
    config: Annotated[Path, typer.Option(help="Training configuration, such as config/train/xs.yaml.")],
    out: Annotated[Path, typer.Option(help="Folder for logs, pictures, checkpoints and weights.")],
    data: Annotated[Optional[Path], typer.Option(help="Data root; replaces data.root of the configuration.")] = None,
    set_: Annotated[
        Optional[list[str]], typer.Option("--set", help="Replace a setting: KEY=VALUE, such as loss.adaptive=false.")
    ] = None,
    resume: Annotated[bool, typer.Option(help="Continue from the last checkpoint in OUT.")] = False,
    threads: Annotated[int, typer.Option(help="CPU threads; 0 leaves it to PyTorch.", min=0)] = 0,
    cpu: Annotated[bool, typer.Option(help="Do not use a GPU.")] = False,
    overwrite: options.Overwrite = False,
    quiet: options.Quiet = False,
) -> None:
    """Train a model; TensorBoard logs, pictures, checkpoints and weights go to OUT."""
    with clear_errors():
        import torch
        import yaml

        from epofusion_core.output_guard import OutputFolder
        from epofusion_core.training.config import read_train_config
        from epofusion_core.training.trainer import CHECKPOINTS, NonFiniteLossError, outputs_of
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
        output = OutputFolder(out, "train", outputs_of(settings))
        output.check([config, *_files_of(settings)], overwrite=overwrite)
        if not (resume or overwrite) and any((out / name).exists() for name in CHECKPOINTS):
            raise ValueError(f"{out} holds a run; expected --resume to go on with it, or --overwrite to begin anew")
        settings = replace(settings, data=_without_missing_lists(settings.data, set(replaced)))
        output.mark()
        try:
            weights = run(settings, out, resume=resume, cpu=cpu)
        except NonFiniteLossError as error:
            error_console.print(str(error))
            raise typer.Exit(3) from error
    note(f"weights written to {weights}")


def _files_of(settings: "TrainConfig") -> list[Path]:
    """Return what a run reads, but for the lists below the data root."""
    data = settings.data
    marked = [data.objects, data.object_boxes, data.glare_boxes, data.box_corrections]
    return [path for path in (data.root, data.videos, settings.init, *marked) if path is not None]


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
