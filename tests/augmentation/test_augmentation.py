"""A recipe's whole list: repeatable, traced, in float32, and keypoints move with geometry only."""

from collections.abc import Iterator
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
from augmentation_batches import (
    SKELETON,
    augmentation,
    centroid,
    items,
    noise,
    run,
    unlabelled,
    white_dot,
)

from simplebase.augmentation import Augmentation
from simplebase.presets import load_recipe, recipe_names
from simplebase.presets.augmentation_settings import GeometrySettings
from simplebase.skeletons import Skeleton, load_skeleton

PERSON = Skeleton(
    "person",
    SKELETON.keypoints,
    SKELETON.horizontal_pairs,
    SKELETON.vertical_pairs,
    upper_body=("left", "right", "top"),
)
PHOTOMETRY: dict[str, dict[str, Any]] = {
    "brightness": {"amount": 0.5},
    "contrast": {"amount": 0.5},
    "chroma": {"amount": 0.5},
    "grayscale": {"probability": 0.5},
    "sharpness": {"probability": 0.5},
    "blur": {"probability": 0.5},
    "equalization": {"probability": 0.5},
    "random_cutout": {"probability": 0.5},
}
GEOMETRY: dict[str, dict[str, Any]] = {
    "horizontal_flip": {},
    "vertical_flip": {},
    "rotation": {"degrees": 180, "probability": 0.9},
    "scale": {},
    "shift": {},
    "half_body": {"probability": 0.9, "min_keypoints": 3},
}
EVERYTHING = GEOMETRY | PHOTOMETRY


def everything(seed: int = 0, size: tuple[int, int] = (64, 48)) -> Augmentation:
    return augmentation(*items(**EVERYTHING), size=size, seed=seed, skeleton=PERSON)


def labelled(count: int) -> np.ndarray:
    places = np.random.default_rng(1).uniform(20, 60, (count, 5, 2))
    return np.concatenate([places, np.full((count, 5, 1), 2.0)], axis=-1).astype(np.float32)


def test_every_name_of_upstream_is_there() -> None:
    upstream = {"brightness", "chroma", "contrast", "sharpness", "grayscale", "blur", "rotation"}
    upstream |= {"equalization", "horizontal_flip", "vertical_flip", "scale"}
    assert upstream <= set(EVERYTHING)
    assert [item.name for item in items(**EVERYTHING)] == list(EVERYTHING)


@pytest.mark.parametrize("name", recipe_names())
def test_a_built_in_recipe_augments_people(name: str) -> None:
    settings = load_recipe(name).augmentation
    layer = Augmentation(settings, (64, 64), load_skeleton("mpii"))
    photometric = any(not isinstance(item, GeometrySettings) for item in settings)
    assert len(layer.layers) >= 1 + photometric
    keypoints = np.ones((2, 16, 3), np.float32)
    assert run(layer, noise(layer.canvas_size, 2), keypoints)[0].shape == (2, 64, 64, 3)


@pytest.mark.parametrize("name", PHOTOMETRY)
def test_photometry_stays_within_0_and_255_and_leaves_keypoints_alone(name: str) -> None:
    values = PHOTOMETRY[name] | {"probability": 1}
    if "amount" in values:
        values["amount"] = 1
    keypoints = labelled(8)
    images = noise((64, 48), 8)
    changed, moved = run(augmentation(*items(**{name: values})), images, keypoints)
    assert changed.min() >= 0 and changed.max() <= 255
    assert changed.std() > 1
    assert (np.abs(changed - images).max(axis=(1, 2, 3)) > 0.01).all()
    np.testing.assert_array_equal(moved, keypoints)


@pytest.mark.parametrize("name", PHOTOMETRY)
def test_photometry_changes_as_many_images_as_asked_for_and_no_other(name: str) -> None:
    images = noise((16, 16), 200)

    def changed(probability: float) -> Any:
        settings = items(**{name: PHOTOMETRY[name] | {"probability": probability}})
        result = run(augmentation(*settings, size=(16, 16)), images, unlabelled(200))[0]
        return (np.abs(result - images).max(axis=(1, 2, 3)) > 1e-3).sum()

    assert changed(0) == 0
    # Six standard deviations of 200 draws are 37; a few draws are too weak to see.
    assert 90 - 38 < changed(0.5) < 100 + 37


def test_a_dot_and_its_keypoint_move_together_under_everything_at_once() -> None:
    # The photometry of the list, as weak as leaves the dot's centre where it is.
    settings = EVERYTHING | {"random_cutout": {"probability": 0}, "shift": {"fraction": 0.02}}
    settings |= {"brightness": {"amount": 0}, "contrast": {"amount": 0}, "scale": {"factor": 1.1}}
    settings |= {"equalization": {"probability": 0}}
    layer = augmentation(*items(**settings), size=(64, 64), skeleton=PERSON)
    height, width = layer.canvas_size
    keypoints = unlabelled(24)
    middle = np.array([(width - 1) / 2, (height - 1) / 2])
    around = [[-9, -9], [9, -9], [9, 9], [-9, 9], [3, -2]]
    keypoints[..., :2] = middle + around + np.random.default_rng(0).uniform(-2, 2, (24, 1, 2))
    keypoints[..., 2] = [2, 2, 2, 2, 1]
    images = np.stack([white_dot((height, width), *points[4, :2]) for points in keypoints])
    for step in range(2):
        for image, rows in zip(*run(layer, images, keypoints, step), strict=True):
            target = rows[rows[:, 2] == 1, :2][0]
            if (np.abs(target - 31.5) < 22).all():
                assert np.abs(centroid(image) - target).max() < 0.15


