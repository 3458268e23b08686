"""Files appear whole or not at all: after an error, an interrupt, a kill, and where a disk has no room."""

import errno
import signal
import subprocess
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from epofusion_core.atomic_file import is_disk_full, replacing, write_text
from epofusion_core.imaging import read_rgb, write_png
from epofusion_core.video import VideoReader, VideoWriter

KILLS = 5

WRITING = """
import sys
import numpy as np
from pathlib import Path
from epofusion_core.atomic_file import write_text
from epofusion_core.imaging import write_png
from epofusion_core.video import VideoWriter

out, image = Path(sys.argv[1]), np.random.default_rng(0).integers(0, 256, (240, 320, 3), dtype=np.uint8)
for number in range(10**6):
    write_png(out / "picture.png", image)
    write_text(out / "report.html", "<html>" + "x" * 10**6 + "</html>")
    with VideoWriter(out / "video.mp4", 10.0) as video:
        for _ in range(3):
            video.write(image)
    print(number, flush=True)
"""


Room = Callable[[int], AbstractContextManager[None]]


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.parametrize("error", [ValueError("bad"), KeyboardInterrupt(), SystemExit(1), OSError(errno.EIO, "worn")])
def test_what_was_there_stays_when_writing_ends_early(error: BaseException, tmp_path: Path) -> None:
    file = tmp_path / "report.html"
    file.write_text("before")

    def write_half() -> None:
        with replacing(file) as partial:
            partial.write_text("half")
            raise error

    with pytest.raises(type(error)):
        write_half()
    assert names(tmp_path) == ["report.html"]
    assert file.read_text() == "before"


def test_an_error_names_the_file_that_the_user_knows(tmp_path: Path, room_for: Room) -> None:
    with room_for(10), pytest.raises(OSError, match=r"report\.html cannot be written \(File too large\)") as raised:
        write_text(tmp_path / "new" / "report.html", "x" * 11)
    assert is_disk_full(raised.value)
    assert names(tmp_path / "new") == []


@given(room=st.integers(0, 20_000))
def test_a_picture_or_video_is_whole_or_missing_whatever_room_there_is(
    room: int, tmp_path_factory: pytest.TempPathFactory, room_for: Room
) -> None:
    out = tmp_path_factory.mktemp("out")
    image = np.random.default_rng(0).integers(0, 256, (48, 64, 3), dtype=np.uint8)
    refused: OSError | None = None
    try:
        with room_for(room):
            write_png(out / "picture.png", image)
            with VideoWriter(out / "video.mp4", 10.0) as video:
                for _ in range(2):
                    video.write(image)
    except OSError as error:
        refused = error
    assert set(names(out)) <= {"picture.png", "video.mp4"}
    assert (refused is None) == (out / "video.mp4").exists()
    assert refused is None or (is_disk_full(refused) and "cannot be written" in str(refused))
    if (out / "picture.png").exists():
        assert (read_rgb(out / "picture.png") == image).all()
    if refused is None:
        with VideoReader(out / "video.mp4") as video:
            assert len(list(video)) == 2


def test_a_video_that_is_given_up_leaves_the_one_before(tmp_path: Path) -> None:
    image = np.zeros((48, 64, 3), np.uint8)
    with VideoWriter(tmp_path / "video.mp4", 10.0) as video:
        video.write(image)
    before = (tmp_path / "video.mp4").read_bytes()

    def write_half() -> None:
        with VideoWriter(tmp_path / "video.mp4", 10.0) as video:
            video.write(image)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_half()
    assert names(tmp_path) == ["video.mp4"]
    assert (tmp_path / "video.mp4").read_bytes() == before


def test_a_kill_at_any_moment_leaves_whole_files(tmp_path: Path) -> None:
    for number in range(KILLS):
        with subprocess.Popen(
            [sys.executable, "-c", WRITING, str(tmp_path)], stdout=subprocess.PIPE, text=True
        ) as process:
            assert process.stdout is not None
            for _ in range(1 + number % 2):
                assert process.stdout.readline()
            process.send_signal(signal.SIGKILL)
        assert read_rgb(tmp_path / "picture.png").shape == (240, 320, 3)
        assert (tmp_path / "report.html").read_text().endswith("</html>")
        with VideoReader(tmp_path / "video.mp4") as video:
            assert len(list(video)) == 3
