"""Readers of paired folders: every layout that people have, and a name for what has no partner."""

import os
from pathlib import Path
from unicodedata import normalize

import cv2
import numpy as np
import pytest

from epofusion_core.data.pairs import find_pairs, pair_folders, scan_pairs
from epofusion_core.imaging import read_rgb, write_png


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
        ("Train/vi", "Train/ir", "train"),
        ("M3FD_Detection/train/Vis", "M3FD_Detection/train/Ir", None),
    ],
)
def test_each_layout_is_read(tmp_path: Path, visible: str, infrared: str, split: str | None) -> None:
    put(tmp_path / visible / "a.png", tmp_path / infrared / "a.png")
    (pair,) = find_pairs(tmp_path, split=split)
    assert pair.name == ("M3FD_Detection/train/a" if "M3FD" in visible else "a")
    assert pair.visible == tmp_path / visible / "a.png"


LAYOUTS = {
    "LLVIP": ("visible/{}/010001.jpg", "infrared/{}/010001.jpg", "{}/010001"),
    "FMB": ("{}/Visible/00043.png", "{}/Infrared/00043.png", "{}/00043"),
    "MSRS": ("MSRS/{}/vi/00004N.png", "MSRS/{}/ir/00004N.png", "MSRS/{}/00004N"),
    "FLIR": ("{}/RGB/FLIR_00001.jpg", "{}/thermal_8_bit/FLIR_00001.jpeg", "{}/FLIR_00001"),
    "FLIR aligned": ("{}/FLIR_00002_RGB.jpg", "{}/FLIR_00002_PreviewData.jpeg", "{}/FLIR_00002"),
    "KAIST": ("images/{}/set00/V000/visible/I00000.jpg", "images/{}/set00/V000/lwir/I00000.jpg", ""),
    "M3SVD": ("{}/vi/clip/0.png", "{}/ir/clip/0.png", "{}/clip/0"),
}


@pytest.mark.parametrize("split", [None, "train", "test"])
@pytest.mark.parametrize("name", LAYOUTS)
def test_each_data_set_is_read_with_and_without_a_split(tmp_path: Path, name: str, split: str | None) -> None:
    visible, infrared, wanted = LAYOUTS[name]
    for each in ("train", "test"):
        put(tmp_path / visible.format(each), tmp_path / infrared.format(each))
    (tmp_path / "Annotations").mkdir()
    scan = scan_pairs(tmp_path, split=split)
    wanted = wanted or "images/{}/set00/V000/I00000"
    splits = [split] if split else ["test", "train"]
    assert not scan.unpaired
    assert [pair.visible for pair in scan.pairs] == [tmp_path / visible.format(each) for each in splits]
    assert [pair.infrared for pair in scan.pairs] == [tmp_path / infrared.format(each) for each in splits]
    names = [wanted.replace("{}/", "") if split else wanted.format(each) for each in splits]
    assert [pair.name for pair in scan.pairs] == names


def test_a_folder_that_one_camera_lacks_is_named(tmp_path: Path) -> None:
    put(*(tmp_path / folder / "a.png" for folder in ("visible/train", "infrared/train", "visible/val")))
    scan = scan_pairs(tmp_path)
    assert len(scan.pairs) == 1
    assert scan.unpaired == [f"{tmp_path / 'visible/val'}: the other camera has no folder of this name"]
    put(tmp_path / "vi/a.png", tmp_path / "vi/b/a.png", tmp_path / "ir/a.png", tmp_path / "ir/b/a.png")
    assert [pair.name for pair in pair_folders(tmp_path / "vi", tmp_path / "ir").pairs] == ["a", "b/a"]


def test_every_suffix_that_a_single_file_may_have_is_read_in_a_folder(tmp_path: Path) -> None:
    image = np.zeros((64, 64, 3), np.uint8)
    for suffix in ("webp", "jp2", "ppm", "JPG", "tif", "bmp", "jpe"):
        for camera in ("vi", "ir"):
            (tmp_path / camera).mkdir(exist_ok=True)
            assert cv2.imwrite(str(tmp_path / camera / f"{suffix}.{suffix}"), image)
    pairs = find_pairs(tmp_path)
    assert len(pairs) == 7
    assert all(read_rgb(pair.visible).shape == image.shape for pair in pairs)


