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
        index: its number in the source, from 0; a live source leaves numbers out.
        time: seconds since the first one, by the file's time stamps where it is a video file; for
            images, which have no time, their number.
        name: a file name that no other frame of the source has, such as `street_000012.jpg`.
        path: the image file that it was read from.
        duration: seconds until the next frame; None where that is not known yet, as of a camera.
    """

    image: np.ndarray
    index: int
    time: float
    name: str
    path: Path | None = None
    duration: float | None = None
