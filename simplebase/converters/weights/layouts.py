"""Converts a file's tensors to our layers' weights: names of variables and order of axes."""

from typing import Any

import keras
import numpy as np

from simplebase.converters.weights.checkpoint import Checkpoint, Layout, Tensors

_BATCH_NORM = {
    "gamma": "weight",
    "beta": "bias",
    "moving_mean": "running_mean",
    "moving_variance": "running_var",
}


def module_weights(
    layer: keras.layers.Layer, module: str, checkpoint: Checkpoint, *, biases: bool = True
) -> list[np.ndarray]:
    """Returns the weights of `layer`, in its own order.

    Args:
        layer: one of our layers, with weights.
        module: its name in the file.
        checkpoint: the file.
        biases: whether the file has the biases of our convolutions. Otherwise they are zeros.

    Raises:
        DataError: a tensor is missing or has another shape.
    """
    take = _take_torch if checkpoint.layout == "torch" else _take_keras2
    return [
        np.zeros(variable.shape, np.float32)
        if variable.name == "bias" and not biases
        else take(layer, variable.name, tuple(variable.shape), module, checkpoint.tensors)
        for variable in layer.weights
    ]


def take_bias(module: str, size: int, checkpoint: Checkpoint) -> np.ndarray:
    """Returns the bias of a convolution as `(size,)`; zeros if it has none."""
    name = f"{module}{separator(checkpoint.layout)}bias"
    if name not in checkpoint.tensors:
        return np.zeros(size, np.float32)
    return checkpoint.tensors.take(name, (size,))


def separator(layout: Layout) -> str:
    """Returns the separator between the names of a module and its variable."""
    return "." if layout == "torch" else "/"


def _take_keras2(
    layer: keras.layers.Layer, variable: str, shape: tuple[int, ...], module: str, tensors: Tensors
) -> np.ndarray:
    if variable == "kernel" and isinstance(layer, keras.layers.DepthwiseConv2D):
        variable = "depthwise_kernel"
    return tensors.take(f"{module}/{variable}", shape)


def _take_torch(
    layer: keras.layers.Layer, variable: str, shape: tuple[int, ...], module: str, tensors: Tensors
) -> np.ndarray:
    if isinstance(layer, keras.layers.BatchNormalization):
        tensors.ignore([f"{module}.num_batches_tracked"])
        return tensors.take(f"{module}.{_BATCH_NORM[variable]}", shape)
    if variable != "kernel":
        return tensors.take(f"{module}.{variable}", shape)
    return _kernel(layer, shape, f"{module}.weight", tensors)


def _kernel(layer: Any, shape: tuple[int, ...], name: str, tensors: Tensors) -> np.ndarray:
    """Returns a kernel of PyTorch in Keras's order of axes.

    Conv2d is `(out, in, h, w)`, depthwise `(channels, 1, h, w)`, ConvTranspose2d
    `(in, out, h, w)`; Keras's are `(h, w, in, out)`, `(h, w, channels, 1)` and `(h, w, out, in)`.
    In both, a transposed convolution is the gradient of a convolution, so nothing is mirrored.
    """
    height, width, third, fourth = shape
    if isinstance(layer, keras.layers.DepthwiseConv2D):
        return tensors.take(name, (third, fourth, height, width)).transpose(2, 3, 0, 1)
    return tensors.take(name, (fourth, third, height, width)).transpose(2, 3, 1, 0)
