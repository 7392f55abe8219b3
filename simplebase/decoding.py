"""Decodes heatmaps within a graph, for exported models and for the teacher in training."""

from typing import Any

import keras
import numpy as np
import tensorflow as tf
from keras import ops

from simplebase.codec import HEATMAP_FLOOR, HeatmapCodec


class DarkDecoding(keras.layers.Layer):
    """Computes `HeatmapCodec.decode` with `dark`, in operations that every format supports.

    The blurred values around a peak are computed as two small matrix products with Gaussians around
    its row and column. Gathering by index is avoided, because converters do it wrongly or slowly.

    Args:
        codec: the model's codec.

    Input: `(B, h, w, K)`.
    Output: `(B, K, 3)` float32: x, y in input pixels, and the peak's height.
    """

    def __init__(self, codec: HeatmapCodec, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.codec = codec

    def call(self, heatmaps: Any) -> Any:
        """Returns the keypoints of `heatmaps`."""
        height, width = self.codec.heatmap_size
        count = heatmaps.shape[-1]
        maps = ops.transpose(heatmaps, (0, 3, 1, 2))
        cells = ops.reshape(maps, (-1, count, height * width))
        scores = ops.max(cells, axis=-1)
        # Keras's own argmax compares the sign of zeros bit by bit, which no other format supports.
        peaks = ops.cast(tf.argmax(cells, axis=-1, output_type=tf.int32), "float32")
        # Whole numbers far below 2^24 are exact in float32. Adding half a cell keeps the quotient
        # away from whole numbers, where another library's division might round the other way.
        y = ops.floor((peaks + 0.5) * np.float32(1 / width))
        x = peaks - y * width
        # For a cell at the border, the parabola is fitted around its inner neighbour.
        inner_x, inner_y = ops.clip(x, 1, width - 2), ops.clip(y, 1, height - 2)
        down, across = self._kernels(inner_y, height), self._kernels(inner_x, width)
        surface = ops.matmul(ops.matmul(down, maps), ops.transpose(across, (0, 1, 3, 2)))
        step_x, step_y, peaked = _taylor_step(
            ops.log(ops.maximum(surface, np.float32(HEATMAP_FLOOR)))
        )
        # A step of more than one cell means that the parabola does not fit.
        refined_x = ops.clip(inner_x + step_x - x, -1, 1) * peaked + x
        refined_y = ops.clip(inner_y + step_y - y, -1, 1) * peaked + y
        offset = self.codec.cell_offset
        points = [part * self.codec.stride + offset for part in (refined_x, refined_y)]
        return ops.stack([*points, scores], axis=-1)

    def _kernels(self, centers: Any, length: int) -> Any:
        """Returns Gaussians around `centers` `(B, K)` - 1, + 0 and + 1: `(B, K, 3, length)`.

        They narrow near the border, so that they stay symmetric within the map.
        """
        sigma = self.codec.sigma
        radius = self.codec.blur_radius
        room = ops.minimum(centers, length - 1 - centers) - 1
        reach = ops.minimum(room, np.float32(radius))[:, :, None, None]
        shifts = np.arange(-1, 2, dtype=np.float32)[None, None, :, None]
        positions = np.arange(length, dtype=np.float32)[None, None, None, :]
        distance = positions - centers[:, :, None, None] - shifts
        gaussian = ops.exp(ops.square(distance) * np.float32(-1 / (2 * sigma**2)))
        return gaussian * ops.cast(ops.abs(distance) < reach + 0.5, "float32")

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        """`(B, K, 3)`."""
        return input_shape[0], input_shape[-1], 3


def _taylor_step(surface: Any) -> tuple[Any, Any, Any]:
    """Returns the step x, y from the middle of each `(3, 3)` to its maximum, and 1 if it exists."""
    (north_west, north, north_east), (west, middle, east), (south_west, south, south_east) = (
        [surface[:, :, row, column] for column in range(3)] for row in range(3)
    )
    slope_x, slope_y = (east - west) * 0.5, (south - north) * 0.5
    xx = east - 2 * middle + west
    yy = south - 2 * middle + north
    xy = (south_east - south_west - north_east + north_west) * 0.25
    determinant = xx * yy - xy * xy
    peaked = ops.cast(xx < 0, "float32") * ops.cast(determinant > 1e-12, "float32")
    # Avoids a division by 0 where there is no maximum.
    inverse = peaked / (determinant * peaked + (1 - peaked))
    return (xy * slope_y - yy * slope_x) * inverse, (xy * slope_x - xx * slope_y) * inverse, peaked
