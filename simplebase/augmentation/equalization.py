"""Histogram equalisation."""

import numpy as np
import tensorflow as tf

from simplebase.augmentation.photometric import PhotometricLayer
from simplebase.presets.augmentation_settings import EqualizationSettings

_LEVELS = 256


class RandomEqualization(PhotometricLayer):
    """Equalises the histogram of each channel, like `PIL.ImageOps.equalize`.

    KerasCV's own layer takes twice as long, can only be traced with AutoGraph, and spreads by the
    rarest level, whereas PIL spreads by the highest.

    Args:
        settings: the probability.

    Images are rounded to whole levels, which are then counted.
    """

    def __init__(self, settings: EqualizationSettings) -> None:
        super().__init__(settings.probability)

    def change(self, images: tf.Tensor, drawn: dict[str, tf.Tensor]) -> tf.Tensor:
        """Spreads the levels of each channel."""
        channels = 3 * tf.shape(images)[0]
        levels = tf.cast(tf.clip_by_value(tf.round(images), 0, _LEVELS - 1), tf.int32)
        # The histograms of all channels of all images are counted in one array.
        index = levels + _LEVELS * tf.reshape(tf.range(channels), (-1, 1, 1, 3))
        # On a GPU, TensorFlow refuses to count if it has to be deterministic. The alternatives,
        # sorting or products of one-hot matrices, take 15 to 40 times as long here.
        with tf.device("CPU:0"):
            counts = tf.raw_ops.DenseBincount(
                input=tf.reshape(index, [-1]),
                size=_LEVELS * channels,
                weights=np.zeros(0, np.int32),
            )
        table = _spread(tf.reshape(counts, (channels, _LEVELS)))
        return tf.gather(tf.reshape(table, [-1]), index)


def _spread(counts: tf.Tensor) -> tf.Tensor:
    """Returns `(N, 256)` float32: the new value of each level of `(N, 256)` histograms."""
    below = tf.cumsum(counts, axis=1, exclusive=True)
    # The highest level that occurs becomes 255.
    step = tf.reduce_max(tf.where(counts > 0, below, 0), axis=1, keepdims=True) // (_LEVELS - 1)
    spread = (below + step // 2) // tf.maximum(step, 1)
    # An image with almost only one level cannot be spread.
    spread = tf.where(step > 0, tf.minimum(spread, _LEVELS - 1), np.arange(_LEVELS, dtype=np.int32))
    return tf.cast(spread, tf.float32)
