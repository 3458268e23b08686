"""Two videos of one drive: frames of one moment are paired, whatever their rates, and nothing ends unsaid."""

import os
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from epofusion_core.data.clips import Clip, find_clips, read_clip
from epofusion_core.video import VideoReader, VideoWriter
from epofusion_core.video_pairs import PairedFrame, paired_frames

HEIGHT, WIDTH = 64, 256
PX_PER_S = 60


def clock(time_s: float) -> np.ndarray:
    """Return a picture whose bar tells the time."""
    image = np.full((HEIGHT, WIDTH), 40, np.uint8)
    left = round(10 + time_s * PX_PER_S)
    image[:, left : left + 8] = 250
    return image


def told(image: np.ndarray) -> float:
    grey = image if image.ndim == 2 else image[..., 0]
    columns = np.flatnonzero(grey.astype(float).mean(axis=0) > 140)
    return float(columns.mean() - 3.5 - 10) / PX_PER_S


def at_rate(rate_hz: float, seconds: float) -> list[float]:
    return [index / rate_hz for index in range(round(rate_hz * seconds))]


def write(path: Path, times_s: Sequence[float]) -> Path:
    with VideoWriter(path, 30.0) as video:
        for time_s in times_s:
            video.write(clock(time_s), round(time_s * 1e9))
    return path


def pair(visible: Path, infrared: Path) -> tuple[list[PairedFrame], list[str]]:
    problems: list[str] = []
    with VideoReader(visible) as first, VideoReader(infrared) as second:
        return list(paired_frames(first, second, problems)), problems


JITTER = np.random.default_rng(3)
UNEVEN = np.concatenate([[0], np.cumsum(JITTER.uniform(0.02, 0.2, 26))])
UNEVEN_S = (UNEVEN * 3 / (UNEVEN[-1] + 0.1)).tolist()


@pytest.mark.parametrize(
    ("visible", "infrared"),
    [
        (at_rate(30, 3), at_rate(9, 3)),
        (at_rate(9, 3), at_rate(30, 3)),
        (at_rate(60, 2), at_rate(25, 2)),
        (at_rate(30, 3), at_rate(30, 3)),
        (at_rate(30, 3), UNEVEN_S),
        (UNEVEN_S, at_rate(9, 3)),
    ],
    ids=["30 and 9", "9 and 30", "60 and 25", "30 and 30", "30 and uneven", "uneven and 9"],
)
def test_each_visible_frame_has_the_infrared_one_nearest_in_time(
    visible: list[float], infrared: list[float], tmp_path: Path
) -> None:
    frames, problems = pair(write(tmp_path / "vi.mp4", visible), write(tmp_path / "ir.mp4", infrared))
    assert problems == []
    assert [frame.number for frame in frames] == list(range(len(visible)))
    for frame, time_s in zip(frames, visible, strict=True):
        assert frame.time_ns == pytest.approx(time_s * 1e9, abs=1e5)
        assert told(frame.visible) == pytest.approx(time_s, abs=0.02)
        nearest_s = min(infrared, key=lambda other: abs(other - time_s))
        assert abs(told(frame.infrared) - time_s) <= abs(nearest_s - time_s) + 0.02


def test_a_pause_of_one_camera_is_bridged_where_it_is_short_and_named_where_it_is_long(tmp_path: Path) -> None:
    visible = write(tmp_path / "vi.mp4", at_rate(30, 3))
    for pause_s, unpaired in ((0.4, 0), (1.5, 30)):
        times = [time for time in at_rate(30, 3) if not 0.5 < time < 0.5 + pause_s]
        frames, problems = pair(visible, write(tmp_path / "ir.mp4", times))
        assert len(problems) == pytest.approx(unpaired, abs=1)
        assert len(frames) + len(problems) == 90
        assert all("s away; expected at most 0.25 s" in problem for problem in problems)
        assert max(abs(told(frame.infrared) - told(frame.visible)) for frame in frames) < 0.28


def test_the_end_of_one_video_is_named_on_either_side(tmp_path: Path) -> None:
    long, short = write(tmp_path / "long.mp4", at_rate(30, 2)), write(tmp_path / "short.mp4", at_rate(9, 1))
    frames, problems = pair(long, short)
    assert len(frames) + len(problems) == 60
    assert problems[0] == f"frame {len(frames)}: {short} has ended"
    assert 30 <= len(frames) <= 31
    frames, problems = pair(short, long)
    assert len(frames) == 9
    assert problems == [f"{short} has ended after 0.89 s; {long} goes on to 1.97 s"]


