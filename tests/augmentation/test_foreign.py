"""KerasCV's layers draw from (seed, step), and leave the caller's randomness alone."""

from typing import Any

import keras
import keras_cv
import numpy as np
import pytest
import tensorflow as tf
from augmentation_batches import SKELETON, items, noise, run

from simplebase.augmentation import Augmentation
from simplebase.augmentation.foreign import ImageLayer, keras_cv_layer
from simplebase.augmentation.random import StepRandom
from simplebase.errors import ArgumentError
from simplebase.presets import Recipe
from simplebase.presets.augmentation_settings import KerasCVSettings

WHITE = (0, 255)
SIZE = (32, 48)

# As a recipe writes them.
ITEMS: dict[str, dict[str, Any]] = {
    "RandomHue": {"factor": 0.5},
    "RandomSaturation": {"factor": 0.9},
    "RandomGaussianBlur": {"kernel_size": 5, "factor": [0.5, 3.0]},
    "RandomChannelShift": {"factor": 0.5},
    "RandomBrightness": {"factor": 0.5},
    "ChannelShuffle": {},
    "RandomCutout": {"height_factor": 0.4, "width_factor": 0.4},
    "RandAugment": {"geometric": False},
}
# With layers in them, and with both ways in which KerasCV draws.
LAYERS = {
    "apply": lambda: keras_cv.layers.RandomApply(
        keras_cv.layers.RandomHue(0.5, WHITE, seed=3), seed=4
    ),
    "choice": lambda: keras_cv.layers.RandomChoice(
        [
            keras_cv.layers.RandomChannelShift(WHITE, 0.5, seed=3),
            keras_cv.layers.ChannelShuffle(seed=4),
        ],
        seed=5,
    ),
    "jitter": lambda: keras_cv.layers.RandomColorJitter(WHITE, 0.3, 0.3, 0.5, 0.3, seed=3),
    "keras": lambda: keras.layers.RandomBrightness(0.4),
    "keras dropout": lambda: keras.layers.Dropout(0.3, seed=3),
}


def made(name: str) -> ImageLayer:
    if name in LAYERS:
        return ImageLayer(LAYERS[name]())
    return ImageLayer(keras_cv_layer(KerasCVSettings(layer=name, **ITEMS[name])))


def listed(*augmentation: dict[str, Any]) -> Any:
    values = {"name": "test", "description": "test", "augmentation": augmentation}
    return Recipe.model_validate(values).augmentation


def same_images(count: int = 8) -> np.ndarray:
    return np.repeat(noise(SIZE), count, axis=0)


def labelled(count: int = 8) -> np.ndarray:
    return np.random.default_rng(1).uniform(0, 30, (count, 5, 3)).astype(np.float32)


@pytest.mark.parametrize("name", [*ITEMS, *LAYERS])
def test_draws_follow_from_seed_step_and_replica_and_nothing_else(name: str) -> None:
    layer, keypoints = made(name), labelled()
    shared = tf.random.get_global_generator().state.numpy()

    @tf.function(jit_compile=False)
    def traced(images: tf.Tensor, step: tf.Tensor, replica: tf.Tensor) -> Any:
        layer.random.start(step, replica, 2)
        return layer({"images": images, "keypoints": tf.constant(keypoints)})

    def drawn(step: int, replica: int = 0) -> np.ndarray:
        result = traced(same_images(), tf.constant(step), tf.constant(replica))
        np.testing.assert_array_equal(result["keypoints"], keypoints)
        return result["images"].numpy()

    first, other_step, other_replica = drawn(5), drawn(6), drawn(5, replica=1)
    assert first.dtype == np.float32 and first.min() >= 0 and first.max() <= 255
    for other in (same_images(), other_step, other_replica, first[:1]):
        # The last: the images of a batch are equal, and each has draws of its own.
        assert np.abs(first - other).max() > 5
    np.testing.assert_array_equal(drawn(5), first)

    def eager(layer: ImageLayer, seed: int) -> np.ndarray:
        layer.random = StepRandom(seed)
        layer.random.start(5, 0, 2)
        return layer({"images": tf.constant(same_images())})["images"].numpy()

    assert np.abs(eager(layer, seed=1) - first).max() > 5
    np.testing.assert_allclose(eager(made(name), seed=0), first, atol=0.01)
    np.testing.assert_array_equal(tf.random.get_global_generator().state.numpy(), shared)


