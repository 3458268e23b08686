"""SegFormer is trained and judged on images with labels, the same for each method."""

import math
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from epofusion_core.downstream.labels import UNKNOWN, objects_of_labels, read_labels
from epofusion_core.downstream.schedule import TrainingSchedule
from epofusion_core.downstream.segmentation import (
    Agreement,
    LabelledImage,
    agreement,
    confusion,
    labelled_images,
    train_segformer,
)
from epofusion_core.imaging import write_png

QUICK = TrainingSchedule(iterations=20, batch=2, learning_rate=2e-3, seed=1)


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    """Several threads on such small images wait for each other, and all the more where tests run side by side."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def halves(tmp_path: Path) -> list[LabelledImage]:
    """Images whose bright half is class 1."""
    for number in range(4):
        labels = np.zeros((64, 64), np.uint8)
        labels[:, : 16 + 12 * number] = 1
        noise = np.random.default_rng(number).integers(0, 30, (64, 64), dtype=np.uint8)
        write_png(tmp_path / "images" / "town" / f"{number}.png", np.dstack([200 * labels + noise] * 3))
        write_png(tmp_path / "labels" / "town" / f"{number}.png", labels)
    return labelled_images(tmp_path / "images", tmp_path / "labels")


def test_a_network_learns_what_is_labelled_and_equal_training_gives_an_equal_network(
    halves: list[LabelledImage],
) -> None:
    network = train_segformer(halves, 2, QUICK, crop_px=64)
    assert agreement(network, halves, 2).mean > 0.8
    again = train_segformer(halves, 2, QUICK, crop_px=64)
    assert all(torch.equal(a, b) for a, b in zip(network.parameters(), again.parameters(), strict=True))


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), classes=st.integers(1, 6))
def test_every_known_pixel_is_counted_once(seed: int, classes: int) -> None:
    rng = np.random.default_rng(seed)
    predicted, true = rng.integers(0, classes, (2, 12, 17), dtype=np.uint8)
    true[rng.random(true.shape) < 0.2] = UNKNOWN
    counts = confusion(predicted, true, classes)
    assert counts.sum() == np.count_nonzero(true != UNKNOWN)
    assert counts.trace() == np.count_nonzero(predicted == true)


def test_a_class_that_does_not_occur_does_not_count_in_the_mean() -> None:
    assert Agreement((0.5, math.nan, 0.25)).mean == 0.375
    assert math.isnan(Agreement((math.nan,)).mean)


def test_each_connected_person_or_vehicle_of_the_labels_is_an_object() -> None:
    labels = np.zeros((60, 80), np.uint8)
    labels[10:30, 10:20] = 2
    labels[10:30, 40:48] = 2
    labels[40:58, 30:60] = 1
    labels[0:3, 0:3] = 1  # a speck
    labels[20:40, 60:80] = 3
    truth = objects_of_labels(labels, ("background", "car", "person", "kerb"))
    assert sorted(zip(truth.labels, truth.boxes.tolist(), strict=True), key=str) == [
        ("car", [30, 40, 60, 58]),
        ("person", [10, 10, 20, 30]),
        ("person", [40, 10, 48, 30]),
    ]


def test_labels_of_another_form_are_refused(tmp_path: Path) -> None:
    write_png(tmp_path / "colour.png", np.zeros((8, 8, 3), np.uint8))
    write_png(tmp_path / "beyond.png", np.full((8, 8), 9, np.uint8))
    with pytest.raises(ValueError, match="is no image of one channel of 8 bits"):
        read_labels(tmp_path / "colour.png", 9)
    with pytest.raises(ValueError, match="has class 9; expected 0 to 8, or 255 for unknown"):
        read_labels(tmp_path / "beyond.png", 9)
    with pytest.raises(ValueError, match="has no labels for the images in"):
        labelled_images(tmp_path, tmp_path / "nowhere")


def test_labels_of_another_size_than_their_image_are_refused(halves: list[LabelledImage]) -> None:
    write_png(halves[2].labels, np.zeros((64, 65), np.uint8))
    with pytest.raises(ValueError, match=r"2\.png: is \(64, 65\), its image \(64, 64\) pixels; expected equal sizes"):
        train_segformer(halves, 2, QUICK, crop_px=64)


def test_a_folder_without_weights_is_refused(halves: list[LabelledImage], tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="cannot be loaded"):
        train_segformer(halves, 2, QUICK, crop_px=64, start=tmp_path)
