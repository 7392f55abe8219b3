"""What a model costs: parameters and floating-point operations."""

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
    """Number of values that training can change, be they frozen now or not.

    BatchNorm's running statistics are not counted.
    """
    return sum(
        int(np.prod(weight.shape)) for weight in layer.weights if weight.name not in _STATISTICS
    )


def count_gflops(model: keras.Model, input_size: Size) -> float:
    """Operations of one image in units of 1e9, each multiply-add counted as two.

    Counted from the traced graph: convolutions of all kinds and matrix products. What else there
    is (normalisation, activations, additions) comes to about a hundredth and is left out, as is
    usual in papers.

    Args:
        model: takes `(1, H, W, 3)`.
        input_size: `(H, W)`.
    """
    return gflops(sum(multiply_adds_by_layer(model, input_size).values()))


def count_cost(model: keras.Model, input_size: Size) -> Cost:
    """Parameters and operations, arguments as for `count_gflops`."""
    return Cost(count_params(model), count_gflops(model, input_size))


def gflops(multiply_adds: int) -> float:
    """Operations in units of 1e9, each multiply-add counted as two."""
    return 2 * multiply_adds / 1e9


def multiply_adds_by_layer(model: keras.Model, input_size: Size) -> Counter[str]:
    """Multiply-adds of one image, by the path of the layer that does them.

    Args:
        model: takes `(1, H, W, 3)`.
        input_size: `(H, W)`.

    Returns:
        For each layer with any: names from the outermost model to the layer, as `backbone/conv1`.
        What belongs to no layer of its own stands under the model that it is in, `""` for `model`.
    """
    traced = tf.function(lambda images: model(images, training=False))
    graph = traced.get_concrete_function(tf.TensorSpec((1, *input_size, 3), tf.float32)).graph
    costs: Counter[str] = Counter()
    for operation in graph.get_operations():
        if cost := _multiply_adds(operation):
            costs[_layer_path(operation.name, model)] += cost
    return costs


def _layer_path(operation: str, model: keras.Model) -> str:
    """Path of the innermost layer of `model` in whose scope `operation` stands."""
    path: list[str] = []
    _, *scopes = operation.split("/")
    layer = model
    for scope in scopes:
        names = {inner.name: inner for inner in getattr(layer, "layers", ())}
        # Keras opens a layer's scope once to build it and again to call it, so that TensorFlow
        # numbers the second, `conv_1` or `conv_2`; a layer of just that name would be `conv_1_1`.
        name = re.sub(r"_\d+$", "", scope)
        name = name if name in names else scope
        if name not in names:
            break
        path.append(name)
        layer = names[name]
    return "/".join(path)


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
