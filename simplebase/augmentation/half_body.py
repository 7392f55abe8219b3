"""Finds the upper or lower half of a body and its size."""

from typing import Any

import numpy as np
import tensorflow as tf

from simplebase.geometry import Size

# From MMPose's RandomHalfBody, after HRNet (https://arxiv.org/abs/1902.09212): the crop's side over
# the half's, and how often the upper half is chosen if both halves are possible.
_PADDING = 1.5
_UPPER_PREFERENCE = 0.7
_MIN_KEYPOINTS_OF_HALF = 3
# A half body is magnified about twice. With more, the canvas has too few pixels: three keypoints of
# a face would fill the input with blur.
_MAX_ZOOM = 2.5


def half_bodies(
    keypoints: tf.Tensor, upper: np.ndarray, min_keypoints: int, size: Size, draw: tf.Tensor
) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
    """Chooses a half of each body and computes the zoom that fills an input of `size` with it.

    Args:
        keypoints: `(B, K, 3)`.
        upper: `(K,)` bool, the upper body.
        min_keypoints: bodies with fewer labelled keypoints are left whole.
        size: `(H, W)` of the input.
        draw: `(B,)` uniform in 0 to 1, decides if both halves are possible.

    Returns:
        Found `(B,)` bool, zoom `(B,)` of at least 1, and the centre `(B, 2)` of the half's box. The
        last two are only valid where a half was found.
    """
    labelled = keypoints[..., 2] > 0
    count_upper = _count(labelled & upper)
    count_lower = _count(labelled & ~upper)
    take_upper = tf.where(
        (count_upper >= _MIN_KEYPOINTS_OF_HALF) & (count_lower >= _MIN_KEYPOINTS_OF_HALF),
        draw < _UPPER_PREFERENCE,
        count_upper >= _MIN_KEYPOINTS_OF_HALF,
    )
    half = labelled & (upper == take_upper[:, None])
    found = (_count(labelled) >= min_keypoints) & (_count(half) >= _MIN_KEYPOINTS_OF_HALF)
    points, half = keypoints[..., :2], half[..., None]
    low = tf.reduce_min(tf.where(half, points, np.inf), axis=1)
    high = tf.reduce_max(tf.where(half, points, -np.inf), axis=1)
    sides = tf.maximum(high - low, 1.0) * _PADDING
    zoom = tf.reduce_min(np.array([size[1], size[0]], np.float32) / sides, axis=1)
    # MMPose centres on the keypoints' mean. The centre of their box keeps all of them in view.
    return found, tf.clip_by_value(zoom, 1.0, _MAX_ZOOM), (low + high) / 2


def _count(mask: Any) -> tf.Tensor:
    return tf.reduce_sum(tf.cast(mask, tf.int32), axis=1)
