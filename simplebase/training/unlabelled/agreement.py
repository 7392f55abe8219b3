"""What a teacher finds in a view and in its mirror image, made one."""

from typing import Any

import numpy as np


def agreed(
    found: Any, mirrored: Any, permutation: np.ndarray, width: int, farthest: float, ops: Any = np
) -> Any:
    """The mean of what is found in views and in their mirror images, `(B, K, 3)`.

    A keypoint that lies farther apart in the two than `farthest` gets the score 0: whoever changes
    their mind before a mirror does not know.

    Args:
        found: `(B, K, 3)` x, y in pixels of the view, and score.
        mirrored: the same of the views mirrored left to right, in their own pixels.
        permutation: `(K,)`, see `Skeleton.horizontal_permutation`.
        width: of a view in pixels.
        farthest: pixels.
        ops: the array library: `numpy`, or `keras.ops` inside a graph.
    """
    back = ops.take(mirrored, permutation, axis=1)
    back = ops.stack([width - 1 - back[..., 0], back[..., 1], back[..., 2]], axis=-1)
    apart = ops.sum(ops.square(found[..., :2] - back[..., :2]), axis=-1)
    mean = (found + back) / 2
    scores = ops.where(apart <= farthest**2, mean[..., 2], ops.zeros_like(apart))
    return ops.concatenate([mean[..., :2], scores[..., None]], axis=-1)
