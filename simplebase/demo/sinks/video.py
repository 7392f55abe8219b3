"""Pictures as a video file."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import cv2
import numpy as np

from simplebase.demo.sinks.facts import Write
from simplebase.demo.sinks.pictures import drawn
from simplebase.demo.video import quiet_opencv
from simplebase.errors import DataError
from simplebase.files import replacing

# MPEG-4 part 2 is what OpenCV's own build encodes into .mp4 everywhere (it brings no H.264 encoder)
# and in 4 ms for a frame of 576x576; VP8 takes 28 ms, but browsers play it.
_CODECS = {".mp4": "mp4v", ".m4v": "mp4v", ".avi": "MJPG", ".mkv": "mp4v", ".webm": "VP80"}


@contextmanager
def video_file(path: str | os.PathLike[str], fps: float, *, overwrite: bool) -> Iterator[Write]:
    """A video in the size of its first picture; others are fitted into it.

    Args:
        path: the suffix chooses the format.
        fps: frames a second.
        overwrite: replace `path` if it exists.

    Raises:
        OutputExistsError: `path` exists and may not be replaced.
        DataError: OpenCV cannot write it.
    """
    with replacing(path, overwrite=overwrite) as partial:
        video = _Video(partial, fps)
        try:
            yield lambda found: video.write(drawn(found))
        finally:
            video.close()


class _Video:
    """A writer that learns its size from the first picture."""

    def __init__(self, path: Path, fps: float) -> None:
        self._path = path
        self._fps = fps
        self._writer: cv2.VideoWriter | None = None
        self._size = (0, 0)

    def write(self, picture: np.ndarray) -> None:
        if self._writer is None:
            self._open(picture)
        bgr = cv2.cvtColor(_fitted(picture, *self._size), cv2.COLOR_RGB2BGR)
        self._writer.write(bgr)  # type: ignore[union-attr]

    def close(self) -> None:
        if self._writer is not None:
            self._writer.release()

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
