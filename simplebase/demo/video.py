"""Frames of a video file."""

import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import cv2

from simplebase.demo.frames import Frame
from simplebase.errors import DataError, SimplebaseWarning
from simplebase.silence import silenced_stderr

DEFAULT_FPS = 30.0
"""Where neither file nor camera says."""
# A header's count is an estimate from duration and rate: a few frames less are no damage.
_TOLERANCE = 0.02


class VideoFile:
    """A video file from its first frame to its last.

    Args:
        path: the file.

    Raises:
        DataError: it cannot be opened, or holds no frame.
    """

    is_sequence = True
    is_live = False
    dropped = 0

    def __init__(self, path: Path) -> None:
        self.name = str(path)
        self._path = path
        with quiet_opencv():
            self._capture = cv2.VideoCapture(str(path))
            read, first = self._capture.read() if self._capture.isOpened() else (False, None)
        if not self._capture.isOpened():
            raise DataError(
                f"{path} cannot be opened as a video: it is damaged, cut off or of a kind that "
                "OpenCV does not read."
            )
        if not read:
            raise DataError(f"{path} has no frame that can be read.")
        self._first = first
        self.fps = plausible_fps(self._capture)
        counted = int(self._capture.get(cv2.CAP_PROP_FRAME_COUNT))
        self.count = counted if counted > 0 else None
        self._done = 0

    def read(self) -> Frame | None:
        """The next frame; warns if the file ends before its header says so."""
        if self._first is not None:
            image, self._first = self._first, None
        else:
            read, image = self._capture.read()
            if not read:
                self._warn_if_cut()
                return None
        index, self._done = self._done, self._done + 1
        return Frame(
            cv2.cvtColor(image, cv2.COLOR_BGR2RGB, dst=image),
            index,
            index / self.fps,
            f"{self._path.stem}_{index:06d}.jpg",
        )

    def close(self) -> None:
        """Closes the file."""
        self._capture.release()

    def _warn_if_cut(self) -> None:
        if self.count is not None and self._done < self.count * (1 - _TOLERANCE) - 1:
            warnings.warn(
                f"{self._path} ends after {self._done} of {self.count} frames: it is damaged or "
                "cut off. The frames until there are done.",
                SimplebaseWarning,
                stacklevel=2,
            )


def plausible_fps(capture: cv2.VideoCapture) -> float:
    """Frames a second as the file or the camera says, 30 if that cannot be."""
    fps = capture.get(cv2.CAP_PROP_FPS)
    return fps if 0.1 <= fps <= 1000 else DEFAULT_FPS


@contextmanager
def quiet_opencv() -> Iterator[None]:
    """Keeps OpenCV and FFmpeg from writing to the terminal what an error of ours says."""
    os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")
    with silenced_stderr():
        yield
