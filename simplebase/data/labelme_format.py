"""What a file of labelme (https://github.com/wkentaro/labelme) holds.

labelme counts from the edge of the first pixel, half a pixel before its centre. Its files have no
place for the order of keypoints, flip pairs and lines; see `simplebase.skeletons.textfiles`.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from simplebase.geometry import Size
from simplebase.skeletons import Skeleton

_VERSION = "5.5.0"
"""Of labelme, whose files of that version have these fields."""
_PIXEL_CENTRE = 0.5
_HIDDEN = "hidden"


def labelme_content(image: str, size: Size, shapes: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """What the file of an image holds.

    Args:
        image: name of the image, which lies beside the file.
        size: `(height, width)` of it, upright.
        shapes: see `labelme_shapes`.
    """
    height, width = size
    return {
        "version": _VERSION,
        "flags": {},
        "shapes": list(shapes),
        "imagePath": image,
        "imageData": None,
        "imageHeight": height,
        "imageWidth": width,
    }


def labelme_shapes(
    skeleton: Skeleton,
    keypoints: np.ndarray,
    box: Sequence[float] | None,
    group: int | None,
) -> list[dict[str, Any]]:
    """A point for each labelled keypoint of an object, and the rectangle of its box.

    Args:
        skeleton: what the keypoints are called.
        keypoints: `(K, 3)` x, y in pixels, visibility; hidden ones get the flag `hidden`.
        box: x, y, width, height from the edge of the first pixel; None: no rectangle.
        group: the object's `group_id`; None for the only object of an image, so that a point added
            in labelme, which has no group either, belongs to it.
    """
    shapes = []
    for name, (x, y, visibility) in zip(skeleton.keypoints, keypoints.tolist(), strict=True):
        if visibility > 0:
            place = [x + _PIXEL_CENTRE, y + _PIXEL_CENTRE]
            flags = {_HIDDEN: True} if visibility == 1 else {}
            shapes.append(_shape("point", name, [place], group, flags))
    if box is not None:
        left, top, width, height = box
        corners = [[left, top], [left + width, top + height]]
        shapes.append(_shape("rectangle", skeleton.name, corners, group, {}))
    return shapes


def _shape(
    kind: str, label: str, points: list[list[float]], group: int | None, flags: dict[str, bool]
) -> dict[str, Any]:
    return {
        "label": label,
        "points": points,
        "group_id": group,
        "description": "",
        "shape_type": kind,
        "flags": flags,
        "mask": None,
    }
