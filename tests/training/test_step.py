"""A step computes what its parts do by hand."""

from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from simplebase import SimpleBaseline
from simplebase.augmentation import Augmentation
from simplebase.losses import LOSSES
from simplebase.presets import Preset, load_recipe
from simplebase.training import distribute
from simplebase.training.step import TrainingStep
from simplebase.training.training_model import TrainingModel

RATE, MOMENTUM, SCALE = 0.05, 0.9, 20.0


@pytest.fixture
def model(one_layer_preset: Preset) -> SimpleBaseline:
    keras.utils.set_random_seed(3)
    return SimpleBaseline.from_preset(
        one_layer_preset, 3, input_size=(64, 64), backbone_weights="none"
    )


def training_step(model: SimpleBaseline, augmentation: Any = (), **arguments: Any) -> TrainingStep:
    layer = Augmentation(augmentation, (64, 64), model.metadata.skeleton)
    training_model = TrainingModel(model, layer, LOSSES["weighted_mse"], SCALE)
    optimizer = keras.optimizers.SGD(RATE, momentum=MOMENTUM)
    optimizer.build(model.trainable_variables)
    return TrainingStep(training_model, optimizer, distribute(), **arguments)


def batch(number: int, visibility: tuple[int, int, int] = (2, 1, 0)) -> dict[str, np.ndarray]:
    values = np.random.default_rng(number)
    keypoints = np.empty((4, 3, 3), np.float32)
    keypoints[..., :2] = values.uniform(0, 63, (4, 3, 2))
    keypoints[..., 2] = visibility
    images = values.integers(0, 256, (4, 64, 64, 3), dtype=np.uint8)
    return {"images": images, "keypoints": keypoints}


def test_a_step_is_the_gradient_of_the_mean_error_and_the_optimizers_step(
    model: SimpleBaseline,
) -> None:
    twin = SimpleBaseline.from_config(model.get_config())
    twin.set_weights(model.get_weights())
    velocity = [np.zeros(weight.shape) for weight in twin.trainable_weights]
    step = training_step(model)
    for number in range(3):
        given = batch(number)
        loss, stop = step(given, number)
        target, weights = twin.metadata.codec.encode(given["keypoints"])
        assert weights.sum() == 8
        with tf.GradientTape() as tape:
            error = (target - twin(given["images"], training=True)) ** 2
            expected = SCALE * tf.reduce_sum(tf.reduce_mean(error, axis=(1, 2)) * weights) / 8
        gradients = tape.gradient(expected, [weight.value for weight in twin.trainable_weights])
        for index, weight in enumerate(twin.trainable_weights):
            velocity[index] = MOMENTUM * velocity[index] - RATE * gradients[index].numpy()
            weight.assign_add(velocity[index])
        assert loss == pytest.approx(float(expected), rel=1e-5)
        assert stop is False
        for mine, theirs in zip(model.weights, twin.weights, strict=True):
            np.testing.assert_allclose(mine, theirs, rtol=1e-4, atol=1e-6, err_msg=mine.path)
    assert step.optimizer.iterations == 3


@pytest.mark.parametrize(("outside", "counted"), [("ignored", 4), ("absent", 8)])
def test_keypoints_outside_of_the_crop_are_ignored_or_taught_to_be_absent(
    model: SimpleBaseline, outside: str, counted: int
) -> None:
    """Of three keypoints the first is inside, the second outside, the third not labelled."""
    recipe = load_recipe("default").updated({"outside_keypoints": outside})
    layer = Augmentation((), (64, 64), model.metadata.skeleton)
    given = batch(1)
    given["keypoints"][:, 1, 0] = 200
    given["images"] = given["images"].astype(np.float32)
    training_model = TrainingModel(model, layer, LOSSES["weighted_mse"], SCALE, recipe=recipe)
    total, count = training_model.errors(given, step=0, training=False)
    target, _ = model.metadata.codec.encode(given["keypoints"])
    error = (target - keras.ops.convert_to_numpy(model(given["images"]))) ** 2
    assert target[..., 1].max() == 0
    assert float(count) == counted
    expected = SCALE * error.mean(axis=(1, 2))[:, : counted // 4].sum()
    assert float(total) == pytest.approx(expected, rel=1e-5)


@pytest.mark.usefixtures("eager_steps")
def test_a_batch_without_labels_has_no_loss_and_moves_no_weight(model: SimpleBaseline) -> None:
    before = [weight.numpy() for weight in model.trainable_weights]
    loss, _ = training_step(model)(batch(0, visibility=(0, 0, 0)), 0)
    assert loss == 0
    for weight, value in zip(model.trainable_weights, before, strict=True):
        np.testing.assert_array_equal(weight, value)


@pytest.mark.usefixtures("eager_steps")
def test_the_wish_to_stop_comes_back_after_the_step(model: SimpleBaseline) -> None:
    step = training_step(model)
    before = model.get_weights()
    loss, stop = step(batch(0), 0, stop=True)
    assert loss > 0 and stop is True
    assert step.is_traced
    assert any((now != then).any() for now, then in zip(model.get_weights(), before, strict=True))
    assert step(batch(1), 1)[1] is False
