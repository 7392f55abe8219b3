"""Drawing poses on images."""

from collections.abc import Sequence

import numpy as np

from simplebase.drawing import draw_skeleton
from simplebase.inference import Pose


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
        points, scores = pose.keypoints[:, :2], pose.keypoints[:, 2]
        draw_skeleton(
            canvas,
            points,
            pose.skeleton,
            shown=scores >= min_score,
            width=max(1.0, extent / 110),
        )
    return canvas
