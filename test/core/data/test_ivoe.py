"""The IVOE builder: masks a person would draw, the same bytes after an interruption, bad pairs named."""

from pathlib import Path

import cv2
import numpy as np
import pytest
from typer.testing import CliRunner

from epofusion_core.data.annotations import Box, read_boxes
from epofusion_core.data.ivoe import build_ivoe
from epofusion_core.data.outline import GrabCutOutliner, SamOutliner
from epofusion_core.data.pairs import find_pairs
from epofusion_core.exposure import overexposed_region
from epofusion_core.imaging import luma, read_grey, read_rgb, write_png
from epofusion_core.simulation import Drive
from epofusion_ros.cli.ivoe import ivoe


def walker(height: int = 120, width: int = 160) -> tuple[np.ndarray, np.ndarray]:
    """A warm ellipse on a cooler noisy ground, and its exact mask."""
    y, x = np.mgrid[0:height, 0:width]
    exact = ((x - 80) / 14) ** 2 + ((y - 60) / 34) ** 2 <= 1
    ground = np.random.default_rng(0).normal(50, 4, (height, width))
    return np.where(exact, ground + 70, ground).clip(0, 255).astype(np.uint8), exact


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """Three pairs with a box each, and one with none."""
    root = tmp_path / "source"
    infrared, _ = walker()
    visible = np.random.default_rng(1).integers(20, 70, (120, 160, 3), dtype=np.uint8)
    for name in ("a", "b", "c", "without"):
        write_png(root / "vi" / f"{name}.png", visible)
        write_png(root / "ir" / f"{name}.png", infrared)
    (root / "boxes").mkdir()
    for name in ("a", "b", "c"):
        (root / "boxes" / f"{name}.txt").write_text("0 0.5 0.5 0.2 0.6\n")
    return root


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def test_grabcut_outlines_a_warm_object_almost_exactly() -> None:
    infrared, exact = walker()
    (found,) = GrabCutOutliner()(infrared, [Box(62, 22, 98, 98)])
    assert (found & exact).sum() / (found | exact).sum() > 0.85


def outlined_and_exact(seed: int, *, upright: bool) -> list[tuple[np.ndarray, np.ndarray]]:
    """Outline and exact mask of the simulated objects that stand apart: people if upright, else vehicles."""
    drive, pairs = Drive(seed), []
    for index in range(0, 240, 40):
        frame = drive.frame(index)
        count, labels, stats, _ = cv2.connectedComponentsWithStats(frame.objects.astype(np.uint8))
        for label in range(1, count):
            left, top, width, height = (int(value) for value in stats[label, :4])
            if min(width, height) >= 8 and (height > 1.5 * width) == upright:
                (found,) = GrabCutOutliner()(frame.thermal, [Box(left, top, left + width, top + height)])
                pairs.append((found, labels == label))
    return pairs


def mean_iou(pairs: list[tuple[np.ndarray, np.ndarray]]) -> float:
    return float(np.mean([(found & exact).sum() / (found | exact).sum() for found, exact in pairs]))


def test_outlines_of_simulated_people_agree_with_their_exact_masks() -> None:
    people = outlined_and_exact(2, upright=True)
    assert len(people) >= 5
    assert mean_iou(people) > 0.75


def test_vehicles_are_outlined_whole_and_not_just_where_they_are_hot() -> None:
    vehicles = outlined_and_exact(2, upright=False)
    assert len(vehicles) >= 10
    assert mean_iou(vehicles) > 0.75


def test_an_object_as_cold_as_its_surroundings_has_no_outline() -> None:
    flat = np.random.default_rng(2).normal(50, 4, (120, 160)).astype(np.uint8)
    (found,) = GrabCutOutliner()(flat, [Box(60, 20, 100, 100)])
    assert not found.any()


def test_a_built_pair_has_glare_over_an_object_and_its_mask(source: Path, tmp_path: Path) -> None:
    build_ivoe(find_pairs(source), tmp_path / "out", GrabCutOutliner())
    built = find_pairs(tmp_path / "out")
    assert [pair.name for pair in built] == ["a", "b", "c"]
    _, exact = walker()
    for pair in built:
        assert pair.mask is not None
        mask = read_grey(pair.mask) > 0
        glare = overexposed_region(luma(read_rgb(pair.visible)))
        assert mask.sum() > 20
        assert not (mask & ~glare).any()
        assert (mask & exact).sum() > 0.8 * mask.sum()


def test_an_interrupted_build_resumes_to_the_same_bytes(source: Path, tmp_path: Path) -> None:
    pairs = find_pairs(source)
    build_ivoe(pairs, tmp_path / "whole", GrabCutOutliner(), seed=3)
    build_ivoe(pairs[:1], tmp_path / "parts", GrabCutOutliner(), seed=3)
    with (tmp_path / "parts" / "manifest.jsonl").open("a") as log:
        log.write('{"name": "b", "sou')
    summary = build_ivoe(pairs, tmp_path / "parts", GrabCutOutliner(), seed=3)
    assert (summary.kept, summary.built) == (1, 2)
    assert contents(tmp_path / "whole") == contents(tmp_path / "parts")