def test_the_same_seed_and_step_give_the_same_batch_and_others_another() -> None:
    def result(seed: int, step: int) -> np.ndarray:
        layer = everything(seed)
        return run(layer, noise(layer.canvas_size, 4), labelled(4), step)[0]

    first = result(3, 5)
    np.testing.assert_array_equal(first, result(3, 5))
    assert np.abs(first - result(3, 6)).mean() > 1
    assert np.abs(first - result(4, 5)).mean() > 1


def test_a_step_does_not_depend_on_the_steps_before_it() -> None:
    layer = everything()
    canvas = noise(layer.canvas_size, 2)
    in_order = [run(layer, canvas, labelled(2), step)[0] for step in range(3)]
    np.testing.assert_array_equal(run(layer, canvas, labelled(2), 2)[0], in_order[2])
    np.testing.assert_array_equal(run(layer, canvas, labelled(2), 0)[0], in_order[0])


def test_a_traced_step_of_any_batch_size_draws_what_an_eager_one_does() -> None:
    layer = everything(size=(64, 96))
    canvas = layer.canvas_size
    signature = [
        tf.TensorSpec((None, *canvas, 3), tf.uint8),
        tf.TensorSpec((None, 5, 3), tf.float32),
        tf.TensorSpec((), tf.int64),
    ]

    @tf.function(input_signature=signature, jit_compile=False)
    def traced(images: tf.Tensor, keypoints: tf.Tensor, step: tf.Tensor) -> Any:
        return layer({"images": images, "keypoints": keypoints}, step=step)

    for step, count in ((0, 1), (9, 5)):
        images, keypoints = noise(canvas, count), labelled(count)
        result = traced(images, keypoints, step)
        assert result["images"].shape == (count, 64, 96, 3)
        eager_images, eager = run(layer, images, keypoints, step)
        np.testing.assert_allclose(result["keypoints"], eager, atol=1e-3)
        # Equalisation rounds, so a last digit may become a level.
        assert np.mean(np.abs(result["images"] - eager_images) > 0.1) < 1e-3


@pytest.fixture
def mixed_precision() -> Iterator[None]:
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_float16")
    yield
    keras.config.set_dtype_policy(before)


@pytest.mark.usefixtures("mixed_precision")
def test_it_computes_in_float32_under_mixed_precision() -> None:
    settings = items(horizontal_flip={"probability": 1}, **PHOTOMETRY)
    layer = augmentation(*settings, size=(32, 1024))
    assert {part.compute_dtype for part in layer.layers} == {"float32"}
    keypoints = unlabelled()
    keypoints[0, 0] = [5.125, 3, 2]
    images, moved = run(layer, noise((32, 1024)), keypoints)
    assert images.dtype == moved.dtype == np.float32
    # float16 has steps of 0.5 here.
    assert moved[0, 1, 0] == pytest.approx(1023 - 5.125, abs=1e-3)


@pytest.mark.usefixtures("mixed_precision")
def test_a_layer_of_kerascv_and_those_in_it_compute_in_float32() -> None:
    factors = {f"{kind}_factor": 0.3 for kind in ("brightness", "contrast", "saturation", "hue")}
    layer = augmentation(*items(keras_cv={"layer": "RandomColorJitter", **factors}))
    images, keypoints = noise((64, 48), 2), labelled(2)
    changed, moved = run(layer, images, keypoints)
    assert changed.dtype == moved.dtype == np.float32
    assert np.abs(changed - changed.astype(np.float16)).max() > 0.01
    np.testing.assert_array_equal(moved, keypoints)
    assert keras.config.dtype_policy().name == "mixed_float16"


def test_an_empty_list_passes_batches_through() -> None:
    layer = augmentation(size=(64, 48))
    images, keypoints = noise((64, 48), 2), labelled(2)
    passed, kept = run(layer, images, keypoints)
    assert layer.canvas_size == (64, 48)
    np.testing.assert_array_equal(passed, images)
    np.testing.assert_array_equal(kept, keypoints)


def test_the_global_random_generator_of_the_caller_stays_as_it_was() -> None:
    before = tf.random.get_global_generator()
    state = before.state.numpy()
    layer = everything()
    run(layer, noise(layer.canvas_size, 2), labelled(2))
    assert tf.random.get_global_generator() is before
    np.testing.assert_array_equal(before.state.numpy(), state)
