"""Where an object is and how large, from what its labels say."""

from collections.abc import Sequence

import numpy as np

from simplebase.geometry import PERSON_PIXELS, Crop

MARGIN = 1.1
"""Keypoints end inside the body: an object is a little larger than the box around them."""


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
        Centre and scale, rounded to 3 and 5 decimals; `None` where fewer than two places are
        labelled, which tells no size.
    """
    labelled = keypoints[keypoints[:, 2] > 0, :2]
    if not len(labelled):
        return None
    low, high = labelled.min(axis=0), labelled.max(axis=0)
    scale = round(float(MARGIN * (high - low).max() / PERSON_PIXELS), 5)
    return (np.round((low + high) / 2, 3).tolist(), scale) if scale > 0 else None