def test_keras_global_seed_gives_the_numbers_that_it_would_have_given() -> None:
    keras.utils.set_random_seed(7)
    expected = [keras.random.uniform((3,)).numpy() for _ in range(2)]
    keras.utils.set_random_seed(7)
    first = keras.random.uniform((3,)).numpy()
    layer = Augmentation((), SIZE, SKELETON, layers=[keras.layers.Lambda(_noisy)])
    steps = [run(layer, noise(SIZE), labelled(1), step)[0] for step in (1, 2, 1)]
    np.testing.assert_array_equal([first, keras.random.uniform((3,)).numpy()], expected)
    np.testing.assert_array_equal(steps[0], steps[2])
    assert np.abs(steps[0] - steps[1]).max() > 5


def _noisy(images: Any) -> Any:
    return images + 20 * keras.random.normal(keras.ops.shape(images))


def test_a_layer_of_the_caller_keeps_its_samplers() -> None:
    theirs = keras_cv.layers.RandomHue(0.5, WHITE, seed=3)
    sampler = theirs.factor
    layer = Augmentation((), SIZE, SKELETON, layers=[theirs])
    before = run(layer, noise(SIZE), labelled(1), 1)[0]
    assert theirs.factor is sampler
    # Used elsewhere in between, it draws the same here.
    theirs(tf.constant(noise(SIZE), tf.float32))
    Augmentation((), SIZE, SKELETON, 9, layers=[theirs])
    np.testing.assert_array_equal(run(layer, noise(SIZE), labelled(1), 1)[0], before)


def test_it_runs_after_the_recipe_in_a_graph_without_autograph() -> None:
    settings = items(grayscale={"probability": 1})
    colours = LAYERS["apply"]()
    layer = Augmentation(settings, SIZE, SKELETON, layers=[colours])

    @tf.function(autograph=False, jit_compile=False)
    def traced(images: tf.Tensor) -> tf.Tensor:
        return layer({"images": images, "keypoints": tf.constant(labelled(1))}, step=0)["images"]

    # Grey has no hue to turn; KerasCV's conversion to HSV and back rounds.
    grey = traced(noise(SIZE)).numpy()
    assert np.abs(grey - grey[..., :1]).max() < 0.1


@pytest.mark.parametrize("count", [1, 3])
def test_a_recipe_item_changes_batches_of_any_size(count: int) -> None:
    layer = Augmentation(listed({"name": "keras_cv", "layer": "ChannelShuffle"}), SIZE, SKELETON)
    images = noise(SIZE, count)
    for step in range(4):
        shuffled = run(layer, images, labelled(count), step)[0]
        np.testing.assert_array_equal(np.sort(shuffled, axis=-1), np.sort(images, axis=-1))
        if (shuffled != images).any():
            return
    pytest.fail("no step of four shuffled anything")


def test_an_item_may_stand_twice_with_another_layer_only() -> None:
    hue = {"name": "keras_cv", "layer": "RandomHue", "factor": 0.2}
    shuffle = {"name": "keras_cv", "layer": "ChannelShuffle"}
    assert [item.layer for item in listed(hue, shuffle)] == ["RandomHue", "ChannelShuffle"]
    assert listed(hue)[0].arguments == {"factor": 0.2}
    with pytest.raises(ValueError, match="keras_cv RandomHue occurs twice"):
        listed(hue, shuffle, hue)


@pytest.mark.parametrize(
    ("item", "message"),
    [
        ({"layer": "RandomHeu", "factor": 0.2}, "no augmentation layer 'RandomHeu'; did you mean"),
        ({"layer": "Dense"}, "no augmentation layer 'Dense'"),
        ({"layer": "RandomHue"}, "RandomHue refuses its arguments.*takes factor, value_range"),
        ({"layer": "RandomHue", "factor": 3}, r"inside of range \[0.0, 1.0\]"),
        ({"layer": "RandomHue", "factr": 1}, "RandomHue refuses its arguments: .*factr|factor"),
        ({"layer": "RandomHue", "factor": 0.2, "seed": 3}, "leave out seed"),
        ({"layer": "RandomHue", "factor": 0.2, "dtype": "float16"}, "computes in float16"),
    ],
)
def test_what_cannot_be_built_is_refused(item: dict[str, Any], message: str) -> None:
    with pytest.raises(ArgumentError, match=message):
        Augmentation(listed({"name": "keras_cv", **item}), SIZE, SKELETON)
