"""What a recipe says of schedule, optimizer, clipping and weight decay is what is trained with."""

from typing import Any, get_args

import keras
import numpy as np
import pytest

from simplebase.presets import Recipe
from simplebase.presets.recipe import OptimizerName
from simplebase.training.optimizer import Schedule, build_optimizer, build_schedule

CONSTANT = Schedule(0.1, "none", warmup_steps=0, total_steps=1)


def recipe_of(**values: Any) -> Recipe:
    return Recipe(name="mine", description="", **values)


@pytest.mark.parametrize(
    ("epochs", "steps_per_epoch", "warmup"),
    # Half an epoch, or a tenth of the run where that is shorter.
    [(100, 40, 20), (2, 40, 8), (1, 4, 0), (1, 1, 0), (3, 1, 0)],
)
def test_a_warm_up_never_takes_more_than_a_tenth_of_the_run(
    epochs: int, steps_per_epoch: int, warmup: int
) -> None:
    recipe = recipe_of(total_epoch=epochs, warmup_epochs=0.5, learning_rate=0.01)
    schedule = build_schedule(recipe, steps_per_epoch, transfer=False)
    assert (schedule.warmup_steps, schedule.total_steps) == (warmup, epochs * steps_per_epoch)
    assert schedule.at(warmup) == pytest.approx(0.01)


def test_the_first_stage_is_constant_and_the_second_has_what_it_leaves() -> None:
    recipe = recipe_of(
        total_epoch=20,
        init_epoch=3,
        transfer_epoch=2,
        warmup_epochs=1,
        decay_type="polynomial",
        learning_rate=0.01,
    )
    first = build_schedule(recipe, 8, transfer=True)
    assert {first.at(step) for step in range(17)} == {0.01}
    assert first.total_steps == 16
    second = build_schedule(recipe, 8, transfer=False)
    # 15 epochs are left; a whole epoch is less than a tenth of their 120 steps.
    assert (second.warmup_steps, second.total_steps) == (8, 120)
    assert second.at(0) == pytest.approx(0.01 / 9)
    assert second.at(120) == pytest.approx(0.0001)


@pytest.mark.parametrize("name", get_args(OptimizerName))
def test_every_optimizer_of_a_recipe_steps_downhill(name: OptimizerName) -> None:
    recipe = recipe_of(optimizer=name)
    optimizer = build_optimizer(recipe, CONSTANT)
    weight = keras.Variable([1.0])
    for _ in range(3):
        optimizer.apply([2 * weight], [weight])
    assert 0 < float(weight[0]) < 1


def test_the_optimizer_follows_the_schedule() -> None:
    schedule = Schedule(0.4, "none", warmup_steps=3, total_steps=10)
    optimizer = build_optimizer(recipe_of(optimizer="adam"), schedule)
    weight = keras.Variable([1.0])
    gradient = keras.ops.ones(1)
    places = [1.0]
    for _ in range(4):
        optimizer.apply([gradient], [weight])
        places.append(float(weight[0]))
    # Adam's step is the learning rate as long as the gradient stays the same.
    np.testing.assert_allclose(-np.diff(places), [0.1, 0.2, 0.3, 0.4], rtol=1e-4)


def test_sgd_has_momentum() -> None:
    optimizer = build_optimizer(recipe_of(optimizer="sgd"), CONSTANT)
    weight = keras.Variable([1.0])
    for _ in range(2):
        optimizer.apply([keras.ops.ones(1)], [weight])
    # Steps of 0.1 and of 0.1 + 0.9 * 0.1.
    assert float(weight[0]) == pytest.approx(1 - 0.1 - 0.19)


@pytest.mark.parametrize("replicas", [1, 4])
def test_the_norm_of_the_whole_gradient_is_clipped(replicas: int) -> None:
    recipe = recipe_of(optimizer="sgd", clip_norm=1.0)
    optimizer = build_optimizer(recipe, CONSTANT, replicas=replicas)
    weights = [keras.Variable([0.0]), keras.Variable([0.0])]
    # (3, 4) has norm 5. What four replicas hand over is a quarter of it, to be summed again.
    gradients = [keras.ops.convert_to_tensor([part / replicas]) for part in (3.0, 4.0)]
    optimizer.apply(gradients, weights)
    summed = [float(weight[0]) * replicas for weight in weights]
    assert summed == pytest.approx([-0.06, -0.08])


@pytest.mark.parametrize("clip_norm", [None, 6.0])
def test_a_gradient_within_the_norm_is_left_alone(clip_norm: float | None) -> None:
    optimizer = build_optimizer(recipe_of(optimizer="sgd", clip_norm=clip_norm), CONSTANT)
    weight = keras.Variable([0.0, 0.0])
    optimizer.apply([keras.ops.convert_to_tensor([3.0, 4.0])], [weight])
    np.testing.assert_allclose(weight.numpy(), [-0.3, -0.4], rtol=1e-6)


def test_weight_decay_leaves_biases_and_batch_norms_alone() -> None:
    model = keras.Sequential(
        [
            keras.layers.Input((4, 4, 3)),
            keras.layers.DepthwiseConv2D(3, use_bias=False),
            keras.layers.BatchNormalization(),
            keras.layers.Conv2D(2, 1, bias_initializer="ones"),
        ]
    )
    model.layers[1].beta.assign([1.0, 1.0, 1.0])
    weights = model.trainable_variables
    assert len(weights) == 5
    before = {weight.path: weight.numpy() for weight in weights}
    optimizer = build_optimizer(recipe_of(optimizer="adamw", weight_decay=0.5), CONSTANT)
    optimizer.apply([keras.ops.zeros_like(weight) for weight in weights], weights)
    for weight in weights:
        # Learning rate times decay: 0.05 of a kernel goes.
        share = 0.95 if "kernel" in weight.path else 1.0
        np.testing.assert_allclose(weight.numpy(), share * before[weight.path], rtol=1e-6)
    assert sum("kernel" in path for path in before) == 2
