"""Equalisation against PIL."""

from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from augmentation_batches import noise
from PIL import Image, ImageOps

from simplebase.augmentation.equalization import RandomEqualization
from simplebase.presets.augmentation_settings import EqualizationSettings


def equalized(images: np.ndarray) -> np.ndarray:
    layer = RandomEqualization(EqualizationSettings(probability=1))
    return layer.change(tf.constant(images, tf.float32), {}).numpy()


def pil_equalized(image: np.ndarray) -> np.ndarray:
    return np.asarray(ImageOps.equalize(Image.fromarray(image)))


def test_a_photo_is_equalised_as_pil_does(shared: Path) -> None:
    photos = [Image.open(path) for path in sorted((shared / "data" / "people").glob("*.jpg"))[:3]]
    images = np.stack([np.asarray(photo.convert("RGB").resize((96, 64))) for photo in photos])
    assert len(images)
    for result, image in zip(equalized(images), images, strict=True):
        np.testing.assert_array_equal(result, pil_equalized(image))


@pytest.mark.parametrize("levels", [slice(0, 256), slice(100, 140), slice(200, 256)], ids=str)
def test_noise_of_few_or_many_levels_is_equalised_as_pil_does(levels: slice) -> None:
    rng = np.random.default_rng(0)
    images = rng.integers(levels.start, levels.stop, (2, 64, 48, 3), dtype=np.uint8)
    for result, image in zip(equalized(images), images, strict=True):
        np.testing.assert_array_equal(result, pil_equalized(image))


def test_an_image_of_one_level_or_of_few_pixels_stays() -> None:
    flat = np.full((1, 32, 32, 3), 77, np.uint8)
    np.testing.assert_array_equal(equalized(flat), flat)
    # 48 pixels are fewer than there are levels to spread them over.
    few = noise((8, 6))
    np.testing.assert_array_equal(equalized(few), few)
    np.testing.assert_array_equal(pil_equalized(few[0]), few[0])


def test_two_halves_become_black_and_white() -> None:
    image = np.full((1, 32, 32, 3), 100.4, np.float32)
    image[:, 16:] = 149.6
    result = equalized(image)
    assert (result[:, :16] == 0).all() and (result[:, 16:] == 255).all()


def test_each_channel_and_each_image_has_its_own_histogram() -> None:
    images = noise((32, 32), 2)
    images[1] //= 2
    images[0, ..., 1] //= 4
    np.testing.assert_array_equal(equalized(images)[:1], equalized(images[:1]))
    np.testing.assert_array_equal(equalized(images[..., ::-1]), equalized(images)[..., ::-1])
