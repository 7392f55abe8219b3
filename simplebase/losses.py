"""Losses over heatmaps, with a weight for every keypoint of every sample."""

from collections.abc import Callable
from typing import Any

from keras import ops

Loss = Callable[[Any, Any, Any], Any]


def weighted_mse(target: Any, predicted: Any, weights: Any) -> Any:
    """Mean squared error over the labelled keypoints' heatmaps.

    Args:
        target: `(B, h, w, K)`.
        predicted: `(B, h, w, K)`.
        weights: `(B, K)`, 0 where a keypoint is not labelled.

    Returns:
        A scalar; 0 where nothing is labelled.
    """
    per_keypoint = ops.mean(ops.square(predicted - target), axis=(1, 2))
    return ops.sum(per_keypoint * weights) / ops.maximum(ops.sum(weights), 1.0)


LOSSES: dict[str, Loss] = {"weighted_mse": weighted_mse}
