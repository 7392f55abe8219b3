"""Normalisation: what each family's weights saw in their own training."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from simplebase.errors import ArgumentError
from simplebase.normalisation import NORMALISATIONS, Normalisation

RGB = np.array([[[[0, 128, 255]]]], np.float32)


@pytest.mark.parametrize(
    ("mode", "expected"),
    [
        ("tf", [-1, 0.5 / 127.5, 1]),
        ("torch", [-0.485 / 0.229, (128 / 255 - 0.456) / 0.224, (1 - 0.406) / 0.225]),
        ("torch_bgr", [(1 - 0.485) / 0.229, (128 / 255 - 0.456) / 0.224, -0.406 / 0.225]),
        ("caffe", [255 - 103.939, 128 - 116.779, -123.68]),
        ("upstream", [-0.4404, 128 / 255 - 0.4440, 1 - 0.4327]),
    ],
)
def test_black_grey_and_white_by_hand(mode: str, expected: list[float]) -> None:
    np.testing.assert_allclose(Normalisation(mode)(RGB)[0, 0, 0], expected, atol=1e-4)


@pytest.mark.parametrize("mode", ["tf", "torch", "caffe"])
def test_the_modes_of_keras_applications_agree_with_it(mode: str) -> None:
    images = np.random.default_rng(0).uniform(0, 255, (2, 8, 6, 3)).astype(np.float32)
    reference = keras.applications.imagenet_utils.preprocess_input(images.copy(), mode=mode)
    np.testing.assert_allclose(Normalisation(mode)(images), reference, atol=1e-4)


@pytest.mark.parametrize("mode", NORMALISATIONS)
def test_it_keeps_the_shape_and_computes_in_float32_whatever_is_asked(mode: str) -> None:
    layer = Normalisation(mode, dtype="mixed_float16")
    result = layer(tf.fill((2, 4, 6, 3), 254.0))
    assert result.dtype == tf.float32
    assert result.shape == layer.compute_output_shape((2, 4, 6, 3))


@pytest.mark.parametrize("mode", NORMALISATIONS)
def test_uint8_is_normalised_as_the_same_numbers_in_float(mode: str) -> None:
    layer = Normalisation(mode)
    np.testing.assert_array_equal(layer(RGB.astype(np.uint8)), layer(RGB))


@pytest.mark.parametrize("mode", NORMALISATIONS)
def test_its_config_makes_the_same_layer(mode: str) -> None:
    twin = Normalisation.from_config(Normalisation(mode).get_config())
    np.testing.assert_array_equal(twin(RGB), Normalisation(mode)(RGB))


def test_an_unknown_mode_is_refused_with_the_known_ones() -> None:
    with pytest.raises(ArgumentError, match="tf, torch, torch_bgr, caffe, upstream.*'imagenet'"):
        Normalisation("imagenet")
