"""Computes the times of a video's frames from the file's own time stamps.

Phones and screen recorders write videos with a variable frame rate, for which `index / fps` is off
by seconds. OpenCV returns a frame's time stamp (`CAP_PROP_POS_MSEC`) after the frame was grabbed,
and 0 before the first frame and after the last one.
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
"""Seconds. If a time stamp goes back by more, a new count starts, as in concatenated files. If it
goes back by less, it is a single wrong time stamp."""
_REORDERED = 16
"""Most frames that a decoder holds back (H.264, `max_num_reorder_frames`)."""
_SAMPLE = 600
"""Most packets that are sampled: 20 seconds of a phone's video."""
_FAST_SHARE = 10
"""Percentile of the intervals used as the shortest, so that a few wrong stamps do not matter."""
_ALIKE = 1.5
"""Intervals up to this multiple of the shortest have the same rate, because phone clocks jitter."""
_SAME_RATE = 0.01
"""MKV and WebM round time stamps to milliseconds, which changes a rate by less than this."""
HIGHEST_RATE = 240.0
"""Highest frame rate of a phone's slow motion. A higher rate in a header is that of its clock."""
_FEWEST = 3
"""Fewest time stamps from which a rate is computed."""


class Clock:
    """Converts a file's time stamps to times that start at 0 and always increase.

    A time stamp that does not increase is replaced by that of the previous frame plus one frame
    period. So a file without time stamps gets `index / fps`. A warning names the first such frame,
    unless only the last few frames are affected: decoders that reorder frames (AVI, MPEG) return
    these at the end of the file without their time stamps.

    Args:
        name: name of the file, for messages.
        fps: frames per second, for frames without a usable time stamp.
    """

    def __init__(self, name: str, fps: float) -> None:
        self._name = name
        self._fps = fps
        self._index = -1
        self._stamp = 0.0
        self._time = 0.0
        self._base = 0.0
        # The count before a jump back, kept until it is known whether a new count has started.
        self._earlier_base: float | None = None
        self._replaced = 0
        self._warning: str | None = None
        self._has_warned = False

    def __call__(self, stamp: float) -> float:
        """Returns the seconds from the first frame to the next one.

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
        """Holds back the warning about the first replaced stamp while it may be harmless."""
        if self._warning is None:
            self._warning = (
                f"{self._name}, frame {self._index}: the time stamp is {stamp:.3f} s, but that of "
                f"the frame before is {self._stamp:.3f} s. Where time stamps do not increase, each "
                f"frame is taken to last 1/{self._fps:g} s."
            )
        # OpenCV returns 0 if there is no stamp. If frame 1 has none, no frame has one.
        is_missing = stamp == 0 and self._replaced <= min(_REORDERED, self._index - 1)
        if not is_missing:
            self._warn()

    def _warn(self) -> None:
        if self._warning is not None and not self._has_warned:
            self._has_warned = True
            warnings.warn(self._warning, SimplebaseWarning, stacklevel=4)


@dataclass(frozen=True, eq=False)
class Sample(ArrayEquality):
    """The start of a video file, undecoded.

    Args:
        stamps: `(N,)` seconds, the different time stamps of its packets in ascending order.
        packets: number of packets.
        is_whole: whether the file ends with them.
    """

    stamps: np.ndarray
    packets: int
    is_whole: bool

    def rate(self, fps: float) -> float:
        """Returns the rate of the fastest part, at which a video can show every frame.

        A header may contain the mean rate, or that of a clock (1000 in recordings of a browser).

        Args:
            fps: the header's rate, which is returned if it is right or nothing can be measured.
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
