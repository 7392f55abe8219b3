"""Counts the cost of a model: parameters and floating-point operations."""

import math
import re
from collections import Counter

import keras
import numpy as np
import tensorflow as tf

from simplebase.geometry import Size
from simplebase.metadata import Cost

_STATISTICS = ("moving_mean", "moving_variance")


def count_params(layer: keras.layers.Layer) -> int:
    """Counts the values that training can change, whether or not they are currently frozen.

    BatchNorm's running statistics are not counted.
    """
    return sum(
        int(np.prod(weight.shape)) for weight in layer.weights if weight.name not in _STATISTICS
    )


def count_gflops(model: keras.Model, input_size: Size) -> float:
    """Counts the operations per image in units of 1e9; each multiply-add counts as two.

    All convolutions and matrix products of the traced graph are counted. The rest (normalisation,
    activations, additions) is about a hundredth and is left out, as is usual in papers.

    Args:
        model: a model that takes `(1, H, W, 3)`.
        input_size: `(H, W)`.
    """
    return gflops(sum(multiply_adds_by_layer(model, input_size).values()))


def count_cost(model: keras.Model, input_size: Size) -> Cost:
    """Counts parameters and operations. For the arguments see `count_gflops`."""
    return Cost(count_params(model), count_gflops(model, input_size))


def gflops(multiply_adds: int) -> float:
    """Converts multiply-adds to operations in units of 1e9; each multiply-add counts as two."""
    return 2 * multiply_adds / 1e9


def multiply_adds_by_layer(model: keras.Model, input_size: Size) -> Counter[str]:
    """Counts the multiply-adds per image, by the path of the layer that computes them.

    Args:
        model: takes `(1, H, W, 3)`.
        input_size: `(H, W)`.

    Returns:
        Multiply-adds by names from the outermost model to the layer, such as `backbone/conv1`.
        Operations outside any layer are counted for the model around them, `""` for `model`.
    """
    traced = tf.function(lambda images: model(images, training=False))
    graph = traced.get_concrete_function(tf.TensorSpec((1, *input_size, 3), tf.float32)).graph
    costs: Counter[str] = Counter()
    for operation in graph.get_operations():
        if cost := _multiply_adds(operation):
            costs[_layer_path(operation.name, model)] += cost
    return costs


def _layer_path(operation: str, model: keras.Model) -> str:
    """Returns the path of the innermost layer of `model` whose scope contains `operation`."""
    path: list[str] = []
    _, *scopes = operation.split("/")
    layer = model
    for scope in scopes:
        names = {inner.name: inner for inner in getattr(layer, "layers", ())}
        # Keras opens a layer's scope once to build it and again to call it, so TensorFlow numbers
        # the second scope, `conv_1` or `conv_2`; a layer with that name would be `conv_1_1`.
        name = re.sub(r"_\d+$", "", scope)
        name = name if name in names else scope
        if name not in names:
            break
        path.append(name)
        layer = names[name]
    return "/".join(path)


def _multiply_adds(operation: tf.Operation) -> int:
    """Returns the multiply-adds of a graph operation; 0 for those that are not counted."""
    if operation.type in ("Conv2D", "DepthwiseConv2dNative"):
        height, width, channels, _ = operation.inputs[1].shape
        cost = math.prod(operation.outputs[0].shape) * height * width
        # A depthwise filter reads one channel, others as many as the kernel has.
        return cost if operation.type == "DepthwiseConv2dNative" else cost * channels
    if operation.type == "Conv2DBackpropInput":
        # A transposed convolution applies a kernel to each value of its input.
        height, width, filters, _ = operation.inputs[1].shape
        return math.prod(operation.inputs[2].shape) * height * width * filters
    if operation.type == "MatMul":
        return math.prod(operation.outputs[0].shape) * operation.inputs[0].shape[-1]
    return 0
