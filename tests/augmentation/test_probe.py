"""Which layers pass, by hand, of all that KerasCV has, of Keras and of others."""

from collections.abc import Callable
from typing import Any

import keras
import keras_cv
import numpy as np
import pytest
import tensorflow as tf
from keras_cv import layers as cv

from simplebase.augmentation.foreign import ImageLayer
from simplebase.augmentation.probe import check_layer
from simplebase.errors import ArgumentError

WHITE = (0, 255)
Make = Callable[[], Any]
HUE = (0.4, WHITE)

PASS: dict[str, Make] = {
    "AutoContrast": lambda: cv.AutoContrast(WHITE),
    "ChannelShuffle": lambda: cv.ChannelShuffle(seed=1),
    "Equalization": lambda: cv.Equalization(WHITE),
    "Grayscale": lambda: cv.Grayscale(3),
    "GridMask": lambda: cv.GridMask(seed=1),
    "Posterization": lambda: cv.Posterization(WHITE, bits=4),
    "RandAugment": lambda: cv.RandAugment(WHITE, geometric=False, seed=1),
    "RandomAugmentationPipeline": lambda: cv.RandomAugmentationPipeline(
        [cv.RandomHue(*HUE, seed=1), cv.RandomSharpness(0.5, WHITE, seed=1)], 2, seed=1
    ),
    "RandomApply": lambda: cv.RandomApply(cv.RandomHue(*HUE, seed=1), seed=1),
    "RandomBrightness": lambda: cv.RandomBrightness(0.5, seed=1),
    "RandomChannelShift": lambda: cv.RandomChannelShift(WHITE, 0.5, seed=1),
    "RandomChoice": lambda: cv.RandomChoice(
        [cv.RandomGaussianBlur(5, 2.0), cv.RandomCutout(0.5, 0.5, seed=1)], seed=1
    ),
    "RandomColorDegeneration": lambda: cv.RandomColorDegeneration(0.9, seed=1),
    "RandomColorJitter": lambda: cv.RandomColorJitter(WHITE, 0.3, 0.3, 0.5, 0.3, seed=1),
    "RandomContrast": lambda: cv.RandomContrast(WHITE, 0.5, seed=1),
    "RandomCutout": lambda: cv.RandomCutout(0.5, 0.5, seed=1),
    "RandomGaussianBlur": lambda: cv.RandomGaussianBlur(15, (4.0, 4.0)),
    "RandomHue": lambda: cv.RandomHue(*HUE, seed=1),
    "RandomSaturation": lambda: cv.RandomSaturation(0.9, seed=1),
    "RandomSharpness": lambda: cv.RandomSharpness((1.0, 1.0), WHITE, seed=1),
    "Solarization": lambda: cv.Solarization(WHITE, threshold_factor=100),
}
MOVES, SIZES, UNIT = "moves pixels", "sizes have to stay", "images from 0 to 1"
FAILS, REPEAT = "fails on a batch of images", "do not repeat"
GLOBAL = "global generator"
REFUSED: dict[str, tuple[Make, str]] = {
    "AugMix": (lambda: cv.AugMix(WHITE, seed=1), f"{MOVES}|{REPEAT}"),
    "CutMix": (lambda: cv.CutMix(seed=1), FAILS),
    "FourierMix": (lambda: cv.FourierMix(seed=1), FAILS),
    "JitteredResize": (lambda: cv.JitteredResize((157, 141), (0.8, 1.2), seed=1), GLOBAL),
    "MixUp": (lambda: cv.MixUp(seed=1), FAILS),
    "Mosaic": (lambda: cv.Mosaic(seed=1), FAILS),
    "RandomAspectRatio": (lambda: cv.RandomAspectRatio((0.9, 1.1), seed=1), FAILS),
    "RandomCrop": (lambda: cv.RandomCrop(64, 64, seed=1), SIZES),
    "RandomCropAndResize": (
        lambda: cv.RandomCropAndResize((157, 141), (0.9, 1.0), (0.95, 1.05), seed=1),
        MOVES,
    ),
    "RandomFlip": (lambda: cv.RandomFlip(seed=1), MOVES),
    "RandomJpegQuality": (lambda: cv.RandomJpegQuality((50, 100), seed=1), UNIT),
    "RandomRotation": (lambda: cv.RandomRotation(0.005, seed=1), MOVES),
    "RandomShear": (lambda: cv.RandomShear(0.05, seed=1), MOVES),
    "RandomTranslation": (lambda: cv.RandomTranslation(0.02, 0, seed=1), MOVES),
    "RandomZoom": (lambda: cv.RandomZoom(0.04, seed=1), MOVES),
    "RepeatedAugmentation": (
        lambda: cv.RepeatedAugmentation([cv.RandomFlip(seed=1), cv.RandomFlip(seed=2)]),
        SIZES,
    ),
    "Rescaling": (lambda: cv.Rescaling(1 / 255), UNIT),
    "Resizing": (lambda: cv.Resizing(64, 64), SIZES),
}


