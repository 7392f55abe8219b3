"""Keras's own loop trains as ours does, and its callbacks work."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from tiny_runs import one_layer_network, tiny_recipe

import simplebase
from simplebase import HeatmapLoss, KeypointDataset, SimpleBaseline, TrainingModel
from simplebase.data.pipeline import BatchSource
from simplebase.errors import ArgumentError, DataError
from simplebase.evaluation import mean_pck, predict_dataset
from simplebase.runtimes.keras import KerasRuntime
from simplebase.training import PCK, build_optimizer, build_schedule, distribute
from simplebase.training.order import EpochOrder
from simplebase.training.step import TrainingStep

EPOCHS, SEED = 3, 5
RECIPE = tiny_recipe(
    total_epoch=EPOCHS,
    augmentation=[
        {"name": "horizontal_flip", "probability": 0.5},
        {"name": "rotation", "degrees": 30},
        {"name": "scale", "factor": 1.25},
        {"name": "brightness"},
    ],
)


@pytest.fixture(scope="module")
def network(figures: KeypointDataset) -> SimpleBaseline:
    """Not to be trained: see `model`."""
    keras.utils.set_random_seed(1)
    with one_layer_network() as preset:
        return SimpleBaseline.from_preset(
            preset, skeleton=figures.skeleton, input_size=(64, 64), backbone_weights="none"
        )


@pytest.fixture
def model(network: SimpleBaseline) -> SimpleBaseline:
    return twin(network)


def twin(network: SimpleBaseline) -> SimpleBaseline:
    copy = SimpleBaseline.from_config(network.get_config())
    copy.set_weights(network.get_weights())
    return copy


class Losses(keras.callbacks.Callback):
    """The loss of each step; Keras reports the mean since the epoch began."""

    def __init__(self) -> None:
        super().__init__()
        self.values: list[float] = []
        self._sum = 0.0

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        before = self._sum if batch else 0.0
        self._sum = logs["loss"] * (batch + 1)
        self.values.append(self._sum - before)


def optimizer(steps: int) -> keras.optimizers.Optimizer:
    return build_optimizer(RECIPE, build_schedule(RECIPE, steps, transfer=False))


def test_the_first_steps_of_both_loops_agree(
    network: SimpleBaseline, figures: KeypointDataset
) -> None:
    steps = EPOCHS * 4
    # Our own loop, as `Trainer` writes it.
    mine = TrainingModel(twin(network), recipe=RECIPE, seed=SEED)
    order = EpochOrder(figures.train, RECIPE, SEED)
    size = mine.augmentation.canvas_size
    crop = mine.estimator.metadata.crop
    source = BatchSource(figures.train, crop, (64, 64), RECIPE.batch_size, size)
    optimizers = [optimizer(order.steps) for _ in range(2)]
    optimizers[0].build(mine.trainable_variables)
    step = TrainingStep(mine, optimizers[0], distribute())
    expected = []
    for epoch in range(1, EPOCHS + 1):
        for batch in source.batches(order(epoch)):
            del batch["matrices"]
            expected.append(step(batch, len(expected))[0])
    # Keras's.
    theirs = TrainingModel(twin(network), recipe=RECIPE, seed=SEED)
    theirs.compile(optimizers[1], loss=HeatmapLoss(RECIPE.loss_type))
    losses = Losses()
    theirs.fit(
        theirs.batches(figures.train, workers=2), epochs=EPOCHS, verbose=0, callbacks=[losses]
    )
    print("step  own loop   fit        difference")
    for number, (own, fit) in enumerate(zip(expected, losses.values, strict=True)):
        print(f"{number:4}  {own:.6f}  {fit:.6f}  {abs(own - fit):.1e}")
    assert len(expected) == steps >= 10
    # Keras's running mean is float32: of a sum of four losses near 1, some 1e-7 is lost.
    np.testing.assert_allclose(losses.values, expected, rtol=1e-5, atol=1e-5)
    assert np.ptp(expected) > 0.01
    for own, fit in zip(mine.estimator.weights, theirs.estimator.weights, strict=True):
        np.testing.assert_allclose(fit, own, rtol=1e-5, atol=1e-5, err_msg=own.path)
    moved = max(
        float(np.abs(after - before).max())
        for after, before in zip(mine.estimator.get_weights(), network.get_weights(), strict=True)
    )
    print(f"largest change of a weight {moved:.4f}")
    assert moved > 1e-3