@pytest.mark.parametrize("suffix", ["mp4", "mkv", "avi", "mov"])
def test_a_tail_that_is_broken_off_is_named(suffix: str, tmp_path: Path) -> None:
    whole = tmp_path / f"whole.{suffix}"
    options = {"movflags": "faststart"} if suffix in ("mp4", "mov") else {}
    with av.open(str(whole), "w", options=options) as container:
        stream = container.add_stream("mjpeg", rate=30)
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuvj420p"
        for time_s in at_rate(30, 2):
            picture = np.dstack([clock(time_s)] * 3)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode())
    other = write(tmp_path / "vi.mp4", at_rate(30, 2))
    assert pair(whole, other)[1] == []
    cut = tmp_path / f"cut.{suffix}"
    cut.write_bytes(whole.read_bytes()[: whole.stat().st_size * 6 // 10])
    for visible, infrared in ((cut, other), (other, cut)):
        frames, problems = pair(visible, infrared)
        assert 20 < len(frames) < 50
        assert any(problem.startswith(f"{cut}: is ") for problem in problems), problems
    problems = []
    list(read_clip(Clip("x", other, cut), problems=problems))
    assert problems


def test_frames_that_a_recorder_of_avi_has_dropped_are_no_end_that_is_missing(tmp_path: Path) -> None:
    dropping = tmp_path / "dropping.avi"
    with av.open(str(dropping), "w") as container:
        stream = container.add_stream("mjpeg", rate=30)
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuvj420p"
        for index, time_s in enumerate(at_rate(30, 2)):
            if index % 7 != 2:
                frame = av.VideoFrame.from_ndarray(np.dstack([clock(time_s)] * 3), format="rgb24")
                frame.pts, frame.time_base = index, Fraction(1, 30)
                container.mux(stream.encode(frame))
        container.mux(stream.encode())
    frames, problems = pair(write(tmp_path / "vi.mp4", at_rate(30, 2)), dropping)
    assert (len(frames), problems) == (60, [])


@pytest.mark.parametrize("layout", ["gray10le", "gray12le", "gray16le", "yuv420p10le", "gbrp16le"])
def test_a_video_of_over_8_bits_keeps_them(layout: str, tmp_path: Path) -> None:
    counts = np.linspace(400, 600, HEIGHT * WIDTH).reshape(HEIGHT, WIDTH).astype(np.uint16)
    with av.open(str(tmp_path / "t.mkv"), "w") as container:
        stream = container.add_stream("ffv1", rate=Fraction(9))
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, layout
        if layout.startswith("gray"):
            frame = av.VideoFrame.from_ndarray(counts, format=layout)
        elif layout == "yuv420p10le":
            colours = np.full((HEIGHT // 2, WIDTH), 512, np.uint16)
            frame = av.VideoFrame.from_ndarray(np.vstack([counts, colours]), format=layout)
        else:
            frame = av.VideoFrame.from_ndarray(np.dstack([counts] * 3), format=layout)
        container.mux(stream.encode(frame))
        container.mux(stream.encode())
    with VideoReader(tmp_path / "t.mkv") as video:
        ((_, thermal),) = video.thermal_frames()
    assert thermal.dtype == np.uint16
    assert len(np.unique(thermal)) > 150
    if layout.startswith("gray"):
        assert np.array_equal(thermal, counts)


def test_videos_that_are_left_out_of_a_folder_are_named(tmp_path: Path) -> None:
    for name in ("vi/a.mp4", "ir/a.mp4", "vi/a.m4v", "vi/alone.mp4"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    os.mkfifo(tmp_path / "ir/b.mp4")
    clips, left_out = find_clips(tmp_path)
    assert [clip.visible.name for clip in clips] == ["a.mp4"]
    assert [sentence.removeprefix(f"{tmp_path}/") for sentence in left_out] == [
        "vi/alone.mp4: has no video of the other camera",
        "vi/a.m4v: is left out; a.mp4 has the same stem",
        "ir/b.mp4: is no regular file and is left out",
    ]
    with pytest.raises(ValueError, match=r"b\.mp4: is no regular file"):
        VideoReader(tmp_path / "ir/b.mp4")
