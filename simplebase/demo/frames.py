"""Where frames come from, and what was found in them."""

from dataclasses import dataclass, field
from typing import Protocol

import numpy as np

from simplebase.equality import ArrayEquality
from simplebase.pose import Pose
from simplebase.videos.frame import Frame


class Source(Protocol):
    """Where frames come from.

    Attributes:
        name: for people.
        is_sequence: whether a frame goes on from the one before, as in a video.
        is_live: whether frames are lost that are not taken in time.
        fps: frames per second, if that is known; of variable frame rate, in the fastest part.
        count: frames in all, if that is known; of some videos an estimate.
        dropped: frames lost so far, see `is_live`.
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
        """The next frame; None at the end."""

    def close(self) -> None:
        """Lets go of file or camera; nothing is read after."""


@dataclass(frozen=True, eq=False)
class FramePoses(ArrayEquality):
    """What was found in a frame.

    Args:
        frame: the frame.
        poses: one an object.
        heat: `(height, width)` uint8 of the frame, the highest of all heatmaps; None if nobody
            asked for it.
        picture: the frame as drawn; None if nobody asked for it.
    """

    frame: Frame
    poses: list[Pose] = field(default_factory=list)
    heat: np.ndarray | None = None
    picture: np.ndarray | None = None
