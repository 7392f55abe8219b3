"""Drawing poses on images."""

from collections.abc import Sequence

import cv2
import numpy as np

from simplebase.inference import Pose

_SUBPIXEL_BITS = 4
_DOT = (255, 255, 255)


def draw(image: np.ndarray, poses: Sequence[Pose], *, min_score: float = 0.1) -> np.ndarray:
    """Draws skeletons, lines and dots sized to each pose's box.

    Args:
        image: `(height, width, 3)` uint8 RGB; it is not changed.
        poses: what to draw.
        min_score: a keypoint below it is left out, with its links.

    Returns:
        A new image of the same shape.
    """
    canvas = image.copy()
    for pose in poses:
        # About 1 pixel for each 100 of the object, but never more than the image can bear.
        extent = min(max(pose.box[2:]), max(image.shape[:2]))
        width = max(1.0, extent / 110)
        _draw_pose(canvas, pose, width, min_score)
    return canvas


def _draw_pose(canvas: np.ndarray, pose: Pose, width: float, min_score: float) -> None:
    names = pose.skeleton.keypoints
    # Fixed point of 1/16 pixel; to cv2 an integer is a pixel's centre, as it is to us.
    points = np.round(pose.keypoints[:, :2] * 2**_SUBPIXEL_BITS).astype(int)
    seen = pose.keypoints[:, 2] >= min_score
    colours = [_DOT] * len(names)
    for link in pose.skeleton.links:
        start, end = names.index(link.start), names.index(link.end)
        colours[start] = link.rgb
        if seen[start] and seen[end]:
            ends = tuple(points[start].tolist()), tuple(points[end].tolist())
            cv2.line(canvas, *ends, link.rgb, round(2 * width), cv2.LINE_AA, _SUBPIXEL_BITS)
    for point, colour, shown in zip(points, colours, seen, strict=True):
        if shown:
            center, radius = tuple(point.tolist()), round((1 + 2 * width) * 2**_SUBPIXEL_BITS)
            cv2.circle(canvas, center, radius, _DOT, -1, cv2.LINE_AA, _SUBPIXEL_BITS)
            inner = radius * 2 // 3
            cv2.circle(canvas, center, inner, colour, -1, cv2.LINE_AA, _SUBPIXEL_BITS)
