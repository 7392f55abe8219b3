"""Where an object is and how large, from what its labels say."""

from collections.abc import Sequence

import numpy as np

from simplebase.data.object_sizes import object_side
from simplebase.geometry import PERSON_PIXELS, Crop

Placement = tuple[list[float], float]
"""Centre x, y and scale (height / 200 px)."""


def around_box(box: Sequence[float]) -> Placement:
    """Centre and scale of a box x, y, width, height: the longer side is the object's height."""
    center, scale = Crop().around_box(np.array(box), (1, 1))
    return center.tolist(), float(scale)


def around_keypoints(keypoints: np.ndarray) -> Placement | None:
    """Centre and scale of the box around the labelled keypoints, a tenth larger.

    Args:
        keypoints: `(K, 3)` x, y, visibility.

    Returns:
        Centre and scale, rounded to 3 and 5 decimals; `None` where they are in one place, which
        tells no size.
    """
    side = object_side(keypoints, None)
    scale = round(side / PERSON_PIXELS, 5)
    if scale == 0:
        return None
    labelled = keypoints[keypoints[:, 2] > 0, :2]
    center = (labelled.min(axis=0) + labelled.max(axis=0)) / 2
    return np.round(center, 3).tolist(), scale


def boxless_note(count: int) -> str:
    """The note on how many objects are sized by their keypoints."""
    return (
        f"objects without a box, or with one at most a pixel wide or high: {count}; the box "
        "around their labelled keypoints is used, enlarged by a tenth"
    )
