"""The centre of a canvas, which is the crop used in inference."""

from typing import Any

import tensorflow as tf

from simplebase.errors import ArgumentError
from simplebase.geometry import Size


def canvas_centre(images: Any, size: Size) -> tuple[Any, Any]:
    """Returns the centres of canvases in the model's size, and the offset of their keypoints.

    Args:
        images: `(B, Hc, Wc, 3)`.
        size: `(H, W)`, no larger than the canvases.

    Returns:
        Images `(B, H, W, 3)`, and x, y and 0 `(3,)` of their first pixel in the canvas, float32.

    Raises:
        ArgumentError: the canvases are known to be smaller than `size`.
    """
    height, width = size
    known = images.shape[1:3]
    if any(side is not None and side < own for side, own in zip(known, size, strict=True)):
        raise ArgumentError(
            f"images must be at least as large as the model's input of {height} x {width} "
            f"pixels (height x width). Received: {known[0]} x {known[1]}."
        )
    # Keras traces once for images of several sizes, so their size is only known at run time.
    given = tf.shape(images)
    large_enough = tf.debugging.assert_greater_equal(
        given[1:3],
        size,
        f"images must be at least as large as the model's input of {height} x {width} pixels "
        "(height x width)",
    )
    top, left = (given[1] - height) // 2, (given[2] - width) // 2
    # Otherwise the error of `ensure_shape`, which explains less, may come first.
    with tf.control_dependencies([large_enough] if large_enough is not None else []):
        centre = images[:, top : top + height, left : left + width]
    return tf.ensure_shape(centre, (None, *size, 3)), tf.cast([left, top, 0], tf.float32)
