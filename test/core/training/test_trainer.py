"""The trainer as its user meets it: it learns, resumes bit for bit, distributes, and stops at a non-finite loss."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import yaml
from accelerate.state import AcceleratorState
from safetensors.torch import load_file
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from torch import Tensor

from epofusion_core.imaging import write_png
from epofusion_core.model.card import read_card
from epofusion_core.model.config import named_config
from epofusion_core.model.epofusion import EPOFusion
from epofusion_core.model.weights import load_weights
from epofusion_core.training.augment import AugmentConfig
from epofusion_core.training.config import DataConfig, TrainConfig, read_stages, read_train_config
from epofusion_core.training.dataset import Sample
from epofusion_core.training.losses import LossConfig, feature_loss
from epofusion_core.training.objectives import FusionObjective
from epofusion_core.training.sources import load_training_pairs
from epofusion_core.training.stages import train_stages
from epofusion_core.training.trainer import NonFiniteLossError, train

REPOSITORY = Path(__file__).resolve().parents[3]


@pytest.fixture(scope="module")
def pairs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four small pairs: a gradient with a bright disc in the visible image, a warm block in the infrared one."""
    root = tmp_path_factory.mktemp("pairs")
    y, x = np.mgrid[0:80, 0:96]
    for index in range(4):
        visible = (x + 10 * index).astype(np.uint8)
        visible[(x - 40) ** 2 + (y - 30) ** 2 < 300] = 255
        infrared = np.full((80, 96), 30, np.uint8)
        infrared[20:45, 30 + index : 50 + index] = 200
        write_png(root / "vi" / f"{index}.png", np.dstack([visible] * 3))
        write_png(root / "ir" / f"{index}.png", infrared)
    return root


def settings(root: Path, **changes: object) -> TrainConfig:
    base = TrainConfig(
        model="epofusion_xs",
        data=DataConfig(root=root),
        augment=AugmentConfig(crop_px=64),
        iterations=6,
        batch=2,
        warmup=2,
        learning_rate=1e-3,
        ema=0.5,
    )
    return replace(base, **changes)  # type: ignore[arg-type]


def contrast(mask: Tensor) -> float:
    """Return how much likelier an object is inside the warm block than outside."""
    inside = torch.zeros_like(mask, dtype=torch.bool)
    inside[..., 24:41, 24:36] = True
    return float(mask[inside].mean() - mask[~inside].mean())


def last_loss(out: Path) -> float:
    log = EventAccumulator(str(out / "log"))
    log.Reload()
    return float(log.Scalars("loss")[-1].value)


def tensors(weights: Path) -> dict[str, Tensor]:
    return dict(load_file(weights))


def test_an_interrupted_run_writes_the_bytes_of_an_uninterrupted_one(pairs: Path, tmp_path: Path) -> None:
    (tmp_path / "val.txt").write_text("0\n1\n")
    config = settings(pairs, data=DataConfig(root=pairs, val_list=tmp_path / "val.txt"), validate_every=4)
    whole = train(config, tmp_path / "whole", cpu=True)
    for until in (2, 3, 5):
        train(config, tmp_path / "parts", resume=True, until=until, cpu=True)
    resumed = train(config, tmp_path / "parts", resume=True, cpu=True)
    assert read_card(whole).metrics
    assert resumed.read_bytes() == whole.read_bytes()


@pytest.mark.parametrize("name", ["epofusion_t", "epofusion_s", "epofusion_xs"])
def test_bfloat16_learns_as_float32_does(pairs: Path, tmp_path: Path, name: str) -> None:
    losses = {}
    for precision in ("no", "bf16"):
        config = settings(pairs, model=name, mixed_precision=precision, iterations=3, warmup=3, learning_rate=1e-4)
        AcceleratorState._reset_state(reset_partial_state=True)
        train(config, tmp_path / precision, cpu=True)
        losses[precision] = last_loss(tmp_path / precision)
    AcceleratorState._reset_state(reset_partial_state=True)
    assert losses["bf16"] != losses["no"], "nothing ran in bfloat16"
    assert losses["bf16"] == pytest.approx(losses["no"], rel=0.02)


