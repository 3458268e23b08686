"""Reading of image files: both cameras alike, whatever the camera wrote into them."""

import logging
import os
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from epofusion_core.imaging import read_grey, read_rgb, read_thermal, write_png

_ORIENTATION = 0x0112


@pytest.mark.parametrize("suffix", ["jpg", "png", "tiff"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_both_cameras_are_turned_alike(orientation: int, suffix: str, tmp_path: Path) -> None:
    """The same scene with the same EXIF orientation lies in the same pixels of both."""
    exif = Image.Exif()
    exif[_ORIENTATION] = orientation
    grey = np.full((48, 64), 40, np.uint8)
    grey[:16, :24] = 220
    for name, image in (("vi", np.dstack([grey] * 3)), ("ir", grey)):
        Image.fromarray(image).save(tmp_path / f"{name}.{suffix}", exif=exif)
    visible, thermal = read_rgb(tmp_path / f"vi.{suffix}")[..., 0], read_thermal(tmp_path / f"ir.{suffix}")
    assert visible.shape == thermal.shape == ((48, 64) if orientation <= 4 else (64, 48))
    assert np.abs(visible.astype(int) - thermal).max() < 20
    assert (np.argwhere(thermal > 130).mean(axis=0) < np.array(thermal.shape) / 2).tolist() == {
        1: [True, True],
        2: [True, False],
        3: [False, False],
        4: [False, True],
        5: [True, True],
        6: [True, False],
        7: [False, False],
        8: [False, True],
    }[orientation]


def test_a_turned_16_bit_thermal_image_keeps_its_counts(tmp_path: Path) -> None:
    counts = np.arange(12, dtype=np.uint16).reshape(3, 4) + 30_000
    exif = Image.Exif()
    exif[_ORIENTATION] = 6
    Image.fromarray(counts).save(tmp_path / "a.png", exif=exif)
    assert np.array_equal(read_thermal(tmp_path / "a.png"), np.rot90(counts, -1))


def test_a_folder_of_palette_colours_is_named_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    grey = np.tile(np.arange(256, dtype=np.uint8), (64, 1))
    for name in "ab":
        assert cv2.imwrite(str(tmp_path / f"{name}.png"), cv2.applyColorMap(grey, cv2.COLORMAP_JET))
    write_png(tmp_path / "grey" / "a.png", np.dstack([grey] * 3))
    with caplog.at_level(logging.WARNING):
        for path in (tmp_path / "a.png", tmp_path / "b.png", tmp_path / "grey" / "a.png"):
            assert read_grey(path).shape == grey.shape
    (said,) = caplog.messages
    assert said.startswith(f"{tmp_path}: the thermal image is coloured by a palette")


@pytest.mark.parametrize("kind", ["fifo", "folder", "missing"])
def test_what_is_no_file_is_one_clear_sentence(kind: str, tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    if kind == "fifo":
        os.mkfifo(path)
    elif kind == "folder":
        path.mkdir()
    with pytest.raises(ValueError, match=r"a\.png: (is no regular file|cannot be read).*; expected an image file"):
        read_rgb(path)