def lambda_layer(function: Callable[[Any], Any]) -> Make:
    return lambda: keras.layers.Lambda(function)


def gaussian_shift(images: Any) -> Any:
    """One pixel to the right, for the eye no more than a blur."""
    return tf.roll(cv.RandomGaussianBlur(7, (1.5, 1.5))(images), 1, axis=2)


OTHERS_PASS: dict[str, Make] = {
    "keras brightness": lambda: keras.layers.RandomBrightness(0.4),
    "keras contrast": lambda: keras.layers.RandomContrast(0.4, seed=1),
    "keras noise": lambda: keras.layers.GaussianNoise(0.9),
    "jpeg": lambda_layer(lambda images: 255 * cv.RandomJpegQuality((10, 11))(images / 255)),
    "nothing": lambda_layer(lambda images: images),
}
OTHERS_REFUSED: dict[str, tuple[Make, str]] = {
    "geometric RandAugment": (lambda: cv.RandAugment(WHITE, seed=1), MOVES),
    "a flip of few images": (
        lambda: cv.RandomApply(cv.RandomFlip(seed=1), rate=0.2, seed=1),
        MOVES,
    ),
    "a flip among others": (
        lambda: cv.RandomChoice([cv.RandomHue(*HUE, seed=1), cv.RandomFlip(seed=1)], seed=1),
        MOVES,
    ),
    "vertical flip": (lambda: cv.RandomFlip("vertical", seed=1), MOVES),
    "turn": (lambda_layer(lambda images: images[:, ::-1, ::-1]), MOVES),
    "one pixel": (lambda_layer(lambda images: tf.roll(images, 1, axis=1)), MOVES),
    "one pixel and blur": (lambda_layer(gaussian_shift), MOVES),
    "a ghost": (
        lambda_layer(lambda images: 0.8 * images + 0.2 * images[:, :, ::-1]),
        MOVES,
    ),
    "mixed images": (
        lambda_layer(lambda images: 0.8 * images + 0.2 * tf.roll(images, 3, axis=0)),
        "mixes the images",
    ),
    "keras flip": (lambda: keras.layers.RandomFlip(), MOVES),
    "no seed": (lambda: cv.RandomHue(*HUE), GLOBAL),
    "an inner layer without seed": (
        lambda: cv.RandomApply(cv.RandomHue(*HUE), seed=1),
        GLOBAL,
    ),
    "seed 0": (lambda: cv.ChannelShuffle(seed=0), GLOBAL),
    "noise of tf.random": (
        lambda: cv.RandomCutout(0.5, 0.5, fill_mode="gaussian_noise", seed=1),
        REPEAT,
    ),
    "float16": (lambda: cv.RandomHue(*HUE, seed=1, dtype="float16"), "computes in float16"),
    "not finite": (lambda_layer(lambda images: images + np.nan), "not finite"),
}


def test_every_layer_of_kerascv_has_an_expectation() -> None:
    bases = (cv.BaseImageAugmentationLayer, cv.VectorizedBaseImageAugmentationLayer)
    public = {name: getattr(keras_cv.layers, name) for name in dir(keras_cv.layers)}
    kinds = {
        name
        for name, kind in public.items()
        if isinstance(kind, type) and issubclass(kind, bases) and kind not in bases
    }
    assert kinds <= set(PASS) | set(REFUSED)
    assert not set(PASS) & set(REFUSED)


@pytest.mark.parametrize("name", [*PASS, *OTHERS_PASS])
def test_layers_that_move_nothing_pass(name: str) -> None:
    check_layer(ImageLayer((PASS | OTHERS_PASS)[name]()))


@pytest.mark.parametrize("name", [*REFUSED, *OTHERS_REFUSED])
def test_other_layers_are_refused(name: str) -> None:
    make, message = (REFUSED | OTHERS_REFUSED)[name]
    state = tf.random.get_global_generator().state.numpy()
    with pytest.raises(ArgumentError, match=message):
        check_layer(ImageLayer(make()))
    np.testing.assert_array_equal(tf.random.get_global_generator().state.numpy(), state)
