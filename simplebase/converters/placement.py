"""Computes the position and size of an object from its labels."""

from collections.abc import Sequence

import numpy as np

from simplebase.data.object_sizes import object_side
from simplebase.geometry import PERSON_PIXELS, Crop

Placement = tuple[list[float], float]
"""Centre x, y and scale (height / 200 px)."""


def around_box(box: Sequence[float]) -> Placement:
    """Returns centre and scale of a box x, y, width, height; its longer side is the height."""
    center, scale = Crop().around_box(np.array(box), (1, 1))
    return center.tolist(), float(scale)


def around_keypoints(keypoints: np.ndarray) -> Placement | None:
    """Returns centre and scale of the box around the labelled keypoints, enlarged by a tenth.

    Args:
        keypoints: `(K, 3)` x, y, visibility.

    Returns:
        Centre and scale, rounded to 3 and 5 decimals; `None` if all are in one place.
    """
    side = object_side(keypoints, None)
    scale = round(side / PERSON_PIXELS, 5)
    if scale == 0:
        return None
    labelled = keypoints[keypoints[:, 2] > 0, :2]
    center = (labelled.min(axis=0) + labelled.max(axis=0)) / 2
    return np.round(center, 3).tolist(), scale


def boxless_note(count: int) -> str:
    """Returns the note on how many objects get their size from their keypoints."""
    return (
        f"objects without a box, or with one at most a pixel wide or high: {count}; the box "
        "around their labelled keypoints is used, enlarged by a tenth"
    )
