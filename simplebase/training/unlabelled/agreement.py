"""Combines a teacher's keypoints in a view and in its mirror image."""

from typing import Any

import numpy as np


def agreed(
    found: Any, mirrored: Any, permutation: np.ndarray, width: int, farthest: float, ops: Any = np
) -> Any:
    """Returns the mean keypoints `(B, K, 3)` of views and their mirror images.

    A keypoint whose two positions are farther apart than `farthest` gets the score 0, because the
    teacher is not sure of it.

    Args:
        found: `(B, K, 3)` x, y in pixels of the view, and score.
        mirrored: the same for the views mirrored left to right, in their own pixels.
        permutation: `(K,)`, see `Skeleton.horizontal_permutation`.
        width: width of a view in pixels.
        farthest: largest distance in pixels.
        ops: the array library: `numpy`, or `keras.ops` within a graph.
    """
    back = ops.take(mirrored, permutation, axis=1)
    back = ops.stack([width - 1 - back[..., 0], back[..., 1], back[..., 2]], axis=-1)
    apart = ops.sum(ops.square(found[..., :2] - back[..., :2]), axis=-1)
    mean = (found + back) / 2
    scores = ops.where(apart <= farthest**2, mean[..., 2], ops.zeros_like(apart))
    return ops.concatenate([mean[..., :2], scores[..., None]], axis=-1)
