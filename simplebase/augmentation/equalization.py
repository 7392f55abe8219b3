"""Histogram equalisation."""

import numpy as np
import tensorflow as tf

from simplebase.augmentation.photometric import PhotometricLayer
from simplebase.presets.augmentation_settings import EqualizationSettings

_LEVELS = 256


class RandomEqualization(PhotometricLayer):
    """Histogram equalisation of each channel, as `PIL.ImageOps.equalize` does it.

    KerasCV's own takes twice as long, traces under AutoGraph only, and spreads by the rarest level
    where PIL goes by the highest.

    Args:
        settings: the probability.

    Images are rounded to whole levels, which are what is counted.
    """

    def __init__(self, settings: EqualizationSettings) -> None:
        super().__init__(settings.probability)

    def change(self, images: tf.Tensor, drawn: dict[str, tf.Tensor]) -> tf.Tensor:
        """Images with each channel's levels spread out."""
        channels = 3 * tf.shape(images)[0]
        levels = tf.cast(tf.clip_by_value(tf.round(images), 0, _LEVELS - 1), tf.int32)
        # Each channel of each image counts in a histogram of its own, all in one array.
        index = levels + _LEVELS * tf.reshape(tf.range(channels), (-1, 1, 1, 3))
        # On a GPU, TensorFlow refuses to count when it has to be deterministic. Ways without it,
        # by sorting or by products of one-hot matrices, take 15 to 40 times as long here.
        with tf.device("CPU:0"):
            counts = tf.raw_ops.DenseBincount(
                input=tf.reshape(index, [-1]),
                size=_LEVELS * channels,
                weights=np.zeros(0, np.int32),
            )
        table = _spread(tf.reshape(counts, (channels, _LEVELS)))
        return tf.gather(tf.reshape(table, [-1]), index)


def _spread(counts: tf.Tensor) -> tf.Tensor:
    """`(N, 256)` float32, the new value of each level of `(N, 256)` histograms."""
    below = tf.cumsum(counts, axis=1, exclusive=True)
    # The highest level that occurs becomes 255: below it lie as many steps.
    step = tf.reduce_max(tf.where(counts > 0, below, 0), axis=1, keepdims=True) // (_LEVELS - 1)
    spread = (below + step // 2) // tf.maximum(step, 1)
    # An image with next to one level only has nothing to spread.
    spread = tf.where(step > 0, tf.minimum(spread, _LEVELS - 1), np.arange(_LEVELS, dtype=np.int32))
    return tf.cast(spread, tf.float32)
