"""Combines the keypoints of a view and of its mirror image."""

from typing import Any

import numpy as np


def average_flipped(
    keypoints: Any,
    flipped: Any,
    permutation: np.ndarray,
    width: int,
    max_distance: float,
    ops: Any = np,
) -> Any:
    """Returns the mean keypoints `(B, K, 3)` of views and their mirror images.

    A keypoint whose two positions are farther apart than `max_distance` gets the score 0, because
    the teacher is not sure of it.

    Args:
        keypoints: `(B, K, 3)` x, y in pixels of the view, and score.
        flipped: the same for the views mirrored left to right, in their own pixels.
        permutation: `(K,)`, see `Skeleton.horizontal_permutation`.
        width: width of a view in pixels.
        max_distance: in pixels.
        ops: the array library: `numpy`, or `keras.ops` within a graph.
    """
    back = ops.take(flipped, permutation, axis=1)
    back = ops.stack([width - 1 - back[..., 0], back[..., 1], back[..., 2]], axis=-1)
    squared = ops.sum(ops.square(keypoints[..., :2] - back[..., :2]), axis=-1)
    mean = (keypoints + back) / 2
    scores = ops.where(squared <= max_distance**2, mean[..., 2], ops.zeros_like(squared))
    return ops.concatenate([mean[..., :2], scores[..., None]], axis=-1)
