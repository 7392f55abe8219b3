"""Samples small grey images of videos, limited by a fixed amount of memory."""

import math
from dataclasses import dataclass, field

import cv2
import numpy as np

from simplebase.equality import ArrayEquality

WIDTH = 30
"""Pixels, like DeepLabCut's `cluster_resizewidth`."""
_HEIGHTS = (8, 60)
_LIMIT = 4000
"""Most frames that are compared: 15 MB of small images, and two minutes of a phone's video."""
_FIRST_SPACING = 1 / 60
"""Seconds."""
_ROUNDING = 0.002
"""Tolerance in seconds, because some formats round time stamps to milliseconds. A frame that is
this early belongs to the next interval."""


@dataclass(frozen=True)
class Moment:
    """A frame of one of several videos.

    Args:
        video: the video's index.
        index: the frame's number in its video, from 0.
        time: seconds from the first frame of its video, by the video's time stamps.
    """

    video: int
    index: int
    time: float


@dataclass(frozen=True, eq=False)
class Sample(ArrayEquality):
    """The compared frames.

    Args:
        moments: `N` frames, by video and time.
        images: `(N, height, width)` uint8 grey.
    """

    moments: tuple[Moment, ...]
    images: np.ndarray


@dataclass(eq=False)
class Sampler:
    """Keeps small images of all frames or, if there are too many, of frames evenly over time.

    In that case it divides the time into intervals and keeps the first frame of each. It doubles
    their length whenever there are too many again, so the length of the videos need not be known.

    Args:
        limit: most frames to keep. Each video keeps at least one.
    """

    limit: int = _LIMIT
    _spacing: float = 0.0
    _size: tuple[int, int] | None = None
    _moments: list[Moment] = field(default_factory=list)
    _images: list[np.ndarray] = field(default_factory=list)

    def add(self, moment: Moment, image: np.ndarray) -> None:
        """Adds the next frame.

        Args:
            moment: its position. The frames of a video come in order.
            image: `(height, width, 3)` uint8 RGB.
        """
        if self._moments and self._is_near(self._moments[-1], moment):
            return
        self._moments.append(moment)
        self._images.append(self.small(image))
        videos = moment.video + 1
        while len(self._moments) > max(self.limit, videos):
            self._spacing = max(2 * self._spacing, _FIRST_SPACING)
            self._thin()

    def small(self, image: np.ndarray) -> np.ndarray:
        """`(height, width)` uint8 grey, of the same size for all images.

        Args:
            image: `(height, width, 3)` uint8 RGB.
        """
        if self._size is None:
            # All images are compared with each other, so all have the shape of the first.
            height = round(WIDTH * image.shape[0] / image.shape[1])
            self._size = (WIDTH, min(max(height, _HEIGHTS[0]), _HEIGHTS[1]))
        small = cv2.resize(image, self._size, interpolation=cv2.INTER_AREA)
        return np.asarray(cv2.cvtColor(small, cv2.COLOR_RGB2GRAY))

    def sample(self) -> Sample:
        """Returns the kept frames, at least one."""
        return Sample(tuple(self._moments), np.stack(self._images))

    def _is_near(self, last: Moment, moment: Moment) -> bool:
        """Returns whether two frames are in the same interval, of which only the first is kept."""
        return last.video == moment.video and self._interval(last) == self._interval(moment)

    def _interval(self, moment: Moment) -> float:
        if not self._spacing:
            return moment.index
        # Intervals of twice the length start where every second interval did.
        return math.floor((moment.time + _ROUNDING) / self._spacing)

    def _thin(self) -> None:
        kept: list[int] = []
        for place, moment in enumerate(self._moments):
            if not kept or not self._is_near(self._moments[kept[-1]], moment):
                kept.append(place)
        self._moments = [self._moments[place] for place in kept]
        self._images = [self._images[place] for place in kept]
