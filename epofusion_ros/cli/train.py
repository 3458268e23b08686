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
    """Train a model; TensorBoard logs, pictures, checkpoints and weights go to OUT.

    A recipe of several stages trains them one after the other, each in a folder of its name in OUT.
    """
    with clear_errors():
        import torch
        import yaml

        from epofusion_core.output_guard import OutputFolder
        from epofusion_core.training.config import read_stages
        from epofusion_core.training.stages import outputs_of_stages, train_stages
        from epofusion_core.training.trainer import CHECKPOINTS, NonFiniteLossError

        if threads:
            torch.set_num_threads(threads)

        replaced = {"data.root": str(data)} if data else {}
        for setting in set_ or []:
            key, separator, value = setting.partition("=")
            if not separator:
                raise ValueError(f"--set {setting!r} has no '='; expected KEY=VALUE")
            replaced[key] = yaml.safe_load(value)
        stages = read_stages(config, replaced)
        output = OutputFolder(out, "train", outputs_of_stages(stages))
        output.check(
            [config, *(file for settings in stages.values() for file in _files_of(settings))], overwrite=overwrite
        )
        begun = [out / stage / name for stage in stages for name in CHECKPOINTS if (out / stage / name).exists()]
        if begun and not (resume or overwrite):
            raise ValueError(f"{out} holds a run; expected --resume to go on with it, or --overwrite to begin anew")
        missing: dict[str, str] = {}
        stages = {
            name: replace(settings, data=_without_missing_lists(settings.data, set(replaced), missing))
            for name, settings in stages.items()
        }
        for path, effect in missing.items():
            note(f"no {path}: {effect}")
        output.mark()
        try:
            weights = train_stages(stages, out, resume=resume, cpu=cpu)
        except NonFiniteLossError as error:
            error_console.print(str(error))
            raise typer.Exit(3) from error
    note(f"weights written to {weights}")


def _files_of(settings: "TrainConfig") -> list[Path]:
    """Return what a run reads, but for the lists below the data root."""
    data = settings.data
    marked = [data.objects, data.object_boxes, data.glare_boxes, data.box_corrections]
    return [path for path in (data.root, data.videos, settings.init, *marked) if path is not None]


def _without_missing_lists(data: "DataConfig", asked_for: set[str], missing: dict[str, str]) -> "DataConfig":
    """Leave out the lists of a recipe that a data root does not have. A list that was asked for must be there.

    Args:
        data: of a run.
        asked_for: settings that the user gave.
        missing: the files that are not there, and what follows of it, are added to it.
    """

    def there(field: str, file: Path | None, effect: str) -> Path | None:
        if file is None or f"data.{field}" in asked_for or (data.root / file).is_file():
            return file
        missing[str(data.root / file)] = effect
        return None

    return replace(
        data,
        train_list=there("train_list", data.train_list, "all pairs are trained on"),
        val_list=there("val_list", data.val_list, "nothing is validated"),
    )
