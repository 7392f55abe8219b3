"""Nearest-neighbour upsampling with a single operation."""

from typing import Any

import keras
import tensorflow as tf
from keras import layers

from simplebase.layers.convolution import trains_on_cpu


@keras.saving.register_keras_serializable(package="simplebase")
class UpSampling2D(layers.UpSampling2D):
    """`keras.layers.UpSampling2D` that trains with a single operation for nearest neighbours.

    Keras tiles rows and columns, and the gradient is a sum over a tensor of six axes. One operation
    for each of the two takes half the time on a CPU. Inference is that of Keras.
    """

    def call(self, inputs: Any, training: bool | None = None) -> Any:
        """Maps `(B, h, w, C)` to `(B, size * h, size * w, C)`."""
        nearest = (self.interpolation, self.data_format) == ("nearest", "channels_last")
        # On a GPU, the gradient of the operation depends on the order of the threads.
        if not (training and nearest and inputs.dtype == "float32" and trains_on_cpu()):
            return super().call(inputs)
        size = tf.shape(inputs)[1:3] * self.size
        outputs = tf.raw_ops.ResizeNearestNeighbor(images=inputs, size=size)
        outputs.set_shape(self.compute_output_shape(inputs.shape))
        return outputs
