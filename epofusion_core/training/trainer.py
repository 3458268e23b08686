"""The trainer, to be read from top to bottom: set-up, the loop, validation, checkpoints, export.

What a step computes is the objective's (objectives.py). Distribution, mixed precision and gradient accumulation are
accelerate's. A sample is a pure function of its number and noise is seeded by the iteration, so a resumed run continues
bit for bit.
"""

import errno
import shutil
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import torch
from accelerate import Accelerator
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from safetensors import SafetensorError
from safetensors.torch import save
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel
from torch.utils.data import DataLoader

from epofusion_core.atomic_file import write_bytes
from epofusion_core.folder_swap import SWAP_SUFFIXES, finish_swap, swap_in, unfinished_folder
from epofusion_core.model.card import ModelCard, resolve_weights
from epofusion_core.model.config import ModelConfig, named_config
from epofusion_core.model.epofusion import EPOFusion
from epofusion_core.model.weights import load_weights, save_weights
from epofusion_core.training.config import TrainConfig, write_train_config
from epofusion_core.training.dataset import Sample, TrainingPairs
from epofusion_core.training.objectives import build_objective
from epofusion_core.training.sources import load_training_pairs
from epofusion_core.training.validation import validate

CHECKPOINT = "checkpoint"
CHECKPOINTS = (CHECKPOINT, *(f"{CHECKPOINT}{suffix}" for suffix in SWAP_SUFFIXES))
"""Folder of the last checkpoint, and the folders that stand beside it while it is replaced."""

_LOG_EVERY = 50
_CONFIG, _LOG, _PICTURES, _NON_FINITE_BATCH = "config.yaml", "log", "pictures", "nonfinite_batch.safetensors"


class NonFiniteLossError(RuntimeError):
    """The loss is NaN or infinite; the message names the file that holds the batch."""


