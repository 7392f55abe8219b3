"""Convolutions whose 1x1 kernels train as products of matrices."""

from functools import cache
from typing import Any

import keras
import tensorflow as tf
from keras import layers


@keras.saving.register_keras_serializable(package="simplebase")
class Conv2D(layers.Conv2D):
    """`keras.layers.Conv2D`, which trains as a product of matrices if its kernel is 1x1.

    On a CPU TensorFlow then computes the gradient of the kernel in two thirds of the time. Results
    differ from those of Keras by the order of the sums. Inference is that of Keras, which exports
    convert, and so is training on a GPU, where this was not measured.
    """

    def call(self, inputs: Any, training: bool | None = None) -> Any:
        """`(B, h, w, C)` to `(B, h', w', filters)`."""
        plain = (self.kernel_size, self.strides, self.groups) == ((1, 1), (1, 1), 1)
        if not (training and plain and _can_multiply(self, inputs)):
            return super().call(inputs)
        return _multiply(self, inputs, self.kernel)


@keras.saving.register_keras_serializable(package="simplebase")
class SeparableConv2D(layers.SeparableConv2D):
    """`keras.layers.SeparableConv2D`, whose 1x1 convolution trains as that of `Conv2D` here."""

    def call(self, inputs: Any, training: bool | None = None) -> Any:
        """`(B, h, w, C)` to `(B, h', w', filters)`."""
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
    """Whether TensorFlow sees no GPU."""
    return not tf.config.list_logical_devices("GPU")


def _can_multiply(layer: keras.layers.Layer, inputs: Any) -> bool:
    return (
        layer.data_format == "channels_last"
        and inputs.dtype == layer.compute_dtype == "float32"
        and trains_on_cpu()
    )


def _multiply(layer: keras.layers.Layer, images: Any, kernel: Any) -> Any:
    """`(B, h, w, C)` by a kernel `(1, 1, C, F)` to `(B, h, w, F)`, with bias and activation."""
    channels, filters = kernel.shape[2:]
    pixels = tf.reshape(images, (-1, channels))
    outputs = tf.matmul(pixels, tf.reshape(kernel, (channels, filters)))
    if layer.use_bias:
        outputs = tf.nn.bias_add(outputs, tf.convert_to_tensor(layer.bias))
    outputs = tf.reshape(outputs, tf.concat([tf.shape(images)[:3], [filters]], 0))
    return outputs if layer.activation is None else layer.activation(outputs)
