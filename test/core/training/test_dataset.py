"""Glare, augmentation and samples: what training sees."""

from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from epofusion_core.data.annotations import Annotations, Scope
from epofusion_core.data.clips import find_clips
from epofusion_core.data.glare import PEAK_RANGE, LightSpot, add_glare, random_spot
from epofusion_core.data.load import LoadedPair, load_clip, load_pair
from epofusion_core.data.pairs import FilePair
from epofusion_core.data.saliency import salient_infrared
from epofusion_core.exposure import overexposed_region
from epofusion_core.imaging import luma, write_png
from epofusion_core.training.augment import AugmentConfig, Crop, jitter, random_crop, random_exposure, random_glare
from epofusion_core.training.dataset import TrainingPairs, to_sample
from epofusion_core.video import VideoWriter


def street(seed: int = 0, height: int = 120, width: int = 160) -> Crop:
    """Dark textured road with a warm block."""
    rng = np.random.default_rng(seed)
    visible = rng.integers(20, 60, (height, width, 3), dtype=np.uint8)
    infrared = rng.integers(28, 32, (height, width), dtype=np.uint8)
    objects = np.zeros((height, width), np.uint8)
    objects[50:90, 60:90] = 1
    infrared[objects > 0] = 180
    return Crop(visible, infrared, objects)


SPOT = LightSpot(75, 70, 15, 1.0, 1.4, (1, 1, 1), 0.2, 45)


def test_a_light_spot_saturates_its_centre_and_fades_outwards() -> None:
    lit = luma(add_glare(street().visible, [SPOT]))
    assert lit[70, 75] == 255
    assert lit[70, 75] > lit[70, 110] > lit[70, 155]


def test_a_yellowish_spot_is_yellowish() -> None:
    dim = LightSpot(75, 70, 15, 1.0, 0.5, (1.0, 0.93, 0.72), 0.2, 45)
    red, green, blue = add_glare(np.zeros((120, 160, 3), np.uint8), [dim])[70, 75].astype(int)
    assert red > green > blue


@given(seed=st.integers(0, 2**32 - 1), extent=st.floats(4, 200))
def test_random_spots_have_the_paper_s_peak_and_cover_the_object(seed: int, extent: float) -> None:
    spot = random_spot(np.random.default_rng(seed), 50.0, 40.0, extent)
    assert PEAK_RANGE[0] <= spot.peak <= PEAK_RANGE[1]
    assert abs(spot.x_px - 50) < extent
    assert spot.bloom_sigma_px > spot.sigma_px


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 2**32 - 1))
def test_any_augmented_crop_is_a_valid_sample(seed: int) -> None:
    config = AugmentConfig(crop_px=64)
    rng = np.random.default_rng(seed)
    crop = random_crop(street(seed % 7), config, rng)
    sample = to_sample(random_glare(jitter(crop, config, rng), config, rng), annotated=True)
    for tensor in (sample["luma"], sample["infrared"], sample["mask"]):
        assert tensor.shape == (1, 64, 64)
        assert tensor.min() >= 0
        assert tensor.max() <= 1
    assert set(sample["mask"].unique().tolist()) <= {0.0, 1.0}


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 2**32 - 1))
def test_a_crop_focused_on_objects_shows_one(seed: int) -> None:
    config = AugmentConfig(crop_px=32, scale_min=1.0, scale_max=1.0, focus_objects=1.0)
    street_with_one = street(height=240, width=320)
    assert random_crop(street_with_one, config, np.random.default_rng(seed)).objects.mean() > 0.5
    empty = Crop(street_with_one.visible, street_with_one.infrared, np.zeros_like(street_with_one.objects))
    assert random_crop(empty, config, np.random.default_rng(seed)).objects.shape == (32, 32)


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 2**32 - 1))
def test_exposure_brightens_the_visible_image_alone(seed: int) -> None:
    crop = street(seed % 7)
    exposed = random_exposure(crop, AugmentConfig(exposure=1.0), np.random.default_rng(seed))
    assert (exposed.visible >= crop.visible).all()
    assert (exposed.infrared == crop.infrared).all()
    assert (exposed.objects == crop.objects).all()


def test_exposure_blows_out_parts_of_well_exposed_streets_and_hides_objects_there() -> None:
    config = AugmentConfig(exposure=1.0)
    masks, blown_out = [], []
    for seed in range(30):
        exposed = random_exposure(street(seed), config, np.random.default_rng(seed))
        blown_out.append(overexposed_region(luma(exposed.visible)).mean())
        masks.append(to_sample(exposed, annotated=True)["mask"].mean())
    assert np.count_nonzero(np.array(blown_out) > 0.02) > 10
    assert max(blown_out) < 0.95, "something is left to see"
    assert max(masks) > 0.005


def test_the_mask_is_objects_inside_the_overexposed_region_alone() -> None:
    crop = street()
    lit = Crop(add_glare(crop.visible, [SPOT]), crop.infrared, crop.objects)
    mask = to_sample(lit, annotated=True)["mask"][0].numpy() > 0
    assert mask.any()
    assert not (mask & ~overexposed_region(luma(lit.visible))).any()
    assert not (mask & (crop.objects == 0)).any()
    assert not to_sample(crop, annotated=True)["mask"].any(), "without glare there is no mask"


def test_a_sample_is_a_pure_function_of_its_number() -> None:
    crops = [street(seed) for seed in range(3)]
    pairs = [LoadedPair("", crop.visible, crop.infrared, crop.objects, Scope.ALL) for crop in crops]
    config = AugmentConfig(crop_px=64)
    whole = TrainingPairs(pairs, config, seed=5, samples=20)
    resumed = TrainingPairs(pairs, config, seed=5, samples=20, first_sample=12)
    assert len(resumed) == 8
    for offset in range(3):
        assert torch.equal(whole[12 + offset]["luma"], resumed[offset]["luma"])
    assert not torch.equal(whole[0]["luma"], whole[1]["luma"])


def test_an_empty_training_set_is_refused() -> None:
    with pytest.raises(ValueError, match="empty"):
        TrainingPairs([], AugmentConfig(), seed=0, samples=1)


def test_saliency_finds_the_outline_of_the_warm_block_and_no_flat_road() -> None:
    crop = street()
    salient = salient_infrared(crop.infrared)
    assert salient[50:53, 60:90].mean() > 0.9
    assert not salient[:30].any()


def test_frames_of_paired_videos_are_read_at_a_distance(tmp_path: Path) -> None:
    for kind in ("vi", "ir"):
        with VideoWriter(tmp_path / kind / "drive.mp4", 25.0) as video:
            for index in range(7):
                video.write(np.full((64, 96, 3), 20 * index, np.uint8))
    (clip,), lonely = find_clips(tmp_path)
    assert not lonely
    loaded = load_clip(clip, step=3)
    assert [pair.name for pair in loaded] == ["drive/0", "drive/3", "drive/6"]
    assert [round(pair.infrared.mean() / 20) for pair in loaded] == [0, 3, 6]
    assert not any(pair.annotated for pair in loaded)


def test_a_pair_of_different_sizes_is_named(tmp_path: Path) -> None:
    write_png(tmp_path / "vi.png", np.zeros((8, 8, 3), np.uint8))
    write_png(tmp_path / "ir.png", np.zeros((8, 9), np.uint8))
    with pytest.raises(ValueError, match="street/7: visible is 8x8, infrared 9x8"):
        load_pair(FilePair("street/7", tmp_path / "vi.png", tmp_path / "ir.png"), Annotations(), Scope.RULE)
