"""Convolutions whose 1x1 kernels are trained as matrix products."""

from functools import cache
from typing import Any

import keras
import tensorflow as tf
from keras import layers


@keras.saving.register_keras_serializable(package="simplebase")
class Conv2D(layers.Conv2D):
    """`keras.layers.Conv2D` that trains a 1x1 kernel as a matrix product.

    On a CPU, TensorFlow then computes the kernel's gradient in two thirds of the time. Results
    differ from those of Keras only by the order of the sums. Inference, which exports convert, is
    that of Keras. So is training on a GPU, where this was not measured.
    """

    def call(self, inputs: Any, training: bool | None = None) -> Any:
        """Maps `(B, h, w, C)` to `(B, h', w', filters)`."""
        plain = (self.kernel_size, self.strides, self.groups) == ((1, 1), (1, 1), 1)
        if not (training and plain and _can_multiply(self, inputs)):
            return super().call(inputs)
        return _multiply(self, inputs, self.kernel)


@keras.saving.register_keras_serializable(package="simplebase")
class SeparableConv2D(layers.SeparableConv2D):
    """`keras.layers.SeparableConv2D` that trains its 1x1 kernel like `Conv2D` above."""

    def call(self, inputs: Any, training: bool | None = None) -> Any:
        """Maps `(B, h, w, C)` to `(B, h', w', filters)`."""
        if not (training and _can_multiply(self, inputs)):
            return super().call(inputs)
        between = keras.ops.depthwise_conv(
            inputs,
            self.depthwise_kernel,
            self.strides,
            self.padding,
            self.data_format,
            self.dilation_rate,
        )
        return _multiply(self, between, self.pointwise_kernel)


@cache
def trains_on_cpu() -> bool:
    """Returns whether TensorFlow sees no GPU."""
    return not tf.config.list_logical_devices("GPU")


def _can_multiply(layer: keras.layers.Layer, inputs: Any) -> bool:
    return (
        layer.data_format == "channels_last"
        and inputs.dtype == layer.compute_dtype == "float32"
        and trains_on_cpu()
    )


def _multiply(layer: keras.layers.Layer, images: Any, kernel: Any) -> Any:
    """Convolves `(B, h, w, C)` with a kernel `(1, 1, C, F)`, and adds bias and activation."""
    channels, filters = kernel.shape[2:]
    pixels = tf.reshape(images, (-1, channels))
    outputs = tf.matmul(pixels, tf.reshape(kernel, (channels, filters)))
    if layer.use_bias:
        outputs = tf.nn.bias_add(outputs, tf.convert_to_tensor(layer.bias))
    outputs = tf.reshape(outputs, tf.concat([tf.shape(images)[:3], [filters]], 0))
    return outputs if layer.activation is None else layer.activation(outputs)