def test_stems_that_two_files_share_are_named(tmp_path: Path) -> None:
    put(*(tmp_path / name for name in ("vi/a.png", "vi/a.bmp", "ir/a.png", "vi/b.png", "ir/b.png")))
    scan = scan_pairs(tmp_path)
    assert [pair.visible.name for pair in scan.pairs] == ["a.png", "b.png"]
    assert scan.unpaired == [f"{tmp_path / 'vi/a.bmp'}: is left out; a.png has the same stem"]
    (tmp_path / "list.txt").write_text("b\n")
    assert scan_pairs(tmp_path, tmp_path / "list.txt").unpaired == []
    (tmp_path / "list.txt").write_text("a\n")
    assert len(scan_pairs(tmp_path, tmp_path / "list.txt").unpaired) == 1


def test_a_stem_of_its_own_wins_over_one_that_names_its_camera(tmp_path: Path) -> None:
    put(*(tmp_path / name for name in ("vi/a.png", "vi/a_rgb.png", "vi/b_rgb.png", "ir/a.png", "ir/b_thermal.png")))
    scan = scan_pairs(tmp_path)
    assert [(pair.name, pair.visible.name) for pair in scan.pairs] == [("a", "a.png"), ("b", "b_rgb.png")]
    assert scan.unpaired == [f"{tmp_path / 'vi/a_rgb.png'}: has no infrared image of the same stem"]


def test_what_is_no_regular_file_is_named_and_skipped(tmp_path: Path) -> None:
    put(*(tmp_path / camera / "b.png" for camera in ("vi", "ir")), tmp_path / "ir/a.png", tmp_path / "ir/c.png")
    os.mkfifo(tmp_path / "vi/a.png")
    (tmp_path / "vi/c.png").mkdir()
    (tmp_path / "vi/d.png").symlink_to(tmp_path / "nowhere.png")
    for scan in (scan_pairs(tmp_path), pair_folders(tmp_path / "vi", tmp_path / "ir")):
        assert [pair.name for pair in scan.pairs] == ["b"]
        assert sum("is no regular file" in sentence for sentence in scan.unpaired) == 3


def test_an_accent_is_the_same_however_a_file_system_keeps_it(tmp_path: Path) -> None:
    composed, decomposed = (normalize(form, "café 1") for form in ("NFC", "NFD"))
    put(tmp_path / "vi" / f"{composed}.png", tmp_path / "ir" / f"{decomposed}.png")
    assert [pair.name for pair in scan_pairs(tmp_path).pairs] == [composed]
    (tmp_path / "list.txt").write_text(f"{decomposed}.png\n")
    scan = scan_pairs(tmp_path, tmp_path / "list.txt")
    assert (len(scan.pairs), scan.unpaired) == (1, [])


@pytest.mark.parametrize(
    "content",
    [
        b"drive 01\n",
        b"drive 01.png\n",
        b"drive 01.JPG",
        b"\xef\xbb\xbfdrive 01\n",
        b"  drive 01\t\r\n\r\n",
        b"set/drive 01.png\n",
        "drive 01\r\n".encode("utf-16"),
    ],
)
def test_a_list_has_one_name_a_line(tmp_path: Path, content: bytes) -> None:
    for name in ("drive 01", "drive", "01"):
        put(tmp_path / "set/vi" / f"{name}.png", tmp_path / "set/ir" / f"{name}.png")
    (tmp_path / "list.txt").write_bytes(content)
    scan = scan_pairs(tmp_path, tmp_path / "list.txt")
    assert [pair.name for pair in scan.pairs] == ["set/drive 01"]
    assert scan.unpaired == []


def test_a_line_that_names_no_pair_or_several_is_named(tmp_path: Path) -> None:
    put(*(tmp_path / data / kind / "a.png" for data in ("one", "two") for kind in ("vi", "ir")))
    (tmp_path / "list.txt").write_text("a\nb.png\n")
    assert scan_pairs(tmp_path, tmp_path / "list.txt").unpaired == [
        f"{tmp_path / 'list.txt'}: a names several pairs",
        f"{tmp_path / 'list.txt'}: b.png has no images",
    ]
    (tmp_path / "list.txt").write_bytes(b"\xff\xfa\xfb")
    with pytest.raises(ValueError, match="is no text in UTF-8; expected one stem a line"):
        scan_pairs(tmp_path, tmp_path / "list.txt")


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
