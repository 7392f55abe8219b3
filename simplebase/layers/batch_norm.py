"""BatchNorm that trains with a single TensorFlow operation."""

from typing import Any

import keras
import tensorflow as tf
from keras import layers

_FUSED_TYPES = ("float32", "float16", "bfloat16")


@keras.saving.register_keras_serializable(package="simplebase")
class BatchNormalization(layers.BatchNormalization):
    """`keras.layers.BatchNormalization` with a fused kernel for training on images.

    Keras uses a dozen operations, each of which reads and writes the whole tensor. This layer uses
    TensorFlow's fused operation when it trains on `(B, h, w, C)`. Arguments, weights and results
    are those of Keras. In particular, the moving variance follows the batch variance with divisor
    n, although the fused operation returns the one with divisor n - 1.

    Everything else is left to Keras: inference (which exports fold into the convolutions), frozen
    layers, statistics of several devices (`synchronized`), renormalisation, masks, an axis other
    than the last, and float64.
    """

    def call(self, inputs: Any, training: bool | None = None, mask: Any = None) -> Any:
        """Normalises `(B, h, w, C)` by the batch in training, else by the moving statistics."""
        if not (training and self.trainable and mask is None and self._can_fuse(inputs)):
            return super().call(inputs, training=training, mask=mask)
        channels = tf.shape(inputs)[3]
        # Under mixed precision the images are float16 or bfloat16, everything else is float32.
        gamma = tf.ones([channels]) if self.gamma is None else self.gamma.value
        beta = tf.zeros([channels]) if self.beta is None else self.beta.value
        # The empty tensors stand for the moving statistics, which are only read in inference.
        outputs, mean, variance, *_ = tf.raw_ops.FusedBatchNormV3(
            x=inputs, scale=gamma, offset=beta, mean=[], variance=[], epsilon=self.epsilon
        )
        self._follow(self.moving_mean, mean)
        size = tf.cast(tf.reduce_prod(tf.shape(inputs)[:3]), tf.float32)
        self._follow(self.moving_variance, variance * (tf.maximum(size - 1.0, 1.0) / size))
        return outputs

    def _can_fuse(self, inputs: Any) -> bool:
        """Returns whether the fused operation can be used for a tensor like `inputs`."""
        return (
            len(inputs.shape) == 4
            and self.axis in (-1, 3)
            and self.compute_dtype in _FUSED_TYPES
            and inputs.dtype == self.compute_dtype
            and self.moving_mean.dtype == "float32"
            and not self.synchronized
            and not getattr(self, "renorm", False)  # since Keras 3.12
        )

    def _follow(self, moving: Any, value: Any) -> None:
        moving.assign(moving.value * self.momentum + value * (1.0 - self.momentum))
