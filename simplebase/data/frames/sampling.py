"""Small grey images of the frames of videos, as many as fit in a fixed amount of memory."""

import math
from dataclasses import dataclass, field

import cv2
import numpy as np

from simplebase.equality import ArrayEquality

WIDTH = 30
"""Pixels, as DeepLabCut's `cluster_resizewidth`."""
_HEIGHTS = (8, 60)
_LIMIT = 4000
"""Frames that are compared at most: 15 MB of small images, and two minutes of a phone's video."""
_FIRST_SPACING = 1 / 60
"""Seconds."""
_ROUNDING = 0.002
"""Seconds. Some formats round time stamps to milliseconds: a frame that comes this early belongs to
the next interval."""


@dataclass(frozen=True)
class Moment:
    """A frame of one of several videos.

    Args:
        video: the video's place among them.
        index: the frame's number in its video, from 0.
        time: seconds from the first frame of its video, by the video's time stamps.
    """

    video: int
    index: int
    time: float


@dataclass(frozen=True, eq=False)
class Sample(ArrayEquality):
    """The frames that are compared.

    Args:
        moments: `N` of them, by video and time.
        images: `(N, height, width)` uint8 grey.
    """

    moments: tuple[Moment, ...]
    images: np.ndarray


@dataclass(eq=False)
class Sampler:
    """Keeps small images of frames, all of them or as many as the limit allows, evenly over time.

    When there are more, it divides the time into intervals and keeps the first frame of each. It
    doubles their length whenever there are too many again, so the length of the videos need not be
    known before.

    Args:
        limit: frames that are kept at most; each video keeps at least one.
    """

    limit: int = _LIMIT
    _spacing: float = 0.0
    _size: tuple[int, int] | None = None
    _moments: list[Moment] = field(default_factory=list)
    _images: list[np.ndarray] = field(default_factory=list)

    def add(self, moment: Moment, image: np.ndarray) -> None:
        """Looks at the next frame.

        Args:
            moment: where it is; those of a video come in order.
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
            # All are compared with each other, so the first one's shape is that of all.
            height = round(WIDTH * image.shape[0] / image.shape[1])
            self._size = (WIDTH, min(max(height, _HEIGHTS[0]), _HEIGHTS[1]))
        small = cv2.resize(image, self._size, interpolation=cv2.INTER_AREA)
        return np.asarray(cv2.cvtColor(small, cv2.COLOR_RGB2GRAY))

    def sample(self) -> Sample:
        """What was kept of the frames so far, at least one."""
        return Sample(tuple(self._moments), np.stack(self._images))

    def _is_near(self, last: Moment, moment: Moment) -> bool:
        """Whether two frames share an interval of time, of which only the first frame is kept."""
        return last.video == moment.video and self._interval(last) == self._interval(moment)

    def _interval(self, moment: Moment) -> float:
        if not self._spacing:
            return moment.index
        # Intervals of twice the length begin where every second one did.
        return math.floor((moment.time + _ROUNDING) / self._spacing)

    def _thin(self) -> None:
        kept: list[int] = []
        for place, moment in enumerate(self._moments):
            if not kept or not self._is_near(self._moments[kept[-1]], moment):
                kept.append(place)
        self._moments = [self._moments[place] for place in kept]
        self._images = [self._images[place] for place in kept]
