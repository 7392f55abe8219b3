"""Pictures as a video file."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import cv2
import numpy as np

from simplebase.demo.frames import FramePoses
from simplebase.demo.sinks.facts import Write
from simplebase.demo.sinks.pictures import drawn
from simplebase.demo.video import quiet_opencv
from simplebase.errors import DataError
from simplebase.files import replacing

# MPEG-4 part 2 is what OpenCV's own build encodes into .mp4 everywhere (it brings no H.264 encoder)
# and in 4 ms for a frame of 576x576; VP8 takes 28 ms, but browsers play it.
_CODECS = {".mp4": "mp4v", ".m4v": "mp4v", ".avi": "MJPG", ".mkv": "mp4v", ".webm": "VP80"}


# Pictures that a gap between two live frames is filled with at most, in seconds: an encoder that is
# slower than its own rate would otherwise fall behind by more each time.
_LONGEST_GAP = 2.0


@contextmanager
def video_file(
    path: str | os.PathLike[str], fps: float, *, is_live: bool = False, overwrite: bool
) -> Iterator[Write]:
    """A video in the size of its first picture; others are fitted into it.

    Args:
        path: the suffix chooses the format.
        fps: frames a second.
        is_live: repeat pictures, or leave some out, so that the video takes as long as what it
            shows took.
        overwrite: replace `path` if it exists.

    Raises:
        OutputExistsError: `path` exists and may not be replaced.
        DataError: OpenCV cannot write it, or there was no picture.
    """
    with replacing(path, overwrite=overwrite) as partial:
        video = _Video(partial, fps)
        pace = _Pace(fps)

        def write(found: FramePoses) -> None:
            video.write(drawn(found), pace.due(found.frame.time) if is_live else 1)

        try:
            yield write
        finally:
            video.close()
        video.require_whole(Path(path))


class _Pace:
    """Counts pictures so that a video of live frames runs as they came.

    Args:
        fps: frames a second of the video.
    """

    def __init__(self, fps: float) -> None:
        self._fps = fps
        self._offset: float | None = None
        self._written = 0

    def due(self, time: float) -> int:
        """How many pictures to write at `time` seconds, so that the last of them is shown then."""
        if self._offset is None:
            self._offset = time
        due = round((time - self._offset) * self._fps) + 1 - self._written
        most = max(1, round(_LONGEST_GAP * self._fps))
        if due > most:
            self._offset += (due - most) / self._fps
            due = most
        self._written += max(0, due)
        return due


class _Video:
    """A writer that learns its size from the first picture."""

    def __init__(self, path: Path, fps: float) -> None:
        self._path = path
        self._fps = fps
        self._writer: cv2.VideoWriter | None = None
        self._size = (0, 0)
        self._last: np.ndarray | None = None
        self._count = 0

    def write(self, picture: np.ndarray, times: int) -> None:
        """Adds a picture; `times` - 1 times the one before it, until then."""
        if self._writer is None:
            self._open(picture)
        bgr = cv2.cvtColor(_fitted(picture, *self._size), cv2.COLOR_RGB2BGR)
        for number in range(times):
            shown = bgr if number == times - 1 or self._last is None else self._last
            self._writer.write(shown)  # type: ignore[union-attr]
        self._count += max(0, times)
        self._last = bgr

    def close(self) -> None:
        if self._writer is not None:
            self._writer.release()

    def require_whole(self, path: Path) -> None:
        """Raises DataError if the closed file is not what was written: OpenCV tells nothing."""
        if self._writer is None:
            raise DataError(f"{path}: there was no frame, so no video is written.")
        readable = _count(self._path)
        if readable < self._count:
            raise DataError(
                f"{path}: of {self._count} frames only {readable} can be read again. Is the disk "
                "full?"
            )

    def _open(self, picture: np.ndarray) -> None:
        # Encoders halve the resolution of colours, and OpenCV drops an odd last row or column.
        height, width = (side + side % 2 for side in picture.shape[:2])
        self._size = height, width
        codec = cv2.VideoWriter.fourcc(*_CODECS[self._path.suffix.lower()])
        with quiet_opencv():
            self._writer = cv2.VideoWriter(str(self._path), codec, self._fps, (width, height))
        if not self._writer.isOpened():
            raise DataError(
                f"{self._path.name}: OpenCV cannot write a video of {width}x{height} here. Try "
                "another suffix, or a folder."
            )


def _count(path: Path) -> int:
    """Frames of a video file. A header may promise more than was written."""
    with quiet_opencv():
        if cv2.CAP_FFMPEG in cv2.videoio_registry.getStreamBackends():
            # Packets as they are, undecoded: 10 microseconds a frame.
            undecoded = [cv2.CAP_PROP_FORMAT, -1]
            capture = cv2.VideoCapture(str(path), cv2.CAP_FFMPEG, undecoded)
        else:
            capture = cv2.VideoCapture(str(path))
        count = 0
        while capture.isOpened() and capture.grab():
            count += 1
        capture.release()
    return count


def _fitted(picture: np.ndarray, height: int, width: int) -> np.ndarray:
    """The picture in a frame of another size: shrunk if it is larger, and filled up with black."""
    shrink = min(1.0, height / picture.shape[0], width / picture.shape[1])
    # A picture of odd size is one row or column short, and is not to be resampled for it.
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
