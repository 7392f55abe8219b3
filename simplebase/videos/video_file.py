"""Reads the frames of a video file."""

import os
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import cv2
import numpy as np

from simplebase.errors import DataError, SimplebaseWarning
from simplebase.files import require_file
from simplebase.files.native import native_name
from simplebase.silence import silenced_stderr
from simplebase.videos.frame import Frame
from simplebase.videos.times import HIGHEST_RATE, Clock, sampled

DEFAULT_FPS = 30.0
"""Frame rate if neither file nor camera states one."""
# A header's count is an estimate from duration and rate, so a few missing frames are no damage.
_TOLERANCE = 0.02
# `cv2.CAP_PROP_PTS`, in frames. OpenCV has it since 4.11, and returns 0 before.
_FIRST_STAMP = 71


class VideoFile:
    """A video from its first frame to its last.

    Args:
        capture: the opened file.
        name: its name in messages.
        stem: start of the names of its frames.
        path: its path, if it is on this machine.

    Raises:
        DataError: it cannot be opened, or contains no frame.
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
        # The capture must not be released while a thread reads from it.
        self._reading = threading.Lock()
        with quiet_opencv():
            first = self._decoded()
        if not capture.isOpened():
            raise DataError(
                f"{name} cannot be opened as a video: it is damaged, cut off or of a kind that "
                "OpenCV does not read."
            )
        if first is None:
            raise DataError(f"{name} has no frame that can be read.")
        counted = int(capture.get(cv2.CAP_PROP_FRAME_COUNT))
        self.fps, self.count = _rate_and_count(path, plausible_fps(capture), counted)
        self._declared = max(0, counted)
        self._end = _declared_end(capture)
        self._clock = Clock(name, self.fps)
        self._next: tuple[np.ndarray, float] | None = (first[0], self._clock(first[1]))
        self._done = 0
        self._time = 0.0
        self._longest = 1 / self.fps

    @classmethod
    def open(cls, path: Path) -> "VideoFile":
        """Opens a file; raises MissingFileError if it does not exist, DataError as above."""
        require_file(path, "the video")
        with quiet_opencv():
            capture = cv2.VideoCapture(native_name(path))
        return cls(capture, str(path), path.stem, path)

    def read(self) -> Frame | None:
        """Returns the next frame; warns if the file ends earlier than its header says."""
        if self._next is None:
            self._warn_if_cut()
            return None
        image, self._time = self._next
        decoded = self._decoded()
        self._next = None if decoded is None else (decoded[0], self._clock(decoded[1]))
        if self._next is None:
            duration = self._last_duration()
        else:
            duration = self._next[1] - self._time
            self._longest = max(self._longest, duration)
        index, self._done = self._done, self._done + 1
        return Frame(
            cv2.cvtColor(image, cv2.COLOR_BGR2RGB, dst=image),
            index,
            self._time,
            f"{self._stem}_{index:06d}.jpg",
            duration=duration,
        )

    def close(self) -> None:
        """Closes the file."""
        with self._reading:
            self._next = None
            self._capture.release()

    def _decoded(self) -> tuple[np.ndarray, float] | None:
        """Returns the next image, `(height, width, 3)` uint8 BGR, and its time stamp in seconds."""
        with self._reading:
            read, image = self._capture.read()
            # Read now, because it is 0 before the first frame and after the last one.
            stamp = self._capture.get(cv2.CAP_PROP_POS_MSEC) / 1000
        return (image, stamp) if read else None

    def _last_duration(self) -> float:
        """Returns the duration of the last frame, until the end in the header if plausible."""
        return min(max(self._end - self._time, 1 / self.fps), self._longest)

    def _warn_if_cut(self) -> None:
        is_short = self._done < self._declared * (1 - _TOLERANCE) - 1
        # The count may be an estimate from duration and highest rate, so the time counts as well.
        if is_short and self._time + self._longest < self._end * (1 - _TOLERANCE):
            warnings.warn(
                f"{self.name} ends after {self._done} of {self._declared} frames: it is damaged or "
                "cut off. The frames up to there are processed.",
                SimplebaseWarning,
                stacklevel=2,
            )


def _declared_end(capture: cv2.VideoCapture) -> float:
    """Returns the seconds from the first frame, just read, to the header's end; 0 if unknown."""
    # MKV counts its duration from 0, and the first frame may come later.
    start = max(0.0, capture.get(_FIRST_STAMP))
    fps = capture.get(cv2.CAP_PROP_FPS)
    return (capture.get(cv2.CAP_PROP_FRAME_COUNT) - start) / fps if fps > 0 else 0.0


def _rate_and_count(path: Path | None, fps: float, count: int) -> tuple[float, int | None]:
    """Returns rate and number of frames, measured where the header only estimates them."""
    known = count if count > 0 else None
    if path is None:
        return (fps if fps <= HIGHEST_RATE else DEFAULT_FPS), known
    with quiet_opencv():
        sample = sampled(path)
    return sample.rate(fps), sample.packets if sample.is_whole and sample.packets else known


def plausible_fps(capture: cv2.VideoCapture) -> float:
    """Returns the frame rate of the file or camera; 30 if it is implausible."""
    fps = capture.get(cv2.CAP_PROP_FPS)
    return fps if 0.1 <= fps <= 1000 else DEFAULT_FPS


@contextmanager
def quiet_opencv() -> Iterator[None]:
    """Keeps OpenCV and FFmpeg from printing errors that we report ourselves."""
    os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")
    with silenced_stderr():
        yield
