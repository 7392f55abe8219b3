"""Sources of frames, and their results."""

from dataclasses import dataclass, field
from typing import Protocol

import numpy as np

from simplebase.equality import ArrayEquality
from simplebase.pose import Pose
from simplebase.videos.frame import Frame


class Source(Protocol):
    """A source of frames.

    Attributes:
        name: its name in messages.
        is_sequence: whether frames are consecutive, as in a video.
        is_live: whether frames are lost if they are not read in time.
        fps: frames per second, if known; with a variable frame rate, that of the fastest part.
        count: total number of frames, if known; an estimate for some videos.
        dropped: number of frames lost so far, see `is_live`.
    """

    name: str
    is_sequence: bool
    is_live: bool
    dropped: int

    @property
    def fps(self) -> float | None:
        """See above."""

    @property
    def count(self) -> int | None:
        """See above."""

    def read(self) -> Frame | None:
        """Returns the next frame; None at the end."""

    def close(self) -> None:
        """Closes the file or camera. Do not read afterwards."""


@dataclass(frozen=True, eq=False)
class FramePoses(ArrayEquality):
    """The result for a frame.

    Args:
        frame: the frame.
        poses: one pose per object.
        heat: `(height, width)` uint8: the highest of all heatmaps; None if not requested.
        picture: the frame with the drawing; None if not requested.
    """

    frame: Frame
    poses: list[Pose] = field(default_factory=list)
    heat: np.ndarray | None = None
    picture: np.ndarray | None = None