@dataclass
class TrainingState:
    """How far a run is, and what its last validation measured; kept in its checkpoints."""

    iteration: int = 0
    metrics: dict[str, float] = field(default_factory=dict)

    def state_dict(self) -> dict[str, Any]:
        """Return what a checkpoint keeps."""
        return {"iteration": self.iteration, "metrics": self.metrics}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take up a checkpoint; one of an earlier version holds no metrics."""
        self.iteration, self.metrics = state["iteration"], state.get("metrics", {})


def train(config: TrainConfig, out: Path, *, resume: bool = False, until: int | None = None, cpu: bool = False) -> Path:
    """Train and return the path of the exported weights.

    Args:
        config: the run.
        out: folder for logs, pictures, checkpoints and weights.
        resume: continue from the last checkpoint in `out`, if there is one.
        until: stop, with a checkpoint, before the run is complete, after this many iterations.
        cpu: do not use a GPU.

    Raises:
        ValueError: there are no training pairs, or a pair cannot be read; or the crops do not fit the network.
        NonFiniteLossError: the loss is NaN or infinite; its batch has been saved.
    """
    accelerator = Accelerator(
        cpu=cpu,
        mixed_precision=config.mixed_precision,
        gradient_accumulation_steps=config.accumulate,
        log_with="tensorboard",
        project_dir=out,
        step_scheduler_with_optimizer=False,
    )
    accelerator.init_trackers(_LOG)
    if accelerator.is_main_process:
        write_train_config(out / _CONFIG, config)
    torch.manual_seed(config.seed)
    model, provenance = _initial_model(config)
    model = model.to(memory_format=torch.channels_last)
    card = ModelCard(config.model, model.config, provenance)
    objective = build_objective(model, config)
    groups = _parameter_groups(model, config.weight_decay)
    optimiser = torch.optim.AdamW(groups, lr=config.learning_rate, eps=config.epsilon)
    scheduler = torch.optim.lr_scheduler.LambdaLR(optimiser, lambda step: _learning_rate_factor(step, config))
    average = AveragedModel(model, avg_fn=_moving_average(config.ema), use_buffers=True).to(accelerator.device)
    trained, optimiser = accelerator.prepare(objective, optimiser)
    state = TrainingState()
    accelerator.register_for_checkpointing(average, scheduler, state)
    checkpoint = out / CHECKPOINT
    if accelerator.is_main_process:
        finish_swap(checkpoint)
    accelerator.wait_for_everyone()
    if resume and checkpoint.is_dir():
        accelerator.load_state(str(checkpoint))
    batches = _batches(config, accelerator, state.iteration)

    last = min(config.iterations, until or config.iterations)
    saved_at = logged_at = time.monotonic()
    logged_iteration = state.iteration
    with _progress_bar(accelerator) as bar:
        task = bar.add_task("training", total=config.iterations, completed=state.iteration, note="")
        while state.iteration < last:
            terms: dict[str, Tensor] = {}
            for micro_batch in range(config.accumulate):
                batch = next(batches)
                generator = _generator(config, accelerator, state.iteration, micro_batch)
                with accelerator.accumulate(trained):
                    terms = trained(batch, generator)
                    _stop_if_not_finite(terms["loss"], batch, out)
                    accelerator.backward(terms["loss"])
                    if accelerator.sync_gradients:
                        accelerator.clip_grad_norm_(trained.parameters(), config.clip)
                    optimiser.step()
                    optimiser.zero_grad()
            scheduler.step()
            average.update_parameters(accelerator.unwrap_model(trained).model)
            state.iteration += 1

            iteration = state.iteration
            if iteration % _LOG_EVERY == 0 or iteration == last:
                accelerator.log({name: term.item() for name, term in terms.items()}, step=iteration)
            if iteration % _LOG_EVERY == 0 and bar.disable and accelerator.is_main_process:
                now = time.monotonic()
                print(
                    _log_line(
                        iteration, config, terms["loss"].item(), (now - logged_at) / (iteration - logged_iteration)
                    ),
                    flush=True,
                )
                logged_at, logged_iteration = now, iteration
            bar.update(task, completed=iteration, note=f"loss {terms['loss'].item():.4f}")
            if iteration % config.validate_every == 0 and accelerator.is_main_process:
                figures = validate(average.module, config.data, out / _PICTURES / f"{iteration:07d}.png")
                accelerator.log({f"val/{name}": value for name, value in figures.items()}, step=iteration)
                bar.console.print(
                    f"{iteration}: " + ", ".join(f"{k} {v:.3f}" for k, v in figures.items()), soft_wrap=True
                )
                state.metrics = figures
                _export(out, average.module, card, config, state)
            if time.monotonic() - saved_at > 60 * config.checkpoint_minutes:
                _checkpoint(accelerator, checkpoint)
                saved_at = time.monotonic()
    _checkpoint(accelerator, checkpoint)
    if accelerator.is_main_process:
        _export(out, average.module, card, config, state)
    accelerator.wait_for_everyone()
    accelerator.end_training()
    return _weights_path(out, card)


def _initial_model(config: TrainConfig) -> tuple[EPOFusion, dict[str, Any]]:
    """Return the model to train and what is known of how its first weights were made."""
    shape = ModelConfig.from_dict({**named_config(config.model).to_dict(), **config.overrides})
    crop, multiple = config.augment.crop_px, shape.input_multiple
    if crop % multiple:
        raise ValueError(f"augment.crop_px is {crop}; expected a multiple of {multiple} for {config.model}")
    model = EPOFusion(shape)
    if config.init is None:
        return model, {}
    initial, card = load_weights(resolve_weights(config.init))
    try:
        model.load_state_dict(initial.state_dict())
    except RuntimeError as error:
        raise ValueError(
            f"init {config.init} holds a network of another shape than {config.model}; expected equal ones "
            f"(overrides can name its widths): {' '.join(str(error).split())}"
        ) from error
    return model, {"init": card.provenance}


def _parameter_groups(model: nn.Module, weight_decay: float) -> list[dict[str, Any]]:
    """Decay matrices and kernels; norms, biases and other vectors are left alone."""
    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    matrices = [parameter for parameter in trained if parameter.ndim > 1]
    vectors = [parameter for parameter in trained if parameter.ndim <= 1]
    return [{"params": matrices, "weight_decay": weight_decay}, {"params": vectors, "weight_decay": 0.0}]


def _moving_average(decay: float) -> Callable[[Tensor, Tensor, Tensor | int], Tensor]:
    """Return the update of an exponential moving average that forgets the random start quickly."""

    def update(average: Tensor, value: Tensor, updates: Tensor | int) -> Tensor:
        count = float(updates)
        share = 1.0 - min(decay, (1.0 + count) / (10.0 + count))
        return average.lerp(value, share) if average.is_floating_point() else value

    return update


def _learning_rate_factor(step: int, config: TrainConfig) -> float:
    """Linear warm-up, then linear decay to 0."""
    if step < config.warmup:
        return (step + 1) / config.warmup
    return max(0.0, (config.iterations - step) / max(1, config.iterations - config.warmup))


def _batches(config: TrainConfig, accelerator: Accelerator, first_iteration: int) -> Iterator[Sample]:
    """Yield this process's batches from a given iteration on."""
    per_iteration = config.batch * config.accumulate * accelerator.num_processes
    dataset = TrainingPairs(
        load_training_pairs(config),
        config.augment,
        config.seed,
        samples=config.iterations * per_iteration,
        first_sample=first_iteration * per_iteration,
    )
    loader = DataLoader(dataset, config.batch, num_workers=config.workers, persistent_workers=config.workers > 0)
    return iter(accelerator.prepare(loader))


