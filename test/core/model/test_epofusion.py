"""The assembled network: sizes of the paper, any input size, ablations, determinism."""

from dataclasses import replace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from epofusion_core.benchmark.complexity import measure_complexity
from epofusion_core.model.config import MODELS, ModelConfig, named_config
from epofusion_core.model.epofusion import EPOFusion
from epofusion_core.model.layers import ConvNormReLU, unshuffled_sources


def build(name: str, **changes: object) -> EPOFusion:
    torch.manual_seed(0)
    return EPOFusion(replace(named_config(name), **changes)).eval()  # type: ignore[arg-type]


def images(height: int, width: int, batch: int = 1) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(1)
    luma, infrared = torch.rand(2, batch, 1, height, width, generator=generator)
    return luma, infrared


def test_the_paper_size_has_the_published_parameters_and_operations() -> None:
    complexity = measure_complexity(build("epofusion_t"), 480, 640)
    assert complexity.parameters == pytest.approx(33.87e6, rel=0.01)
    guidance = sum(part.macs for part in complexity.parts if part.name == "guidance")
    assert complexity.macs - guidance == pytest.approx(149.99e9, rel=0.01), "the published figure is without the head"


def test_the_parts_account_for_every_parameter() -> None:
    for name in MODELS:
        model = build(name)
        assert measure_complexity(model, 64, 64).parameters == sum(p.numel() for p in model.parameters())


def test_the_averaging_stem_sees_what_a_convolution_of_the_averaged_images_sees() -> None:
    stem = build("epofusion_xs").encoder.backbone.stem_0
    plain = torch.nn.Conv2d(stem.in_channels, stem.out_channels, stem.kernel_size, stem.stride)
    plain.load_state_dict(stem.state_dict())
    sources = images(64, 96)
    averaged = torch.cat([torch.nn.functional.avg_pool2d(image, 2) for image in sources], dim=1) * 2.0 - 1.0
    torch.testing.assert_close(stem(unshuffled_sources(*sources, 2)), plain(averaged))


@pytest.mark.parametrize("name", ["epofusion_s", "epofusion_xs"])
def test_small_sizes_cost_a_fraction_of_the_paper_size(name: str) -> None:
    assert measure_complexity(build(name), 480, 640).macs < 15e9


@settings(max_examples=15, deadline=None)
@given(height=st.integers(1, 130), width=st.integers(1, 130), batch=st.integers(1, 3))
def test_output_has_the_input_size_and_range_for_any_size(height: int, width: int, batch: int) -> None:
    model = _XS
    with torch.inference_mode():
        fused, mask = model(*images(height, width, batch))
    for output in (fused, mask):
        assert output.shape == (batch, 1, height, width)
        assert output.min() >= 0
        assert output.max() <= 1


@pytest.mark.parametrize("name", list(MODELS))
def test_equal_input_gives_equal_bits(name: str) -> None:
    model = build(name)
    with torch.inference_mode():
        first, second = (model(*images(64, 96)) for _ in range(2))
    assert all(torch.equal(a, b) for a, b in zip(first, second, strict=True))


@pytest.mark.parametrize("name", list(MODELS))
def test_an_image_is_fused_alike_alone_and_in_a_batch(name: str) -> None:
    model = build(name)
    luma, infrared = images(64, 64, 3)
    with torch.inference_mode():
        together = model(luma, infrared)[0]
        alone = model(luma[1:2], infrared[1:2])[0]
    torch.testing.assert_close(together[1:2], alone, atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("switch", ["guidance", "diffusion", "mscf"])
@pytest.mark.parametrize("name", ["epofusion_t", "epofusion_xs"])
def test_each_ablation_runs_and_drops_parameters(name: str, switch: str) -> None:
    full, ablated = build(name), build(name, **{switch: False})
    with torch.inference_mode():
        fused, mask = ablated(*images(64, 64))
    assert torch.isfinite(fused).all()
    if switch == "guidance":
        assert not mask.any()
    assert sum(p.numel() for p in ablated.parameters()) < sum(p.numel() for p in full.parameters())


@pytest.mark.parametrize("steps", [1, 2, 5])
def test_any_number_of_steps_runs(steps: int) -> None:
    model = build("epofusion_s")
    with torch.inference_mode():
        fused, _ = model(*images(64, 64), steps=steps)
    assert torch.isfinite(fused).all()


@pytest.mark.parametrize(("reencode", "decoded"), [(True, 3), (False, 1)])
def test_latent_only_sampling_decodes_once_and_otherwise_every_step_does(reencode: bool, decoded: int) -> None:
    model = build("epofusion_s", reencode=reencode)
    calls = 0

    def count(*_: object) -> None:
        nonlocal calls
        calls += 1

    model.mscf.register_forward_hook(count)
    with torch.inference_mode():
        fused, _ = model(*images(64, 64), steps=3)
    assert calls == decoded
    assert torch.isfinite(fused).all()


def test_a_configuration_survives_its_plain_form() -> None:
    for config in MODELS.values():
        assert ModelConfig.from_dict(config.to_dict()) == config


def test_the_keys_on_disk_outlive_the_names_in_the_code() -> None:
    config = replace(named_config("epofusion_xs"), selection_gain=2.0, selection_radius_px=3)
    plain = config.to_dict()
    assert (plain["sharpness"], plain["choice_reach_px"]) == (2.0, 3)
    assert ModelConfig.from_dict(plain) == config


def test_a_setting_that_was_removed_is_refused_where_it_changed_something() -> None:
    plain = named_config("epofusion_xs").to_dict()
    assert ModelConfig.from_dict({**plain, "relief_gain": 1.0, "relief_reach_px": 0}) == named_config("epofusion_xs")
    with pytest.raises(ValueError, match=r"relief_gain 1.3, which was removed; train it anew"):
        ModelConfig.from_dict({**plain, "relief_gain": 1.3, "relief_reach_px": 6})


def test_a_wrong_configuration_is_refused_in_one_sentence() -> None:
    values = named_config("epofusion_s").to_dict()
    with pytest.raises(ValueError, match="colour"):
        ModelConfig.from_dict({**values, "colour": 1})
    del values["width"]
    with pytest.raises(ValueError, match="width"):
        ModelConfig.from_dict(values)
    with pytest.raises(ValueError, match="epofusion_xs"):
        named_config("epofusion_xl")


_XS = build("epofusion_xs")


def test_a_dilated_convolution_has_finite_gradients_in_bfloat16() -> None:
    torch.manual_seed(0)
    layer = ConvNormReLU(24, 24, dilation=2).to(memory_format=torch.channels_last)
    image = torch.randn(8, 24, 32, 32).to(memory_format=torch.channels_last)
    with torch.autocast("cpu", torch.bfloat16):
        layer(image).sum().backward()
    assert all(torch.isfinite(parameter.grad).all() for parameter in layer.parameters() if parameter.grad is not None)
