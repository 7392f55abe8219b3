"""Where an object is and how large, from what its labels say."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from simplebase.data import expect
from simplebase.data.fields import LARGEST
from simplebase.geometry import PERSON_PIXELS, Crop

MARGIN = 1.1
"""Keypoints end inside the body: an object is a little larger than the box around them."""

PIXEL = 1.0
"""A box that is no wider or no higher, and keypoints that are no farther apart, tell no size: it is
the bare extent of keypoints, from their first pixel to their last."""

BROKEN_BOX = "box of negative or infinite size, or NaN"

Placement = tuple[list[float], float]
"""Centre x, y and scale (height / 200 px)."""


def read_box(value: Any, where: str) -> list[float] | str | None:
    """The box of a COCO-like annotation.

    CVAT and Label Studio write the bare extent of the keypoints, which is 0 wide or high where they
    are in line, and RectLabel writes 1; others leave the box out, or write null or an empty list.

    Args:
        value: x, y, width, height.
        where: for errors.

    Returns:
        The box; `None` if there is none or it tells no size; why the object is to be left out, if
        the box is broken.

    Raises:
        DataError: `value` is not four numbers.
    """
    if value is None or value == []:
        return None
    is_number = isinstance(value, list) and all(type(each) in (int, float) for each in value)
    # Of NaN, no comparison is true.
    if is_number and len(value) == 4:
        if not all(abs(each) < LARGEST for each in value) or min(value[2:]) < 0:
            return BROKEN_BOX
    box = expect.numbers(value, 4, where)
    return box if has_size(box) else None


def has_size(box: Sequence[float]) -> bool:
    """Whether a box x, y, width, height tells how large an object is."""
    return min(box[2:]) > PIXEL


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
    labelled = keypoints[keypoints[:, 2] > 0, :2]
    if not len(labelled):
        return None
    low, high = labelled.min(axis=0), labelled.max(axis=0)
    extent = float((high - low).max())
    if extent <= PIXEL:
        return None
    return np.round((low + high) / 2, 3).tolist(), round(MARGIN * extent / PERSON_PIXELS, 5)
