"""Sizes of the objects in a COCO file, with the same rules for conversion and evaluation.

So AP on a converted dataset equals AP on the original file.
"""

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from simplebase.data import expect
from simplebase.data.coco_format import keypoint_box
from simplebase.data.fields import LARGEST
from simplebase.geometry import Size

MARGIN = 1.1
"""An object is larger than the box around its keypoints, which lie inside the body."""

PIXEL = 1.0
"""A box with a side up to this, or keypoints that are no farther apart, do not determine a size.
Such a box is the bare extent of keypoints, from their first pixel to their last."""

BROKEN_BOX = "box of negative or infinite size, or NaN"


def read_box(value: Any, where: str) -> list[float] | str | None:
    """Reads the box of a COCO-like annotation.

    CVAT and Label Studio write the bare extent of the keypoints, which is 0 wide or high if they
    are in line; RectLabel writes 1. Others omit the box, or write null or an empty list.

    Args:
        value: x, y, width, height.
        where: where it is, for messages.

    Returns:
        The box; `None` if there is none or it does not determine a size; or, if it is invalid, the
        reason.

    Raises:
        DataError: `value` is not four numbers.
    """
    if value is None or value == []:
        return None
    is_number = isinstance(value, list) and all(type(each) in (int, float) for each in value)
    # Comparisons with NaN are always false.
    if is_number and len(value) == 4:
        if not all(abs(each) < LARGEST for each in value) or min(value[2:]) < 0:
            return BROKEN_BOX
    box = expect.numbers(value, 4, where)
    return box if has_size(box) else None


def has_size(box: Sequence[float]) -> bool:
    """Returns whether a box x, y, width, height determines the size of an object."""
    return min(box[2:]) > PIXEL


def object_side(keypoints: np.ndarray, box: list[float] | None) -> float:
    """Returns the longer side in pixels of the box, or of the keypoints' extent plus a tenth.

    Args:
        keypoints: `(K, 3)` x, y, visibility.
        box: x, y, width, height that determine a size, if there are any.

    Returns:
        0 if there is no box and the labelled keypoints are in one place.
    """
    if box is not None:
        return max(box[2:])
    labelled = keypoints[keypoints[:, 2] > 0, :2]
    extent = float(np.ptp(labelled, axis=0).max()) if len(labelled) else 0.0
    return MARGIN * extent if extent > PIXEL else 0.0


def object_area(keypoints: np.ndarray, box: list[float] | None) -> float:
    """Returns the area for OKS of an object without a stated area, in square pixels.

    It is that of the box, else of the box around the keypoints, or of a square if they lie in a
    row. For the arguments see `object_side`; the area is 0 if the side is.
    """
    if box is not None:
        return box[2] * box[3]
    side = object_side(keypoints, None)
    around = keypoint_box(keypoints) if side else None
    return side**2 if around is None else float(around[2] * around[3])


def usual_side(sides: Iterable[float]) -> float:
    """Returns the median side of a file's objects, ignoring unknown sizes (0); 0 if all are."""
    known = [side for side in sides if side > 0]
    return float(np.median(known)) if known else 0.0


def single_point_area(usual: float, image: Size | None) -> float:
    """Returns the area of an object with one labelled keypoint and no box, in square pixels.

    Args:
        usual: `usual_side` of its file, which is assumed for the object.
        image: `(height, width)` of its image, which the object is assumed to fill if `usual` is 0.

    Returns:
        0 if neither is known.
    """
    return (usual or float(max(image or (0, 0)))) ** 2
