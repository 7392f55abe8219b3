"""What a model costs: parameters and floating-point operations."""

import math

import keras
import numpy as np
import tensorflow as tf

from simplebase.geometry import Size


def count_params(model: keras.Model) -> int:
    """Number of trainable values: BatchNorm's running statistics are not counted."""
    return sum(int(np.prod(weight.shape)) for weight in model.trainable_weights)


def count_gflops(model: keras.Model, input_size: Size) -> float:
    """Operations of one image in units of 1e9, each multiply-add counted as two.

    Counted from the traced graph: convolutions of all kinds and matrix products. What else there
    is (normalisation, activations, additions) comes to about a hundredth and is left out, as is
    usual in papers.

    Args:
        model: takes `(1, H, W, 3)`.
        input_size: `(H, W)`.
    """
    traced = tf.function(lambda images: model(images, training=False))
    graph = traced.get_concrete_function(tf.TensorSpec((1, *input_size, 3), tf.float32)).graph
    return 2 * sum(_multiply_adds(operation) for operation in graph.get_operations()) / 1e9


def _multiply_adds(operation: tf.Operation) -> int:
    """Multiply-adds of one graph operation; 0 for those that are not counted."""
    if operation.type in ("Conv2D", "DepthwiseConv2dNative"):
        height, width, channels, _ = operation.inputs[1].shape
        cost = math.prod(operation.outputs[0].shape) * height * width
        # A depthwise filter looks at one channel, another at as many as the kernel has.
        return cost if operation.type == "DepthwiseConv2dNative" else cost * channels
    if operation.type == "Conv2DBackpropInput":
        # A transposed convolution spends a kernel on each value of its input.
        height, width, filters, _ = operation.inputs[1].shape
        return math.prod(operation.inputs[2].shape) * height * width * filters
    if operation.type == "MatMul":
        return math.prod(operation.outputs[0].shape) * operation.inputs[0].shape[-1]
    return 0