def test_another_seed_is_not_mixed_into_a_finished_build(source: Path, tmp_path: Path) -> None:
    build_ivoe(find_pairs(source), tmp_path / "out", GrabCutOutliner(), seed=1)
    with pytest.raises(ValueError, match="seed"):
        build_ivoe(find_pairs(source), tmp_path / "out", GrabCutOutliner(), seed=2)


def test_the_command_names_bad_pairs_does_the_others_and_says_so(source: Path, tmp_path: Path) -> None:
    (source / "ir" / "b.png").write_bytes(b"no image")
    result = CliRunner().invoke(ivoe, ["build", str(source), str(tmp_path / "out")])
    assert result.exit_code == 1
    assert "without: has neither boxes nor a mask" in result.output
    assert "b.png: is no image" in result.output
    assert "2 pairs done, 2 not done" in result.output
    assert (tmp_path / "out" / "preview.png").is_file()


def test_objects_marked_in_a_file_win_over_the_boxes_of_pairs(source: Path, tmp_path: Path) -> None:
    """Box 0 of pair a is a bush; pair "without" has no boxes of its own; what has changed since is not mixed in."""
    marked, corrections = tmp_path / "marked.csv", tmp_path / "corrections.csv"
    marked.write_text("name,left,top,right,bottom\nwithout,62,22,98,98\n")
    corrections.write_text("name,box,left,top,right,bottom\na,0,,,,\n")
    files = ["--object-boxes", str(marked), "--box-corrections", str(corrections)]
    arguments = ["build", str(source), str(tmp_path / "out"), *files]
    result = CliRunner().invoke(ivoe, arguments)
    assert "a: has no object that is salient" in result.output
    assert [path.stem for path in sorted((tmp_path / "out" / "mask").glob("*.png"))] == ["b", "c", "without"]
    corrections.write_text("name,box,left,top,right,bottom\na,,,,,\n")
    again = CliRunner().invoke(ivoe, arguments)
    assert again.exit_code == 2
    assert "box_corrections" in again.output
    CliRunner().invoke(ivoe, ["outline", str(source), str(tmp_path / "outlines"), "--object-boxes", str(marked)])
    assert (tmp_path / "outlines" / "without.png").is_file()


def test_the_outline_command_writes_whole_objects_and_names_pairs_without_annotations(
    source: Path, tmp_path: Path
) -> None:
    result = CliRunner().invoke(ivoe, ["outline", str(source), str(tmp_path / "out")])
    assert result.exit_code == 1
    assert "without: has neither boxes nor a mask" in result.output
    assert [path.stem for path in sorted((tmp_path / "out").glob("*.png"))] == ["a", "b", "c"]
    outline = read_grey(tmp_path / "out" / "a.png")
    _, exact = walker()
    assert set(np.unique(outline)) == {0, 255}
    assert mean_iou([(outline > 0, exact)]) > 0.85


def test_a_wrong_box_line_is_named(tmp_path: Path) -> None:
    path = tmp_path / "boxes.txt"
    path.write_text("0 0.5 0.5 0.1 0.1\n0 half\n")
    with pytest.raises(ValueError, match=r"boxes\.txt line 2"):
        read_boxes(path, 10, 10)


def test_sam_outlines_stay_inside_their_boxes(tmp_path: Path) -> None:
    transformers = pytest.importorskip("transformers", reason="the transformers library is not installed")
    config = transformers.SamConfig(
        vision_config={
            "hidden_size": 16,
            "num_hidden_layers": 1,
            "num_attention_heads": 2,
            "image_size": 64,
            "output_channels": 16,
            "global_attn_indexes": [0],
            "mlp_dim": 16,
            "window_size": 2,
            "num_pos_feats": 8,
        },
        prompt_encoder_config={"hidden_size": 16, "image_size": 64, "patch_size": 16, "mask_input_channels": 4},
        mask_decoder_config={"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "mlp_dim": 16},
    )
    transformers.SamModel(config).save_pretrained(tmp_path)
    image_processor = transformers.SamImageProcessor(size={"longest_edge": 64}, pad_size={"height": 64, "width": 64})
    transformers.SamProcessor(image_processor).save_pretrained(tmp_path)
    infrared, _ = walker()
    boxes = [Box(62, 22, 98, 98), Box(5, 5, 30, 40)]
    masks = SamOutliner(tmp_path)(infrared, boxes)
    assert len(masks) == 2
    for mask, box in zip(masks, boxes, strict=True):
        outside = mask.copy()
        outside[box.top : box.bottom, box.left : box.right] = False
        assert mask.shape == infrared.shape
        assert not outside.any()


def test_a_missing_sam_checkpoint_is_one_clear_sentence(tmp_path: Path) -> None:
    pytest.importorskip("transformers", reason="the transformers library is not installed")
    with pytest.raises(ValueError, match="is no folder"):
        SamOutliner(tmp_path / "missing")