def _generator(config: TrainConfig, accelerator: Accelerator, iteration: int, micro_batch: int) -> torch.Generator:
    """Return the noise source of a micro-batch, numbered as if all processes' micro-batches stood in one row."""
    position = iteration * config.accumulate + micro_batch
    row = position * accelerator.num_processes + accelerator.process_index
    return torch.Generator().manual_seed(config.seed * 1_000_003 + row)


def _stop_if_not_finite(loss: Tensor, batch: Sample, out: Path) -> None:
    if torch.isfinite(loss):
        return
    path = out / _NON_FINITE_BATCH
    write_bytes(path, save({name: tensor.cpu().contiguous() for name, tensor in batch.items()}))  # type: ignore[attr-defined]
    raise NonFiniteLossError(f"loss is {loss.item()}; the batch that caused it is saved in {path}")


def _checkpoint(accelerator: Accelerator, folder: Path) -> None:
    """Replace the last checkpoint by one of now; whenever the run is killed, one of them stays whole.

    Raises:
        OSError: it cannot be written; the last one stays.
    """
    unfinished = unfinished_folder(folder)
    if accelerator.is_main_process:
        finish_swap(folder)
    accelerator.wait_for_everyone()
    try:
        accelerator.save_state(str(unfinished))
    except (OSError, RuntimeError, SafetensorError) as error:  # on a full disk, by library
        shutil.rmtree(unfinished, ignore_errors=True)
        raise OSError(errno.ENOSPC, f"{folder} cannot be written ({error})") from error
    accelerator.wait_for_everyone()
    if accelerator.is_main_process:
        swap_in(folder)
    accelerator.wait_for_everyone()


def _export(out: Path, model: nn.Module, card: ModelCard, config: TrainConfig, state: TrainingState) -> None:
    assert isinstance(model, EPOFusion)
    provenance = {
        **card.provenance,
        "iterations": state.iteration,
        "stage": config.stage,
        "batch": config.batch * config.accumulate,
        "crop_px": config.augment.crop_px,
        "pseudo_target": config.loss.pseudo_target,
        "seed": config.seed,
        "date": datetime.now(timezone.utc).date().isoformat(),
    }
    save_weights(_weights_path(out, card), model, replace(card, provenance=provenance, metrics=state.metrics))


def outputs_of(config: TrainConfig) -> list[str]:
    """Return the names of all that a run writes in its folder."""
    return [*CHECKPOINTS, _CONFIG, _LOG, _PICTURES, _NON_FINITE_BATCH, f"{config.model}.safetensors"]


def _weights_path(out: Path, card: ModelCard) -> Path:
    return out / f"{card.name}.safetensors"


def _log_line(iteration: int, config: TrainConfig, loss: float, seconds: float) -> str:
    """Return what a run in the background says of itself; `seconds` are those of one iteration."""
    remaining = timedelta(seconds=round(seconds * (config.iterations - iteration)))
    return f"{iteration}/{config.iterations}: loss {loss:.4f}, {seconds:.2f} s an iteration, {remaining} left"


def _progress_bar(accelerator: Accelerator) -> Progress:
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("ETA"),
        TimeRemainingColumn(),
        TextColumn("{task.fields[note]}"),
        disable=not (accelerator.is_main_process and sys.stdout.isatty()),
    )