def test_a_run_without_a_terminal_tells_how_far_it_is(pairs: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "epofusion_ros.cli.main", "train", "--data", str(pairs), "--cpu"]
    command += ["--config", str(REPOSITORY / "config" / "train" / "xs.yaml"), "--out", str(tmp_path / "out")]
    command += [
        "--set",
        "iterations=50",
        "--set",
        "batch=2",
        "--set",
        "augment.crop_px=64",
        "--set",
        "data.simulated=0",
    ]
    done = subprocess.run(command, capture_output=True, text=True, timeout=240, check=False)
    assert done.returncode == 0, done.stderr
    assert re.search(r"^50/50: loss \d+\.\d+, \d+\.\d\d s an iteration, 0:00:00 left$", done.stdout, re.MULTILINE)
    assert f"no {pairs}/train.txt: all pairs are trained on" in done.stdout.replace("\n", "")
    again = read_train_config(tmp_path / "out" / "config.yaml")
    assert (again.iterations, again.learning_rate, again.data.root) == (50, 1.5e-3, pairs)


@pytest.fixture(scope="module")
def annotated(pairs: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("annotated")
    shutil.copytree(pairs, root, dirs_exist_ok=True)
    for index in range(4):
        mask = np.zeros((80, 96), np.uint8)
        mask[20:45, 30 + index : 50 + index] = 255
        write_png(root / "mask" / f"{index}.png", mask)
    return root


def test_masks_are_learned_alone_and_what_draws_the_fused_image_stays(annotated: Path, tmp_path: Path) -> None:
    everything = settings(annotated, iterations=2)
    start = train(everything, tmp_path / "start", cpu=True)
    masks = replace(everything, stage="masks", init=start, iterations=60, learning_rate=3e-3)
    finished = train(masks, tmp_path / "masks", cpu=True)
    before, after = tensors(start), tensors(finished)
    changed = {name.split(".")[0] for name, tensor in before.items() if not torch.equal(tensor, after[name])}
    assert changed == {"encoder", "neck", "guidance"}
    provenance = read_card(finished).provenance
    assert (provenance["stage"], provenance["iterations"]) == ("masks", 60)
    assert provenance["init"]["iterations"] == 2, "what the rest of the network has had is not forgotten"
    luma, infrared = torch.full((1, 1, 64, 64), 1.0), torch.full((1, 1, 64, 64), 30 / 255)
    infrared[..., 20:45, 20:40] = 200 / 255
    with torch.inference_mode():
        _, untrained = load_weights(start)[0](luma, infrared)
        _, mask = load_weights(finished)[0](luma, infrared)
    assert contrast(mask) > contrast(untrained) + 0.1, "the mask must find the warm block in the glare"


def test_the_feature_is_held_to_what_it_was(annotated: Path, tmp_path: Path) -> None:
    start = train(settings(annotated, iterations=2), tmp_path / "start", cpu=True)
    luma, infrared = (torch.rand((1, 1, 64, 64), generator=torch.Generator().manual_seed(seed)) for seed in (1, 2))

    def feature(weights: Path) -> Tensor:
        with torch.inference_mode():
            return load_weights(weights)[0].feature(luma, infrared)

    def change(feature_weight: float) -> float:
        masks = settings(annotated, stage="masks", init=start, iterations=30, feature_weight=feature_weight)
        weights = train(masks, tmp_path / str(feature_weight), cpu=True)
        return feature_loss(feature(weights), feature(start)).item()

    assert change(10.0) < 0.5 * change(0.0)


def test_a_crop_that_the_network_cannot_halve_is_told_of(pairs: Path, tmp_path: Path) -> None:
    config = settings(pairs, augment=AugmentConfig(crop_px=80))
    with pytest.raises(ValueError, match=r"crop_px is 80; expected a multiple of 64 for epofusion_"):
        train(config, tmp_path, cpu=True)


def test_what_is_well_exposed_need_not_teach_masks(pairs: Path) -> None:
    """Where nothing is blown out, there is nothing to learn about M."""
    grey = torch.full((2, 1, 64, 64), 0.5)
    nothing = torch.zeros_like(grey)
    batch = Sample(luma=grey, infrared=grey, mask=nothing, overexposed=nothing, annotated=torch.ones(2, 1, 1, 1))

    def guidance(weight: float) -> float:
        config = settings(pairs, loss=LossConfig(well_exposed_weight=weight))
        torch.manual_seed(0)
        forward = FusionObjective(EPOFusion(named_config(config.model)), config)
        return float(forward(batch, torch.Generator())["guidance"].item())

    assert guidance(0.0) == 0.0 < guidance(0.1)


def test_masks_need_annotated_pairs(pairs: Path, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no training pair has annotated objects"):
        train(settings(pairs, stage="masks"), tmp_path, cpu=True)


def test_weights_of_another_shape_to_start_from_are_named(pairs: Path, tmp_path: Path) -> None:
    start = train(settings(pairs, iterations=1), tmp_path / "start", cpu=True)
    wider = settings(pairs, init=start, overrides={"guidance_width": 16})
    with pytest.raises(ValueError, match="holds a network of another shape than epofusion_xs"):
        train(wider, tmp_path / "wider", cpu=True)


@pytest.mark.parametrize(
    ("option", "content"),
    [
        ("object_boxes", "name,left,top,right,bottom\nelsewhere/1,,,,\n"),
        ("glare_boxes", "name,left,top,right,bottom\nelsewhere/1,,,,\n"),
        ("box_corrections", "name,box,left,top,right,bottom\nelsewhere/1,,,,,\n"),
    ],
)
def test_boxes_of_other_pairs_are_told(option: str, content: str, pairs: Path, tmp_path: Path) -> None:
    boxes = tmp_path / "boxes.csv"
    boxes.write_text(content)
    config = settings(pairs)
    marked: dict[str, Any] = {option: boxes}
    with pytest.warns(UserWarning, match="name no pair that is trained on"):
        load_training_pairs(replace(config, data=replace(config.data, **marked)))


def test_a_pair_with_both_kinds_of_boxes_is_taken_with_its_own_glare_and_with_more(pairs: Path, tmp_path: Path) -> None:
    boxes = tmp_path / "boxes.csv"
    boxes.write_text("name,left,top,right,bottom\n0,10,10,20,20\n")
    config = settings(pairs)
    loaded = load_training_pairs(replace(config, data=replace(config.data, object_boxes=boxes, glare_boxes=boxes)))
    assert sorted((pair.name, pair.annotated, pair.allow_added_glare) for pair in loaded) == [
        ("0", True, False),
        ("0", True, True),
        ("1", False, True),
        ("2", False, True),
        ("3", False, True),
    ]


def test_a_pair_whose_boxes_were_looked_at_is_annotated(pairs: Path, tmp_path: Path) -> None:
    corrections = tmp_path / "corrections.csv"
    corrections.write_text("name,box,left,top,right,bottom\n2,,10,10,20,20\n")
    config = settings(pairs)
    loaded = load_training_pairs(replace(config, data=replace(config.data, box_corrections=corrections)))
    assert [pair.name for pair in loaded if pair.annotated] == ["2"]


def test_training_lowers_the_loss_and_exports_loadable_weights(pairs: Path, tmp_path: Path) -> None:
    weights = train(settings(pairs, iterations=40, noise_only=1.0), tmp_path, cpu=True)
    card = read_card(weights)
    assert card.name == "epofusion_xs"
    assert card.provenance["iterations"] == 40
    model, _ = load_weights(weights)
    luma = torch.full((1, 1, 64, 64), 0.2)
    infrared = torch.full((1, 1, 64, 64), 0.9)
    with torch.inference_mode():
        fused, _ = model(luma, infrared)
    assert 0.2 < fused.mean() <= 1.0, "the fused image must move from the darker source towards the brighter one"


def test_a_non_finite_loss_stops_and_saves_its_batch(pairs: Path, tmp_path: Path) -> None:
    broken = settings(pairs, learning_rate=float("inf"), clip=float("inf"), warmup=1)
    with pytest.raises(NonFiniteLossError, match="nonfinite_batch"):
        train(broken, tmp_path, cpu=True)
    batch = load_file(tmp_path / "nonfinite_batch.safetensors")
    assert batch["luma"].shape == (2, 1, 64, 64)


@pytest.fixture
def one_thread() -> Iterator[None]:
    """Sums are rounded by their order, which the number of threads decides: have as many as a process of several."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.mark.usefixtures("one_thread")
def test_two_processes_train_as_one_process_with_the_same_samples(pairs: Path, tmp_path: Path) -> None:
    """Two gloo processes with one micro-batch each, against one process with two micro-batches a step.

    Adam's first steps are the gradient's sign, which rounding decides where the gradient is almost 0; a large epsilon
    makes the steps proportional to the gradient, and the comparison sharp. Not compared are the running statistics of
    BatchNorm, which each process keeps of its own samples.
    """
    augment, steps = AugmentConfig(crop_px=64), {"iterations": 3, "learning_rate": 0.05, "epsilon": 0.1, "warmup": 1}
    alone = train(settings(pairs, augment=augment, accumulate=2, **steps), tmp_path / "alone", cpu=True)
    config = tmp_path / "two.yaml"
    values = {"model": "epofusion_xs", "data": {"root": str(pairs)}, "augment": {"crop_px": 64}, "batch": 2, "ema": 0.5}
    config.write_text(yaml.safe_dump({**values, **steps}))
    launch = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc_per_node", "2"]
    script = ["-m", "epofusion_ros.cli.main", "train", "--config", str(config), "--out", str(tmp_path / "two"), "--cpu"]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [*launch, *script], cwd=REPOSITORY, capture_output=True, text=True, timeout=240, env=environment
    )
    assert done.returncode == 0, done.stderr[-2000:]
    expected, actual = tensors(alone), tensors(tmp_path / "two" / "epofusion_xs.safetensors")
    untrained = tensors(train(settings(pairs, **{**steps, "learning_rate": 0.0}), tmp_path / "untrained", cpu=True))
    moved = max((expected[n].float() - untrained[n].float()).abs().max().item() for n in expected if "weight" in n)
    assert moved > 0.01, "the weights have hardly moved: nothing was compared"
    for name, tensor in expected.items():
        if "running_" not in name and "num_batches" not in name:
            torch.testing.assert_close(
                actual[name].float(),
                tensor.float(),
                atol=2e-4,
                rtol=2e-3,
                msg=partial("{}: {}".format, name),
            )


def test_files_without_a_partner_are_named(pairs: Path, tmp_path: Path) -> None:
    root = tmp_path / "data"
    shutil.copytree(pairs, root)
    (root / "ir" / "3.png").unlink()
    with pytest.warns(UserWarning, match=r"left out of training: .*3\.png: has no infrared image"):
        assert len(load_training_pairs(settings(root))) == 3


def test_the_ablation_without_adaptive_loss_trains_another_model(pairs: Path, tmp_path: Path) -> None:
    adaptive = train(settings(pairs), tmp_path / "adaptive", cpu=True)
    plain = train(settings(pairs, adaptive_loss=False), tmp_path / "plain", cpu=True)
    name = "mscf.tail.0.0.weight"
    assert not torch.equal(tensors(adaptive)[name], tensors(plain)[name])


def test_stages_begin_with_the_weights_of_the_one_before_and_are_not_trained_twice(pairs: Path, tmp_path: Path) -> None:
    recipe = tmp_path / "recipe.yaml"
    recipe.write_text(f"""
model: epofusion_xs
data: {{root: {pairs}}}
augment: {{crop_px: 64}}
batch: 2
stages:
  first: {{iterations: 2, augment: {{glare: 0.0}}}}
  second: {{iterations: 1, learning_rate: 0.0}}
""")
    stages = read_stages(recipe)
    assert next((config.augment.crop_px, config.augment.glare) for config in stages.values()) == (64, 0.0)
    weights = train_stages(stages, tmp_path / "out", cpu=True)
    assert read_card(weights).provenance["init"]["iterations"] == 2
    first = tmp_path / "out" / "first" / weights.name
    trained_at = first.stat().st_mtime_ns
    (tmp_path / "out" / "second" / weights.name).unlink()
    again = train_stages(stages, tmp_path / "out", resume=True, cpu=True)
    assert (again, first.stat().st_mtime_ns) == (weights, trained_at)
    assert read_card(again).provenance["iterations"] == 1
