"""How large the objects of a COCO file are, by one rule for conversion and evaluation.

AP on a converted dataset is then AP on the file that it was converted from.
"""

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from simplebase.data import expect
from simplebase.data.coco_format import keypoint_box
from simplebase.data.fields import LARGEST
from simplebase.geometry import Size

MARGIN = 1.1
"""Keypoints end inside the body: an object is a little larger than the box around them."""

PIXEL = 1.0
"""A box that is no wider or no higher, and keypoints that are no farther apart, tell no size: it is
the bare extent of keypoints, from their first pixel to their last."""

BROKEN_BOX = "box of negative or infinite size, or NaN"


def read_box(value: Any, where: str) -> list[float] | str | None:
    """The box of a COCO-like annotation.

    CVAT and Label Studio write the bare extent of the keypoints, which is 0 wide or high where they
    are in line, and RectLabel writes 1; others leave the box out, or write null or an empty list.

    Args:
        value: x, y, width, height.
        where: for errors.

    Returns:
        The box; `None` if there is none or it tells no size; why it is unusable, if it is broken.

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


def object_side(keypoints: np.ndarray, box: list[float] | None) -> float:
    """The longer side in pixels, of the box or else of the keypoints' extent, a tenth larger.

    Args:
        keypoints: `(K, 3)` x, y, visibility.
        box: x, y, width, height that tell a size, if there are such.

    Returns:
        0 where there is no box and the labelled keypoints are in one place, which tells no size.
    """
    if box is not None:
        return max(box[2:])
    labelled = keypoints[keypoints[:, 2] > 0, :2]
    extent = float(np.ptp(labelled, axis=0).max()) if len(labelled) else 0.0
    return MARGIN * extent if extent > PIXEL else 0.0


def object_area(keypoints: np.ndarray, box: list[float] | None) -> float:
    """Square pixels of an object for which the file states no area, by which OKS divides.

    That of the box, else of the box around the keypoints, or of a square if they lie in a row.
    Arguments as in `object_side`; 0 where that is 0.
    """
    if box is not None:
        return box[2] * box[3]
    side = object_side(keypoints, None)
    around = keypoint_box(keypoints) if side else None
    return side**2 if around is None else float(around[2] * around[3])


def usual_side(sides: Iterable[float]) -> float:
    """The median side of a file's objects, those of unknown size (0) aside; 0 if all are."""
    known = [side for side in sides if side > 0]
    return float(np.median(known)) if known else 0.0


def single_point_area(usual: float, image: Size | None) -> float:
    """Square pixels of an object that has one labelled keypoint and no box.

    Args:
        usual: `usual_side` of its file, which the object is as large as.
        image: `(height, width)` of its image, which the object fills if `usual` is 0.

    Returns:
        0 if neither is known.
    """
    return (usual or float(max(image or (0, 0)))) ** 2
