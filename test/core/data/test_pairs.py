"""Readers of paired folders: every layout that people have, and a name for what has no partner."""

from pathlib import Path

import numpy as np
import pytest

from epofusion_core.data.pairs import find_pairs, scan_pairs
from epofusion_core.imaging import write_png


def put(*paths: Path) -> None:
    for path in paths:
        write_png(path, np.zeros((4, 4), np.uint8))


@pytest.mark.parametrize(
    ("visible", "infrared", "split"),
    [
        ("vi", "ir", None),
        ("Vis", "Ir", None),
        ("train/vi", "train/ir", "train"),
        ("train/Visible", "train/Infrared", "train"),
        ("visible/train", "infrared/train", "train"),
        ("crop_LR_visible", "cropinfrared", None),
    ],
)
def test_each_layout_is_read(tmp_path: Path, visible: str, infrared: str, split: str | None) -> None:
    put(tmp_path / visible / "a.png", tmp_path / infrared / "a.png")
    (pair,) = find_pairs(tmp_path, split=split)
    assert pair.name == "a"
    assert pair.visible == tmp_path / visible / "a.png"


def test_masks_and_boxes_come_with_their_pair(tmp_path: Path) -> None:
    put(*(tmp_path / folder / f"{stem}.png" for folder in ("vi", "ir", "Segmentation_labels") for stem in "ab"))
    (tmp_path / "boxes").mkdir()
    (tmp_path / "boxes" / "a.txt").write_text("0 0.5 0.5 0.5 0.5\n")
    first, second = find_pairs(tmp_path)
    assert first.mask is not None
    assert first.boxes is not None
    assert second.boxes is None


def test_datasets_below_the_root_are_named_and_lists_keep_their_order(tmp_path: Path) -> None:
    put(*(tmp_path / data / kind / f"{stem}.png" for data in ("one", "two") for kind in ("vi", "ir") for stem in "ab"))
    chosen = tmp_path / "list.txt"
    chosen.write_text("two/b\none/a\nthree/c\n")
    scan = scan_pairs(tmp_path, chosen)
    assert [pair.name for pair in scan.pairs] == ["two/b", "one/a"]
    assert scan.pairs[0].dataset == "two"
    assert "three/c" in scan.unpaired[0]


def test_images_without_a_partner_are_named(tmp_path: Path) -> None:
    put(tmp_path / "vi" / "a.png", tmp_path / "ir" / "a.png", tmp_path / "vi" / "lonely.png", tmp_path / "ir" / "x.png")
    scan = scan_pairs(tmp_path)
    assert [pair.name for pair in scan.pairs] == ["a"]
    assert len(scan.unpaired) == 2
    assert any("lonely" in sentence and "infrared" in sentence for sentence in scan.unpaired)


def test_a_missing_root_or_layout_is_one_clear_sentence(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="nowhere"):
        find_pairs(tmp_path / "nowhere")
    with pytest.raises(ValueError, match="vi/ and ir/"):
        find_pairs(tmp_path)
    put(tmp_path / "vi" / "a.png", tmp_path / "ir" / "a.png")
    with pytest.raises(ValueError, match="list"):
        find_pairs(tmp_path, tmp_path / "missing.txt")
    with pytest.raises(ValueError, match="test"):
        find_pairs(tmp_path, split="test")


def test_the_real_data_has_the_pairs_that_its_lists_say(real_data: Path) -> None:
    for name in ("train.txt", "val.txt"):
        scan = scan_pairs(real_data, real_data / name)
        assert not scan.unpaired
        assert len(scan.pairs) == len((real_data / name).read_text().split())
