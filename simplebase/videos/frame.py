"""A frame."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from simplebase.equality import ArrayEquality


@dataclass(frozen=True, eq=False)
class Frame(ArrayEquality):
    """One picture of a source.

    Args:
        image: `(height, width, 3)` uint8 RGB.
        index: its number in the source, from 0. Numbers of a live source may have gaps.
        time: seconds since the first frame, by the time stamps of a video file. For images, which
            have no time, their number.
        name: a file name that is unique in the source, such as `street_000012.jpg`.
        path: the image file that it was read from.
        duration: seconds until the next frame; None if not yet known, as for a camera.
    """

    image: np.ndarray
    index: int
    time: float
    name: str
    path: Path | None = None
    duration: float | None = None
