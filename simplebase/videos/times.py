"""When the frames of a video file are shown, by the file's own time stamps.

Phones and screen recorders write videos of variable frame rate: there `index / fps` is off by
seconds. OpenCV gives a frame's time stamp (`CAP_PROP_POS_MSEC`) once the frame is grabbed, and 0
before the first frame and behind the last one.
"""

import warnings
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from simplebase.equality import ArrayEquality
from simplebase.errors import SimplebaseWarning
from simplebase.files.native import native_name

_JUMP = 0.5
"""Seconds. A time stamp that goes back by more starts a new count, as in files joined end to end;
one that goes back by less is a single wrong one."""
_REORDERED = 16
"""Frames that a decoder holds back at most (H.264, `max_num_reorder_frames`)."""
_SAMPLE = 600
"""Packets that are sampled at most: 20 seconds of a phone's video."""
_FAST_SHARE = 10
"""Percentile of the intervals that is taken for the shortest: a few wrong stamps change nothing."""
_ALIKE = 1.5
"""Intervals up to this multiple of the shortest are of the same rate: a phone's clock jitters."""
_SAME_RATE = 0.01
"""MKV and WebM round time stamps to milliseconds, which changes a rate by less than this."""
HIGHEST_RATE = 240.0
"""Frames per second that a phone's slow motion has; a header that says more means its clock."""
_FEWEST = 3
"""Time stamps that tell a rate at least."""


class Clock:
    """Turns a file's time stamps into times that begin at 0 and always increase.

    A time stamp that stands still or goes back is replaced: the frame is shown one frame period
    after the one before. A file without time stamps so gets `index / fps`. A warning names the
    first such frame, unless only the last few have none: decoders that reorder frames (AVI, MPEG)
    hand those over at the end of the file without their time stamps.

    Args:
        name: of the file, for people.
        fps: frames per second, for frames without a usable time stamp.
    """

    def __init__(self, name: str, fps: float) -> None:
        self._name = name
        self._fps = fps
        self._index = -1
        self._stamp = 0.0
        self._time = 0.0
        self._base = 0.0
        # Of the count before a jump back, until it is known whether a new one began.
        self._earlier_base: float | None = None
        self._replaced = 0
        self._warning: str | None = None
        self._has_warned = False

    def __call__(self, stamp: float) -> float:
        """Seconds from the first frame to the next one.

        Args:
            stamp: seconds, the next frame's time stamp in the file.
        """
        self._index += 1
        if self._index == 0:
            self._base = self._stamp = stamp
            return 0.0
        if self._earlier_base is not None and stamp - self._earlier_base > self._time:
            self._base = self._earlier_base
        time = stamp - self._base
        # Not `<=`: a stamp may be NaN.
        if not time > self._time:
            self._replaced += 1
            self._note(stamp)
            time = self._time + 1 / self._fps
            if stamp < self._stamp - _JUMP:
                self._earlier_base = self._base
                self._base = stamp - time
        else:
            self._earlier_base = None
            self._warn()
        self._stamp, self._time = stamp, time
        return time

    def _note(self, stamp: float) -> None:
        """Keeps the warning of the first replaced stamp back while it may be harmless."""
        if self._warning is None:
            self._warning = (
                f"{self._name}, frame {self._index}: the time stamp is {stamp:.3f} s, but that of "
                f"the frame before is {self._stamp:.3f} s. Where time stamps do not increase, each "
                f"frame is taken to last 1/{self._fps:g} s."
            )
        # OpenCV answers 0 where there is no stamp; if frame 1 has none, no frame has.
        is_missing = stamp == 0 and self._replaced <= min(_REORDERED, self._index - 1)
        if not is_missing:
            self._warn()

    def _warn(self) -> None:
        if self._warning is not None and not self._has_warned:
            self._has_warned = True
            warnings.warn(self._warning, SimplebaseWarning, stacklevel=4)


@dataclass(frozen=True, eq=False)
class Sample(ArrayEquality):
    """The beginning of a video file, undecoded.

    Args:
        stamps: `(N,)` seconds, the different time stamps of its packets in ascending order.
        packets: how many there are.
        is_whole: whether the file ends with them.
    """

    stamps: np.ndarray
    packets: int
    is_whole: bool

    def rate(self, fps: float) -> float:
        """Frames per second in the fastest part, so that a video of this rate shows every frame.

        A header may say the mean rate, or that of a clock (1000 in recordings of a browser).

        Args:
            fps: what the header says; returned where it is right or nothing can be measured.
        """
        if len(self.stamps) < _FEWEST:
            return fps
        intervals = np.diff(self.stamps)
        shortest = np.percentile(intervals, _FAST_SHARE)
        rate = float(1 / intervals[intervals <= _ALIKE * shortest].mean())
        return fps if abs(rate / fps - 1) < _SAME_RATE else min(round(rate, 3), HIGHEST_RATE)


def sampled(path: Path) -> Sample:
    """Reads the first packets of a video file, which takes 10 microseconds per packet."""
    if cv2.CAP_FFMPEG not in cv2.videoio_registry.getStreamBackends():
        return Sample(np.zeros(0), 0, is_whole=False)
    capture = cv2.VideoCapture(native_name(path), cv2.CAP_FFMPEG, [cv2.CAP_PROP_FORMAT, -1])
    found: list[float] = []
    while (is_more := capture.grab()) and len(found) < _SAMPLE:
        found.append(capture.get(cv2.CAP_PROP_POS_MSEC) / 1000)
    capture.release()
    return Sample(np.unique(found), len(found), is_whole=not is_more)
