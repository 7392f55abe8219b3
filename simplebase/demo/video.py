"""Frames of a video file."""

import os
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import cv2

from simplebase.demo.frames import Frame
from simplebase.errors import DataError, SimplebaseWarning
from simplebase.files import require_file
from simplebase.silence import silenced_stderr

DEFAULT_FPS = 30.0
"""Where neither file nor camera says."""
# A header's count is an estimate from duration and rate: a few frames less are no damage.
_TOLERANCE = 0.02


class VideoFile:
    """A video from its first frame to its last.

    Args:
        capture: the opened file.
        name: for people.
        stem: what the names of its frames begin with.
        path: where it is, if it is on this machine.

    Raises:
        DataError: it cannot be opened, or holds no frame.
    """

    is_sequence = True
    is_live = False
    dropped = 0

    def __init__(
        self, capture: cv2.VideoCapture, name: str, stem: str, path: Path | None = None
    ) -> None:
        self.name = name
        self.paths = [] if path is None else [path]
        self._stem = stem
        self._capture = capture
        # Nothing is let go of while a thread reads from it.
        self._reading = threading.Lock()
        with quiet_opencv():
            read, first = capture.read() if capture.isOpened() else (False, None)
        if not capture.isOpened():
            raise DataError(
                f"{name} cannot be opened as a video: it is damaged, cut off or of a kind that "
                "OpenCV does not read."
            )
        if not read:
            raise DataError(f"{name} has no frame that can be read.")
        self._first = first
        self.fps = plausible_fps(capture)
        counted = int(capture.get(cv2.CAP_PROP_FRAME_COUNT))
        self.count = counted if counted > 0 else None
        self._done = 0

    @classmethod
    def open(cls, path: Path) -> "VideoFile":
        """Opens a file; raises MissingFileError if there is none, DataError as above."""
        require_file(path, "the video")
        with quiet_opencv():
            capture = cv2.VideoCapture(str(path))
        return cls(capture, str(path), path.stem, path)

    def read(self) -> Frame | None:
        """The next frame; warns if the file ends before its header says so."""
        if self._first is not None:
            image, self._first = self._first, None
        else:
            with self._reading:
                read, image = self._capture.read()
            if not read:
                self._warn_if_cut()
                return None
        index, self._done = self._done, self._done + 1
        return Frame(
            cv2.cvtColor(image, cv2.COLOR_BGR2RGB, dst=image),
            index,
            index / self.fps,
            f"{self._stem}_{index:06d}.jpg",
        )

    def close(self) -> None:
        """Closes the file."""
        with self._reading:
            self._capture.release()

    def _warn_if_cut(self) -> None:
        if self.count is not None and self._done < self.count * (1 - _TOLERANCE) - 1:
            warnings.warn(
                f"{self.name} ends after {self._done} of {self.count} frames: it is damaged or "
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
