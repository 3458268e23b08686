"""Training of a detector on a method's images: those of torchvision here, YOLO by ultralytics where the user has it."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import torch
import torchvision
from numpy.typing import NDArray

from epofusion_core.atomic_file import replacing
from epofusion_core.downstream.detectors.torchvision_detector import TorchvisionDetector, image_tensor
from epofusion_core.downstream.schedule import TrainingSchedule
from epofusion_core.imaging import read_rgb


def train_torchvision(
    images: Path, classes: Sequence[str], model: str, schedule: TrainingSchedule, weights: Path
) -> list[float]:
    """Train a detector of torchvision from first weights, and write it.

    Args:
        images: folder of images; labels lie in the folder `labels` beside it.
        classes: their names, by number.
        model: one of `torchvision.models.list_models(module=torchvision.models.detection)`.
        schedule: how long.
        weights: file to write, read by `load_trained`.

    Returns:
        The loss of each iteration.

    Raises:
        ValueError: there are no images, or torchvision has no such model.
    """
    samples = sorted(images.rglob("*.png"))
    if not samples:
        raise ValueError(f"{images} has no images to train on")
    torch.manual_seed(schedule.seed)
    network = _build(model, len(classes)).to(schedule.device).train()
    optimiser = torch.optim.AdamW(network.parameters(), lr=schedule.learning_rate)
    falling = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, schedule.iterations)
    losses = []
    for batch in _batches(samples, images, schedule):
        pictures = [picture.to(schedule.device) for picture, _ in batch]
        targets = [{key: value.to(schedule.device) for key, value in target.items()} for _, target in batch]
        loss = sum(network(pictures, targets).values())
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        falling.step()
        losses.append(float(loss.detach()))
    state = {key: value.cpu() for key, value in network.state_dict().items()}
    with replacing(weights) as partial:
        torch.save({"model": model, "classes": list(classes), "state": state}, partial)
    return losses


def load_trained(weights: Path) -> TorchvisionDetector:
    """Load what `train_torchvision` wrote.

    Raises:
        ValueError: the file is missing or was not written by it.
    """
    try:
        saved = torch.load(weights, map_location="cpu", weights_only=True)
        network = _build(saved["model"], len(saved["classes"]))
        network.load_state_dict(saved["state"])
    except (OSError, RuntimeError, KeyError, TypeError, EOFError) as error:
        raise ValueError(f"{weights}: is no detector that was trained here ({error})") from error
    return TorchvisionDetector(network, dict(enumerate(saved["classes"], start=1)))


def train_ultralytics(images: Path, classes: Sequence[str], model: str, schedule: TrainingSchedule, out: Path) -> Path:
    """Train a YOLO of ultralytics, and return its weights.

    Args:
        images: folder of images; labels lie in the folder `labels` beside it.
        classes: their names, by number.
        model: as ultralytics takes it: yolo11n.yaml from first weights, yolo11n.pt from COCO's.
        schedule: how long; ultralytics counts epochs.
        out: folder to write to.

    Raises:
        ValueError: ultralytics is not installed, or there are no images.
    """
    import yaml

    try:
        from ultralytics import YOLO
    except ImportError as error:
        raise ValueError("ultralytics is not installed: pip install ultralytics (AGPL)") from error
    count = sum(1 for _ in images.rglob("*.png"))
    if not count:
        raise ValueError(f"{images} has no images to train on")
    out.mkdir(parents=True, exist_ok=True)
    description = {"path": str(images.resolve().parent), "train": "images", "val": "images"}
    (out / "data.yaml").write_text(yaml.safe_dump(description | {"names": dict(enumerate(classes))}))
    YOLO(model).train(
        data=str(out / "data.yaml"),
        epochs=max(1, round(schedule.iterations * schedule.batch / count)),
        batch=schedule.batch,
        seed=schedule.seed,
        device=schedule.device,
        project=str(out.resolve()),
        name="run",
        exist_ok=True,
        val=False,
        plots=False,
    )
    return out / "run" / "weights" / "last.pt"


def _build(model: str, classes: int) -> torch.nn.Module:
    known = torchvision.models.list_models(module=torchvision.models.detection)
    if model not in known:
        raise ValueError(f"torchvision has no detector {model!r}; expected one of {', '.join(known)}")
    network: torch.nn.Module = torchvision.models.get_model(
        model, weights=None, weights_backbone=None, num_classes=classes + 1
    )
    return network


_Sample = tuple[torch.Tensor, dict[str, torch.Tensor]]


def _batches(samples: Sequence[Path], images: Path, schedule: TrainingSchedule) -> Iterator[list[_Sample]]:
    """Yield a batch for each iteration: all samples in turn, in an order of the seed, mirrored by a coin."""
    rng = np.random.default_rng(schedule.seed)
    for chosen in schedule.batches(len(samples), rng):
        yield [_sample(samples[index], images, mirrored=rng.random() < 0.5) for index in chosen]


def _sample(path: Path, images: Path, *, mirrored: bool) -> _Sample:
    image = read_rgb(path)
    height, width = image.shape[:2]
    labels = images.parent / "labels" / path.relative_to(images).with_suffix(".txt")
    boxes, numbers = _boxes(labels, height, width)
    if mirrored:
        image = np.ascontiguousarray(image[:, ::-1])
        boxes[:, [0, 2]] = width - boxes[:, [2, 0]]
    return image_tensor(image), {"boxes": torch.from_numpy(boxes), "labels": torch.from_numpy(numbers)}


def _boxes(labels: Path, height: int, width: int) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Return (N, 4) boxes in pixels and their classes, counted from 1, as torchvision wants them."""
    lines = [[float(value) for value in line.split()] for line in labels.read_text().splitlines()]
    table = np.array(lines, np.float32).reshape(-1, 5)
    centres, sizes = table[:, 1:3] * [width, height], table[:, 3:5] * [width, height]
    boxes = np.hstack([centres - sizes / 2, centres + sizes / 2]).astype(np.float32)
    return boxes, table[:, 0].astype(np.int64) + 1
