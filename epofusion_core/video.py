"""Reading and writing of video files as RGB frames, by PyAV (ffmpeg): H.264 that browsers play."""

import re
from collections.abc import Iterator
from contextlib import suppress
from fractions import Fraction
from pathlib import Path
from types import ModuleType, TracebackType
from typing import TYPE_CHECKING

import numpy as np

from epofusion_core.atomic_file import cannot_write, partial_of
from epofusion_core.imaging import RgbImage, ThermalImage, luma, say_coloured
from epofusion_core.thermal import is_coloured

if TYPE_CHECKING:
    import av

VIDEO_SUFFIXES = frozenset({".mp4", ".m4v", ".avi", ".mkv", ".mov", ".webm", ".mpg", ".mpeg", ".ts", ".wmv"})
_NANOSECONDS = 1_000_000_000
_SHORT_BY_FRAMES = 3
"""A video that is shorter than its file says by more is cut off; formats count their last frame differently."""

_MATROSKA_DURATION = re.compile(r"(\d+):(\d+):([\d.]+)$")
_TIME_BASE = Fraction(1, 90_000)
"""Unit of times that are written, in s."""


def is_video(path: Path) -> bool:
    """Tell by its suffix whether a path names a video."""
    return path.suffix.lower() in VIDEO_SUFFIXES


def pyav(path: Path) -> ModuleType:
    """Return PyAV, which is imported for a video alone: a vehicle that has none needs no codecs.

    Raises:
        ValueError: it is not installed; the sentence names the video.
    """
    try:
        import av
    except ImportError as error:
        raise ValueError(f"{path}: a video needs PyAV, which is not installed; pip install av") from error
    return av


