import keras
import numpy as np
import pytest

from simplebase.cost import count_gflops, count_params, multiply_adds_by_layer


def cost(*layers):
    model = keras.Sequential([keras.Input((8, 6, 3)), *layers])
    return count_gflops(model, (8, 6)) * 1e9


@pytest.mark.parametrize(
    "layers, operations",
    [
        ([keras.layers.Conv2D(5, 3, padding="same")], 2 * 8 * 6 * 5 * 9 * 3),
        ([keras.layers.Conv2D(5, 3, strides=2, padding="same")], 2 * 4 * 3 * 5 * 9 * 3),
        ([keras.layers.DepthwiseConv2D(3, padding="same")], 2 * 8 * 6 * 3 * 9),
        ([keras.layers.Conv2DTranspose(5, 4, strides=2, padding="same")], 2 * 8 * 6 * 3 * 5 * 16),
        ([keras.layers.Flatten(), keras.layers.Dense(7)], 2 * 8 * 6 * 3 * 7),
        ([keras.layers.ReLU()], 0),
    ],
    ids=["convolution", "strided", "depthwise", "transposed", "dense", "activation"],
)
def test_operations_are_twice_the_multiply_adds(layers, operations):
    assert cost(*layers) == pytest.approx(operations)


def test_parameters_count_that_training_can_change_frozen_or_not():
    model = keras.Sequential([keras.Input((4, 4, 2)), keras.layers.Conv2D(3, 1)])
    model.add(keras.layers.BatchNormalization())
    # Kernel 2 x 3, bias 3, scale 3, offset 3; the running mean and variance are not trained.
    assert count_params(model) == 6 + 3 + 3 + 3
    model.trainable = False
    assert count_params(model) == 15
    assert isinstance(count_params(model), int) and not isinstance(count_params(model), np.integer)


def test_multiply_adds_are_told_by_layer_and_sum_to_the_model():
    images = keras.Input((8, 6, 3))
    # Names that TensorFlow, numbering what stands twice, could take for one another.
    x = keras.layers.Conv2D(5, 3, padding="same", name="conv")(images)
    x = keras.layers.Conv2D(7, 1, name="conv_1")(x)
    inner = keras.Model(images, x, name="part_2")
    outputs = keras.layers.SeparableConv2D(2, 3, padding="same", name="conv")(inner(images))
    model = keras.Model(images, outputs, name="whole")
    found = multiply_adds_by_layer(model, (8, 6))
    assert found == {
        "part_2/conv": 8 * 6 * 5 * 9 * 3,
        "part_2/conv_1": 8 * 6 * 7 * 5,
        "conv": 8 * 6 * (7 * 9 + 7 * 2),
    }
    assert count_gflops(model, (8, 6)) == 2 * sum(found.values()) / 1e9


class Bare(keras.Model):
    """Computes outside of any layer."""

    def call(self, images, training=False):
        return keras.ops.reshape(images, (-1, 3)) @ keras.ops.ones((3, 2))


def test_what_no_layer_does_is_the_models_own():
    assert multiply_adds_by_layer(Bare(), (8, 6)) == {"": 8 * 6 * 2 * 3}
