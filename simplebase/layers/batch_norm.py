"""BatchNorm whose training is one operation of TensorFlow."""

from typing import Any

import keras
import tensorflow as tf
from keras import layers

_FUSED_TYPES = ("float32", "float16", "bfloat16")


@keras.saving.register_keras_serializable(package="simplebase")
class BatchNormalization(layers.BatchNormalization):
    """`keras.layers.BatchNormalization`, with a fused kernel for training on images.

    Keras composes it of a dozen operations, each of which reads and writes the whole tensor. Here
    TensorFlow's fused operation does the same when it trains on `(B, h, w, C)`. Arguments, weights
    and results are those of Keras: the moving variance follows the variance of the batch divided
    by its size, where the fused operation gives the one divided by its size less one.

    Whatever the fused operation cannot do is left to Keras: inference, which exports fold into the
    convolutions, frozen layers, statistics of several devices (`synchronized`), renormalisation,
    masks, another axis than the last and float64.
    """

    def call(self, inputs: Any, training: bool | None = None, mask: Any = None) -> Any:
        """Normalises `(B, h, w, C)`, in training by the batch, else by the moving statistics."""
        if not (training and self.trainable and mask is None and self._can_fuse(inputs)):
            return super().call(inputs, training=training, mask=mask)
        channels = tf.shape(inputs)[3]
        # Under mixed precision the images are float16 or bfloat16, everything else is float32.
        gamma = tf.ones([channels]) if self.gamma is None else self.gamma.value
        beta = tf.zeros([channels]) if self.beta is None else self.beta.value
        # The empty tensors are moving statistics, which it reads in inference only.
        outputs, mean, variance, *_ = tf.raw_ops.FusedBatchNormV3(
            x=inputs, scale=gamma, offset=beta, mean=[], variance=[], epsilon=self.epsilon
        )
        self._follow(self.moving_mean, mean)
        size = tf.cast(tf.reduce_prod(tf.shape(inputs)[:3]), tf.float32)
        self._follow(self.moving_variance, variance * (tf.maximum(size - 1.0, 1.0) / size))
        return outputs

    def _can_fuse(self, inputs: Any) -> bool:
        """Whether the fused operation computes the same on a tensor like `inputs`."""
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