class VideoReader:
    """Frames of a video file, in order.

    Attributes:
        rate_hz: nominal frame rate.
        frames: nominal number of frames; 0 where the file does not say.
        damage: after the last frame, a sentence if the video ends before its time; else empty.
    """

    def __init__(self, path: Path) -> None:
        """Open a video.

        Raises:
            ValueError: the file is missing, or has no video stream, or PyAV is missing; the sentence names it.
        """
        self.path = path
        self.damage = ""
        if path.exists() and not path.is_file():
            raise ValueError(f"{path}: is no regular file; expected MP4, AVI, MKV or MOV")
        self._av = pyav(path)
        try:
            self._container = self._av.open(str(path))
            self._stream = self._container.streams.video[0]
        except (OSError, IndexError, self._av.FFmpegError) as error:
            raise ValueError(f"{path}: cannot be read as a video ({error}); expected MP4, AVI, MKV or MOV") from error
        self.rate_hz = float(self._stream.average_rate or 30)
        self.frames = int(self._stream.frames)

    def __iter__(self) -> Iterator[tuple[int, RgbImage]]:
        """Yield (time since the first frame in ns, (H, W, 3) uint8 RGB); damage ends the video.

        Raises:
            ValueError: the file is damaged before its first frame.
        """
        for time_ns, frame in self._frames():
            yield time_ns, frame.to_ndarray(format="rgb24").astype(np.uint8, copy=False)

    def thermal_frames(self) -> Iterator[tuple[int, ThermalImage]]:
        """Yield (time since the first frame in ns, (H, W)): the values of a video of over 8 bits, else its luma.

        Grey ones come as they are, uint16 or float32; colours of over 8 bits as luma of 16.

        Raises:
            ValueError: the file is damaged before its first frame.
        """
        for time_ns, frame in self._frames():
            if frame.format.components[0].bits > 8:
                is_grey = frame.format.name.startswith("gray")
                values = frame.to_ndarray() if is_grey else frame.to_ndarray(format="gray16le")
                is_float = values.dtype.kind == "f"
                yield time_ns, values.astype(np.float32) if is_float else values.astype(np.uint16, copy=False)
                continue
            rgb = frame.to_ndarray(format="rgb24").astype(np.uint8, copy=False)
            if is_coloured(rgb):
                say_coloured(self.path)
            yield time_ns, luma(rgb)

    def _frames(self) -> "Iterator[tuple[int, av.VideoFrame]]":
        """Yield each frame with its time since the first one, ns."""
        first: Fraction | None = None
        time, index = Fraction(0), -1
        try:
            for index, frame in enumerate(self._container.decode(self._stream)):
                time = Fraction(index) / Fraction(self.rate_hz).limit_denominator(1000)
                if frame.pts is not None and frame.time_base is not None:
                    time = frame.pts * frame.time_base
                first = time if first is None else first
                yield round((time - first) * _NANOSECONDS), frame
        except self._av.FFmpegError as error:
            if first is None:
                raise ValueError(f"{self.path}: is damaged ({error}); no frame could be read") from error
            self.damage = f"{self.path}: is damaged after {float(time - first):.2f} s ({error})"
            return
        self.damage = self._cut_off(index + 1, float(time - (first or 0)))

    def _cut_off(self, frames: int, last_s: float) -> str:
        """Return a sentence if the last frame comes too early for what the file says, which depends on its format."""
        step_s = last_s / (frames - 1) if frames > 1 else 1 / self.rate_hz
        end_s, lasts_s = last_s + step_s, 0.0
        if self._stream.duration and self._stream.time_base:
            lasts_s = float(self._stream.duration * self._stream.time_base)
        elif match := _MATROSKA_DURATION.match(self._stream.metadata.get("DURATION", "")):
            hours, minutes, seconds = map(float, match.groups())
            lasts_s = 3600 * hours + 60 * minutes + seconds
        elif len(self._container.streams) == 1 and self._container.duration:
            lasts_s = self._container.duration / self._av.time_base
        if self._container.format.name == "avi":  # it counts frames, also those that a recorder dropped
            is_short = frames < self.frames and end_s < lasts_s - step_s / 2
            return f"{self.path}: is cut off; it has {frames} of {self.frames} frames" if is_short else ""
        if end_s < lasts_s - _SHORT_BY_FRAMES / self.rate_hz:
            return f"{self.path}: is cut off; it ends after {end_s:.2f} of {lasts_s:.2f} s"
        return ""

    def close(self) -> None:
        """Release the file."""
        self._container.close()

    def __enter__(self) -> "VideoReader":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class VideoWriter:
    """Writes RGB or grey frames of one size as H.264 in MP4; the file appears under its name when it is complete."""

    def __init__(self, path: Path, rate_hz: float) -> None:
        """Begin a file and make its folder; the first frame decides the size.

        Raises:
            ValueError: PyAV is missing.
        """
        self._av = pyav(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        self._path, self._partial = path, partial_of(path)
        self._container = self._av.open(str(self._partial), "w", format="mp4")
        self._stream = self._container.add_stream("libx264", rate=Fraction(rate_hz).limit_denominator(1000))
        self._stream.pix_fmt = "yuv420p"
        self._stream.options = {"crf": "18", "preset": "veryfast"}
        self._sized = False
        self._ticks = -1

    def write(self, image: RgbImage, time_ns: int | None = None) -> None:
        """Append a frame, (H, W, 3) RGB or (H, W) grey, uint8; odd sizes lose their last row or column.

        Args:
            image: the frame.
            time_ns: when it is shown; at once where the frame before is shown later. All frames have one or none, and
                then follow at the rate.

        Raises:
            OSError: the file cannot be written.
        """
        rgb = image if image.ndim == 3 else np.dstack([image] * 3)
        rgb = np.ascontiguousarray(rgb[: rgb.shape[0] // 2 * 2, : rgb.shape[1] // 2 * 2])
        if not self._sized:
            self._stream.height, self._stream.width = rgb.shape[:2]
            if time_ns is not None:
                self._stream.codec_context.time_base = _TIME_BASE
            self._sized = True
        frame = self._av.VideoFrame.from_ndarray(rgb, format="rgb24")
        if time_ns is not None:
            self._ticks = max(round(Fraction(time_ns, _NANOSECONDS) / _TIME_BASE), self._ticks + 1)
            frame.pts, frame.time_base = self._ticks, _TIME_BASE
        self._mux(frame)

    def close(self) -> None:
        """Finish the file, which takes its name.

        Raises:
            OSError: it cannot be written; nothing of it stays.
        """
        try:
            if self._sized:
                self._mux(None)
            self._finish()
        except BaseException:
            self.discard()
            raise

    def _finish(self) -> None:
        try:
            self._container.close()
            self._partial.replace(self._path)
        except OSError as error:
            raise cannot_write(self._path, error) from error

    def _mux(self, frame: "av.VideoFrame | None") -> None:
        """Encode a frame, or None for what the encoder still holds, and write it."""
        try:
            for packet in self._stream.encode(frame):
                self._container.mux(packet)
        except OSError as error:
            raise cannot_write(self._path, error) from error

    def discard(self) -> None:
        """Give the file up; what was there before under its name stays."""
        with suppress(self._av.FFmpegError):
            self._container.close()
        self._partial.unlink(missing_ok=True)

    def __enter__(self) -> "VideoWriter":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Finish the file; after an exception, give it up."""
        if error is None:
            self.close()
        else:
            self.discard()
