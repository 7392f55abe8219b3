"""Writes pictures as a video file."""

import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import cv2
import numpy as np

from simplebase.demo.frames import FramePoses
from simplebase.demo.sinks.pictures import drawn
from simplebase.demo.sinks.sink import SourceInfo, Write
from simplebase.errors import DataError, SimplebaseWarning
from simplebase.files import replacing
from simplebase.files.native import native_name, natively_written
from simplebase.videos.video_file import quiet_opencv

# OpenCV's own build can encode MPEG-4 part 2 into .mp4 everywhere (it has no H.264 encoder), in
# 4 ms for a frame of 576x576. VP8 takes 28 ms, but browsers can play it.
_CODECS = {".mp4": "mp4v", ".m4v": "mp4v", ".avi": "MJPG", ".mkv": "mp4v", ".webm": "VP80"}

_LONGEST_LIVE_GAP = 2.0
"""Longest gap between live frames, in seconds, that is filled with repeated pictures. Otherwise an
encoder that is slower than its own rate would fall behind further and further."""
_LONGEST_GAP = 600.0
"""The same for a video file, where a longer gap is probably a wrong time stamp. An hour at 30
frames per second takes minutes to encode."""


@contextmanager
def video_file(
    path: str | os.PathLike[str], info: SourceInfo, *, overwrite: bool
) -> Iterator[Write]:
    """Writes a video in the size of its first picture; others are fitted into it.

    It has a constant frame rate, because OpenCV cannot write any other. Pictures of a sequence are
    repeated or left out, so that each is shown at the time of its frame. Images have no time, so
    each is shown for one frame period.

    Args:
        path: the suffix chooses the format.
        info: frames per second, and whether the frames have times.
        overwrite: replace `path` if it exists.

    Raises:
        OutputExistsError: `path` exists and may not be replaced.
        DataError: OpenCV cannot write it, or there was no picture.
    """
    with replacing(path, overwrite=overwrite) as partial, natively_written(partial) as written:
        video = _Video(Path(written), info.fps, partial.name)
        timeline = _Timeline(path, info)
        # The duration of a picture is known only when the next one arrives.
        waiting: FramePoses | None = None

        def show(found: FramePoses, until: float) -> None:
            times = timeline.due(found.frame.time, until) if info.is_sequence else 1
            video.write(drawn(found), times)

        def write(found: FramePoses) -> None:
            nonlocal waiting
            if waiting is not None:
                show(waiting, found.frame.time)
            waiting = found

        try:
            yield write
            if waiting is not None:
                show(waiting, waiting.frame.time + (waiting.frame.duration or 1 / info.fps))
        finally:
            video.close()
        video.require_whole(Path(path))


class _Timeline:
    """Counts pictures so that a video with a constant rate keeps the times of its frames.

    Args:
        path: the video, for messages.
        info: information about the source.
    """

    def __init__(self, path: str | os.PathLike[str], info: SourceInfo) -> None:
        self._path = path
        self._fps = info.fps
        self._is_live = info.is_live
        self._start: float | None = None
        self._written = 0

    def due(self, since: float, until: float) -> int:
        """Returns how often to write the picture shown from `since` to `until`, in seconds."""
        if self._start is None:
            self._start = since
        longest = _LONGEST_LIVE_GAP if self._is_live else _LONGEST_GAP
        if until - since > longest:
            self._start += until - since - longest
            if not self._is_live:
                self._warn(since, until)
        # The first picture is always written, because a video needs at least one.
        least = 0 if self._written else 1
        due = max(least, round((until - self._start) * self._fps) - self._written)
        self._written += due
        return due

    def _warn(self, since: float, until: float) -> None:
        warnings.warn(
            f"{self._path}: there is no frame between {since:.1f} and {until:.1f} s. The video "
            f"shows {_LONGEST_GAP:g} s of this gap and is shorter than its source.",
            SimplebaseWarning,
            stacklevel=4,
        )


class _Video:
    """A writer that takes its size from the first picture."""

    def __init__(self, path: Path, fps: float, name: str) -> None:
        self._path = path
        self._name = name
        self._fps = fps
        self._writer: cv2.VideoWriter | None = None
        self._size = (0, 0)
        self._count = 0

    def write(self, picture: np.ndarray, times: int) -> None:
        """Adds a picture `times` times."""
        if self._writer is None:
            self._writer = self._opened(picture)
        if times == 0:
            return
        bgr = cv2.cvtColor(_fitted(picture, *self._size), cv2.COLOR_RGB2BGR)
        for _ in range(times):
            self._writer.write(bgr)
        self._count += times

    def close(self) -> None:
        if self._writer is not None:
            self._writer.release()

    def require_whole(self, path: Path) -> None:
        """Raises DataError if the closed file is incomplete, which OpenCV does not report."""
        if self._writer is None:
            raise DataError(f"{path}: there was no frame, so no video is written.")
        readable = _count(self._path)
        if readable < self._count:
            raise DataError(
                f"{path}: of {self._count} frames only {readable} can be read again. Is the disk "
                "full?"
            )

    def _opened(self, picture: np.ndarray) -> cv2.VideoWriter:
        # Encoders halve the resolution of colours, and OpenCV drops an odd last row or column.
        height, width = (side + side % 2 for side in picture.shape[:2])
        self._size = height, width
        codec = cv2.VideoWriter.fourcc(*_CODECS[self._path.suffix.lower()])
        with quiet_opencv():
            writer = cv2.VideoWriter(str(self._path), codec, self._fps, (width, height))
        if not writer.isOpened():
            raise DataError(
                f"{self._name}: OpenCV cannot write a video of {width}x{height} here. Try "
                "another suffix, or a folder."
            )
        return writer


def _count(path: Path) -> int:
    """Counts the frames of a video file, because its header may promise more than was written."""
    with quiet_opencv():
        if cv2.CAP_FFMPEG in cv2.videoio_registry.getStreamBackends():
            # Packets are not decoded, which takes 10 microseconds per frame.
            undecoded = [cv2.CAP_PROP_FORMAT, -1]
            capture = cv2.VideoCapture(native_name(path), cv2.CAP_FFMPEG, undecoded)
        else:
            capture = cv2.VideoCapture(native_name(path))
        count = 0
        while capture.isOpened() and capture.grab():
            count += 1
        capture.release()
    return count


def _fitted(picture: np.ndarray, height: int, width: int) -> np.ndarray:
    """Fits the picture into another size: shrinks it if it is larger, and pads it with black."""
    shrink = min(1.0, height / picture.shape[0], width / picture.shape[1])
    # A picture of odd size is one row or column too small, and must not be resampled for that.
    if shrink < 1:
        sides = round(picture.shape[1] * shrink), round(picture.shape[0] * shrink)
        picture = cv2.resize(picture, sides, interpolation=cv2.INTER_AREA)
    down, across = height - picture.shape[0], width - picture.shape[1]
    if down == across == 0:
        return picture
    if max(down, across) == 1:
        return cv2.copyMakeBorder(picture, 0, down, 0, across, cv2.BORDER_REPLICATE)
    top, left = down // 2, across // 2
    return cv2.copyMakeBorder(
        picture, top, down - top, left, across - left, cv2.BORDER_CONSTANT, value=(0, 0, 0)
    )
