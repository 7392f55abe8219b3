"""Convolutions that train as products of matrices, and upsampling in one operation."""

from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

import simplebase.layers as ours
from simplebase.layers import quicker

# Layer, its arguments, and the operation that only the quicker training has.
QUICK = {
    "pointwise": ("Conv2D", {"filters": 7, "kernel_size": 1, "use_bias": False}, "MatMul"),
    "bias": ("Conv2D", {"filters": 7, "kernel_size": 1, "activation": "relu"}, "MatMul"),
    "separable": ("SeparableConv2D", {"filters": 7, "kernel_size": 3, "padding": "same"}, "MatMul"),
    "nearest": ("UpSampling2D", {"size": (2, 3)}, "ResizeNearestNeighbor"),
}
AS_KERAS = {
    "3x3": ("Conv2D", {"filters": 4, "kernel_size": 3}),
    "strided": ("Conv2D", {"filters": 4, "kernel_size": 1, "strides": 2}),
    "groups": ("Conv2D", {"filters": 5, "kernel_size": 1, "groups": 5}),
    "float64": ("Conv2D", {"filters": 4, "kernel_size": 1, "dtype": "float64"}),
    "float16": ("Conv2D", {"filters": 4, "kernel_size": 1, "dtype": "mixed_float16"}),
    "bilinear": ("UpSampling2D", {"interpolation": "bilinear"}),
}
IMAGES = np.random.default_rng(0).normal(size=(3, 6, 4, 5)).astype(np.float32)


def pair(name: str, arguments: dict[str, Any]) -> tuple[keras.layers.Layer, keras.layers.Layer]:
    """Ours and that of Keras, with the same weights."""
    layers = [getattr(source, name)(**arguments) for source in (ours, keras.layers)]
    for layer in layers:
        layer.build(IMAGES.shape)
    drawn = np.random.default_rng(1)
    weights = [drawn.normal(size=weight.shape) for weight in layers[0].weights]
    for layer in layers:
        layer.set_weights(weights)
    return layers[0], layers[1]


def train(layer: keras.layers.Layer, **call: Any) -> list[tf.Tensor]:
    """The outputs, and the gradients of the input and of the weights."""
    inputs = tf.constant(IMAGES)

    @tf.function(jit_compile=False)
    def run() -> Any:
        with tf.GradientTape() as tape:
            tape.watch(inputs)
            outputs = layer(inputs, **call)
            loss = tf.reduce_sum(tf.cast(outputs, tf.float32) ** 2)
        variables = [weight.value for weight in layer.trainable_weights]
        return [outputs, *tape.gradient(loss, [inputs, *variables])]

    return run()


def operations(layer: keras.layers.Layer, **call: Any) -> set[str]:
    """The operations of TensorFlow that a call is made of."""
    traced = tf.function(lambda x: layer(x, **call), jit_compile=False)
    specification = tf.TensorSpec((None, 6, 4, 5), layer.compute_dtype)
    graph = traced.get_concrete_function(specification).graph
    return {operation.type for operation in graph.get_operations()}


@pytest.mark.parametrize("case", QUICK)
def test_training_computes_what_keras_does(case: str) -> None:
    name, arguments, operation = QUICK[case]
    mine, theirs = pair(name, arguments)
    for actual, expected in zip(train(mine, training=True), train(theirs), strict=True):
        scale = np.abs(expected).max()
        np.testing.assert_allclose(actual, expected, rtol=0, atol=2e-6 * scale)
    assert operation in operations(mine, training=True)


@pytest.mark.parametrize("case", [*QUICK, *AS_KERAS])
def test_inference_is_made_of_the_operations_of_keras(case: str) -> None:
    name, arguments = (QUICK | AS_KERAS)[case][:2]
    mine, theirs = pair(name, arguments)
    assert operations(mine, training=False) == operations(theirs)


@pytest.mark.parametrize("case", AS_KERAS)
def test_training_of_other_kinds_is_that_of_keras(case: str) -> None:
    mine, theirs = pair(*AS_KERAS[case])
    assert operations(mine, training=True) == operations(theirs)
    for actual, expected in zip(train(mine, training=True), train(theirs), strict=True):
        np.testing.assert_array_equal(actual, expected)


def test_sizes_that_are_known_stay_known_in_training() -> None:
    for name, arguments, _ in QUICK.values():
        mine, theirs = pair(name, arguments)
        for shape in ((None, 6, 4, 5), (2, None, 4, 5)):
            trained, plain = (
                tf.function(lambda x, layer=layer, call=call: layer(x, **call), jit_compile=False)
                .get_concrete_function(tf.TensorSpec(shape))
                .output_shapes
                for layer, call in ((mine, {"training": True}), (theirs, {}))
            )
            assert trained.as_list() == plain.as_list()


def test_quicker_names_our_layer_for_that_of_keras() -> None:
    assert quicker(keras.layers.Conv2D) is ours.Conv2D
    assert quicker(keras.layers.Conv2DTranspose) is keras.layers.Conv2DTranspose
    # What stores a layer's weights calls it by its class.
    for name in ("BatchNormalization", "Conv2D", "SeparableConv2D", "UpSampling2D"):
        assert quicker(getattr(keras.layers, name)).__name__ == name
