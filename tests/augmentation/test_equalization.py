"""Equalisation against PIL."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from augmentation_batches import noise
from PIL import Image, ImageOps
from tensorflow.python.framework import config

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


@pytest.fixture
def determinism() -> Iterator[None]:
    tf.config.experimental.enable_op_determinism()
    yield
    config.disable_op_determinism()


@pytest.mark.usefixtures("determinism")
def test_it_works_and_repeats_where_tensorflow_has_to_be_deterministic() -> None:
    images = np.random.default_rng(0).integers(0, 256, (3, 40, 32, 3), dtype=np.uint8)
    layer = RandomEqualization(EqualizationSettings(probability=0.5))
    batch = {"images": tf.constant(images, tf.float32)}
    first, second = (layer(batch)["images"].numpy() for _ in range(2))
    np.testing.assert_array_equal(first, second)
    changed = [(new != old).any() for new, old in zip(first, images, strict=True)]
    assert 0 < sum(changed) < len(changed)


def test_levels_are_counted_on_the_processor_where_that_is_deterministic() -> None:
    """The GPU's kernel raises `UnimplementedError` under `enable_op_determinism`."""
    layer = RandomEqualization(EqualizationSettings(probability=1))
    graph = tf.function(lambda images: layer.change(images, {})).get_concrete_function(
        tf.TensorSpec((None, 16, 16, 3))
    )
    devices = {each.type: each.device for each in graph.graph.get_operations()}
    assert devices["DenseBincount"] == "/device:CPU:0"
    assert devices["GatherV2"] == ""
