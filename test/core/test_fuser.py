"""`Fuser`, the one door for users, and the weights files behind it."""

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.numpy import load_file, save_file

from epofusion_core import Fuser
from epofusion_core.engines.engine import EngineError
from epofusion_core.exposure import overexposed_region
from epofusion_core.imaging import luma, with_luma
from epofusion_core.model.card import WeightsError, read_card


@pytest.fixture(scope="module")
def fuser(random_weights: Path) -> Fuser:
    return Fuser.load(random_weights)


def images(height: int, width: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    return rng.integers(0, 256, (height, width, 3), dtype=np.uint8), rng.integers(0, 256, (height, width), np.uint8)


def test_shapes_types_and_ranges_are_as_documented(fuser: Fuser) -> None:
    result = fuser(*images(50, 70))
    assert result.fused_rgb.shape == (50, 70, 3)
    assert result.fused_rgb.dtype == np.uint8
    for image in (result.fused_luma, result.guidance, result.overexposure):
        assert image.shape == (50, 70)
        assert image.dtype == np.float32
        assert image.min() >= 0
        assert image.max() <= 1


def test_equal_input_gives_equal_bits_also_after_loading_again(fuser: Fuser, random_weights: Path) -> None:
    pair = images(64, 96)
    first, second, other = fuser(*pair), fuser(*pair), Fuser.load(random_weights, device="cpu")(*pair)
    assert np.array_equal(first.fused_rgb, second.fused_rgb)
    assert np.array_equal(first.fused_luma, other.fused_luma)


def test_thermal_may_be_8_bit_or_float(fuser: Fuser) -> None:
    rgb, thermal = images(40, 40)
    as_float = fuser(rgb, thermal.astype(np.float32) / np.float32(255))
    np.testing.assert_allclose(fuser(rgb, thermal).fused_luma, as_float.fused_luma, atol=1e-5)


def test_half_precision_gives_almost_the_same_picture(random_weights: Path) -> None:
    pair = images(64, 96)
    full, half = (
        Fuser.load(random_weights, engine="torch", precision=precision)(*pair).fused_luma
        for precision in ("f32", "f16")
    )
    np.testing.assert_allclose(half, full, atol=0.02)


def test_the_overexposure_map_marks_what_is_blown_out(fuser: Fuser) -> None:
    rgb = np.full((60, 80, 3), 90, np.uint8)
    rgb[:, 40:] = 255
    overexposure = fuser(rgb, np.zeros((60, 80), np.uint8)).overexposure
    assert overexposure[:, 55:].min() > 0.99
    assert overexposure[:, :25].max() < 0.01


def test_the_guidance_mask_ends_where_the_overexposed_region_ends(fuser: Fuser) -> None:
    rgb, thermal = images(60, 80)
    rgb[:, 40:] = 255
    outside = ~overexposed_region(luma(rgb))
    guidance = fuser(rgb, thermal).guidance
    assert not guidance[outside].any()
    assert guidance[~outside].all(), "random weights are sure of nothing"


@pytest.mark.parametrize(
    ("rgb", "thermal", "sentence"),
    [
        (np.zeros((4, 4), np.uint8), np.zeros((4, 4), np.uint8), "rgb has shape"),
        (np.zeros((4, 4, 3), np.float32), np.zeros((4, 4), np.uint8), "rgb has shape"),
        (np.zeros((4, 4, 3), np.uint8), np.zeros((4, 5), np.uint8), "equal sizes"),
        (np.zeros((4, 4, 3), np.uint8), np.zeros((4, 4), np.uint16), "thermal has shape"),
        (np.zeros((0, 4, 3), np.uint8), np.zeros((0, 4), np.uint8), "at least 1 x 1"),
    ],
)
def test_bad_images_are_one_clear_sentence(fuser: Fuser, rgb: np.ndarray, thermal: np.ndarray, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        fuser(rgb, thermal)


@pytest.mark.parametrize("values", [(23.4, 35), (0, 255), (0.5, 1.01), (-0.01, 1), (0.2, np.nan), (0, np.inf)])
def test_thermal_values_outside_0_to_1_are_one_clear_sentence(fuser: Fuser, values: tuple[float, float]) -> None:
    thermal = np.array([values] * 4, np.float32).repeat(2, axis=1)
    with pytest.raises(ValueError, match=r"thermal holds values of .* to .*; expected \[0, 1\]"):
        fuser(np.zeros((4, 4, 3), np.uint8), thermal)


def test_unknown_models_devices_and_steps_are_one_clear_sentence(random_weights: Path) -> None:
    with pytest.raises(WeightsError, match="epofusion_xl"):
        Fuser.load("epofusion_xl")
    with pytest.raises(ValueError, match="warp drive"):
        Fuser.load(random_weights, device="warp drive")
    with pytest.raises(ValueError, match="steps is 0"):
        Fuser.load(random_weights, steps=0)


def test_a_truncated_or_foreign_weights_file_is_one_clear_sentence(random_weights: Path, tmp_path: Path) -> None:
    whole = random_weights.read_bytes()
    for name, content in (("short", whole[: len(whole) // 2]), ("empty", b""), ("text", b"weights?" * 99)):
        path = tmp_path / f"{name}.safetensors"
        path.write_bytes(content)
        with pytest.raises(WeightsError, match=name):
            Fuser.load(path)


@pytest.mark.parametrize(
    ("metadata", "sentence"),
    [
        ({"format": "another-1"}, "is no EPOFusion model"),
        ({"config": "[1, 2]"}, "its metadata cannot be read"),
        ({"config": "7"}, "its metadata cannot be read"),
        ({"metrics": "{"}, "its metadata cannot be read"),
        ({"encoder": "resnet_of_nobody"}, "its metadata cannot be read .*expected one of convnext_atto"),
        ({"encoder": "hf-hub:someone/anything"}, "its metadata cannot be read .encoder 'hf-hub:someone/anything'"),
        ({"encoder": "local-dir:/tmp"}, "its metadata cannot be read"),
        ({"width": "wide"}, "the configuration in the file gives no network"),
        ({"width": 56}, "tensors do not fit the configuration in the file"),
    ],
    ids=str,
)
def test_a_weights_file_that_contradicts_itself_is_one_clear_sentence(
    metadata: dict[str, object], sentence: str, random_weights: Path, tmp_path: Path
) -> None:
    whole = read_card(random_weights).to_metadata()
    if metadata.keys() & whole.keys():
        changed = {**whole, **metadata}
    else:
        changed = {**whole, "config": json.dumps({**json.loads(whole["config"]), **metadata})}
    path = tmp_path / "strange.safetensors"
    save_file(load_file(random_weights), path, metadata=changed)
    with pytest.raises(WeightsError, match=f"strange.safetensors: {sentence}") as caught:
        Fuser.load(path, engine="torch")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("engine", ["torch", "onnxruntime", "openvino"])
@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_weights_that_are_no_numbers_are_refused(
    value: float, engine: str, random_weights: Path, tmp_path: Path
) -> None:
    tensors = load_file(random_weights)
    name = next(name for name, tensor in tensors.items() if tensor.dtype.kind == "f" and tensor.size > 9)
    tensors[name].reshape(-1)[-1] = value
    save_file(tensors, tmp_path / "broken.safetensors", metadata=read_card(random_weights).to_metadata())
    with pytest.raises(WeightsError, match=f"broken.safetensors: 1 tensors hold NaN or infinity, such as {name}"):
        Fuser.load(tmp_path / "broken.safetensors", engine=engine)


@pytest.mark.parametrize("engine", ["auto", "torch", "onnxruntime", "openvino"])
def test_steps_that_a_model_was_not_trained_for_are_refused_unless_forced(engine: str, random_weights: Path) -> None:
    sentence = r"model untrained_xs was trained for steps 1, .* expected 1, or untrained_steps"
    with pytest.raises(EngineError, match=sentence):
        Fuser.load(random_weights, engine=engine, steps=2)
    assert Fuser.load(random_weights, engine=engine, steps=1).card.config.steps == 1
    if engine == "torch":
        Fuser.load(random_weights, engine=engine, steps=2, untrained_steps=True)


def test_a_weights_file_says_what_it_is(random_weights: Path) -> None:
    card = read_card(random_weights)
    assert card.name == "untrained_xs"
    assert card.config.output == "sources"


@settings(max_examples=50, deadline=None)
@given(seed=st.integers(0, 2**32 - 1))
def test_replacing_the_luma_by_itself_changes_no_colour(seed: int) -> None:
    rgb = np.random.default_rng(seed).integers(0, 256, (6, 7, 3), dtype=np.uint8)
    same = with_luma(rgb, luma(rgb).astype(np.float32) / np.float32(255))
    assert np.array_equal(same, rgb)


@settings(max_examples=50, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), new=st.floats(0.3, 0.7))
def test_a_new_luma_keeps_the_colour_differences(seed: int, new: float) -> None:
    rgb = np.random.default_rng(seed).integers(100, 156, (6, 7, 3), dtype=np.uint8)
    changed = with_luma(rgb, np.full((6, 7), new, np.float32))
    differences = rgb.astype(int) - rgb[..., :1]
    assert np.array_equal(changed.astype(int) - changed[..., :1], differences)
    assert np.abs(luma(changed).astype(float) - 255 * new).max() <= 2
