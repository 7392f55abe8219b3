"""Blur against OpenCV, sharpness against PIL."""

import cv2
import numpy as np
import pytest
import tensorflow as tf
from augmentation_batches import noise
from PIL import Image, ImageEnhance

from simplebase.augmentation.kernel import RandomBlur, RandomSharpness, filter_separably
from simplebase.augmentation.random import StepRandom
from simplebase.presets.augmentation_settings import BlurSettings, SharpnessSettings

# 48 is 1.5 blocks, 37 has no divisor, and the largest kernels are wider than either.
SIZES = [(64, 96), (48, 32), (37, 41)]


@pytest.mark.parametrize("largest", [0.6, 1.5, 8])
@pytest.mark.parametrize("size", SIZES, ids=str)
def test_each_image_is_blurred_as_opencv_does_up_to_the_border(
    size: tuple[int, int], largest: float
) -> None:
    images = noise(size, 3).astype(np.float32)
    sigmas = np.array([1, 0.5, 0.1]) * largest
    layer = RandomBlur(BlurSettings(sigma=largest))
    blurred = layer.change(tf.constant(images), {"sigma": tf.constant(sigmas, tf.float32)})
    side = 2 * int(np.ceil(3 * largest)) + 1
    for image, result, sigma in zip(images, blurred.numpy(), sigmas, strict=True):
        expected = cv2.GaussianBlur(
            image, (side, side), sigmaX=float(sigma), borderType=cv2.BORDER_REPLICATE
        )
        np.testing.assert_allclose(result, expected, atol=0.02)


def test_blur_strengths_are_uniform_up_to_the_largest() -> None:
    layer = RandomBlur(BlurSettings(sigma=2))
    layer.random = StepRandom(0)
    layer.random.start(0)
    sigma = layer.draw(500)["sigma"].numpy()
    assert 0 <= sigma.min() < 0.1 and 1.9 < sigma.max() < 2
    assert 0.85 < sigma.mean() < 1.15


def test_no_blur_at_all_is_no_change() -> None:
    images = noise((32, 32), 2).astype(np.float32)
    layer = RandomBlur(BlurSettings())
    np.testing.assert_array_equal(layer.change(tf.constant(images), {"sigma": tf.zeros(2)}), images)


@pytest.mark.parametrize("factor", [0.0, 0.4, 1.0, 1.9])
def test_sharpness_is_pils_away_from_the_border(factor: float) -> None:
    image = noise((32, 48))[0] // 2 + 64
    layer = RandomSharpness(SharpnessSettings())
    strength = {"strength": tf.constant([factor - 1], tf.float32)}
    result = layer.change(tf.constant(image[None], tf.float32), strength)[0].numpy()
    expected = np.asarray(ImageEnhance.Sharpness(Image.fromarray(image)).enhance(factor))
    # PIL rounds what it smoothed, and the result down.
    np.testing.assert_allclose(result[1:-1, 1:-1], expected[1:-1, 1:-1].astype(float), atol=1.5)


def test_sharpening_and_softening_move_a_pixel_the_opposite_way() -> None:
    image = np.full((1, 32, 32, 3), 100, np.float32)
    image[0, 16, 16] = 109
    layer = RandomSharpness(SharpnessSettings(amount=1))
    softer, sharper = (
        layer.change(tf.constant(image), {"strength": tf.constant([strength])}).numpy()
        for strength in (-0.5, 0.5)
    )
    # The mean of the 3x3 there is 101: 9/13 of 8 is 5.54, and half of it 2.77.
    np.testing.assert_allclose(softer[0, 16, 16], 109 - 2.769, atol=1e-3)
    np.testing.assert_allclose(sharper[0, 16, 16], 109 + 2.769, atol=1e-3)
    np.testing.assert_allclose(softer + sharper, 2 * image, atol=1e-3)


def test_sharpness_stays_within_0_and_255() -> None:
    layer = RandomSharpness(SharpnessSettings(amount=1))
    images = tf.constant(noise((32, 32)), tf.float32)
    sharper = layer.change(images, {"strength": tf.ones(1)}).numpy()
    assert sharper.min() == 0 and sharper.max() == 255


def test_a_filter_of_no_images_is_no_images() -> None:
    assert filter_separably(tf.zeros((0, 32, 32, 3)), tf.zeros((0, 3))).shape == (0, 32, 32, 3)
