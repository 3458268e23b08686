"""The simulated drive: exact, repeatable, and blinding."""

from pathlib import Path

import numpy as np
import pytest
import typer
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from epofusion_core.data.pairs import find_pairs
from epofusion_core.exposure import overexposed_fraction, overexposed_region
from epofusion_core.imaging import luma
from epofusion_core.simulation import SCENES, Drive
from epofusion_ros.cli.simulate import simulate

SIZE = (120, 160)


def test_the_same_seed_gives_the_same_frame_in_any_order_of_asking() -> None:
    forward, backward = Drive(3, *SIZE), Drive(3, *SIZE)
    frames = {index: forward.frame(index) for index in range(4)}
    for index in reversed(range(4)):
        again = backward.frame(index)
        assert np.array_equal(again.visible, frames[index].visible)
        assert np.array_equal(again.thermal, frames[index].thermal)
    assert not np.array_equal(Drive(4, *SIZE).frame(0).visible, frames[0].visible)


def test_stamps_are_exact_at_thirty_hertz() -> None:
    drive = Drive(0, *SIZE)
    stamps = [drive.frame(index).stamp_ns for index in (0, 1, 2, 3, 30)]
    assert stamps == [1_000_000_000, 1_033_333_333, 1_066_666_666, 1_100_000_000, 2_000_000_000]


@settings(max_examples=12, deadline=None)
@given(seed=st.integers(0, 1000), index=st.integers(0, 5000), scene=st.sampled_from(SCENES))
def test_the_mask_is_the_objects_inside_the_overexposed_region(seed: int, index: int, scene: str) -> None:
    frame = Drive(seed, *SIZE, scene).frame(index)
    assert frame.visible.shape == (*SIZE, 3)
    assert np.array_equal(frame.mask, frame.objects & overexposed_region(luma(frame.visible)))


def test_road_users_are_warmer_than_what_is_beside_them() -> None:
    import cv2

    contrasts = []
    for index in range(0, 200, 20):
        frame = Drive(1, *SIZE).frame(index)
        around = cv2.dilate(frame.objects.astype(np.uint8), np.ones((7, 7))).astype(bool) & ~frame.objects
        contrasts.append(frame.thermal[frame.objects].mean() - frame.thermal[around].mean())
    assert min(contrasts) > 5


@pytest.mark.parametrize("scene", SCENES)
def test_every_scene_blinds_the_visible_camera_over_objects(scene: str) -> None:
    drive = Drive(0, *SIZE, scene)
    frames = [drive.frame(index) for index in range(0, 150, 15)]
    blinded = [overexposed_fraction(luma(frame.visible)) > 0.002 for frame in frames]
    assert all(blinded)
    assert sum(frame.mask.any() for frame in frames) >= 8
    assert max(overexposed_fraction(luma(frame.clean_visible)) for frame in frames) < 0.05


def test_the_sky_is_cold_and_flat_in_the_infrared() -> None:
    sky = Drive(0, *SIZE, "low_sun").frame(0).thermal[:8]
    assert np.median(sky) < 30
    assert sky.std() < 10


def test_wrong_settings_are_one_clear_sentence() -> None:
    with pytest.raises(ValueError, match="'noon' is unknown"):
        Drive(scene="noon")
    with pytest.raises(ValueError, match="too small"):
        Drive(height=10, width=10)


def test_the_command_writes_pairs_that_the_readers_read(tmp_path: Path) -> None:
    app = typer.Typer()
    app.command()(simulate)
    arguments = ["--out", str(tmp_path), "--frames", "3", "--height", "96", "--width", "128", "--scene", "tunnel"]
    assert CliRunner().invoke(app, arguments).exit_code == 0
    pairs = find_pairs(tmp_path)
    assert [pair.name for pair in pairs] == [f"tunnel_0_{index:05d}" for index in range(3)]
    assert all(pair.mask is not None for pair in pairs)


def test_glare_never_appears_or_vanishes_at_once() -> None:
    drive = Drive(0, *SIZE)
    light = [float(frame.visible.mean() - frame.clean_visible.mean()) for frame in map(drive.frame, range(150))]
    assert np.abs(np.diff(light)).max() < 0.25 * np.mean(light)
