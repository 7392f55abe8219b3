"""Keras's own loop learns from unlabelled images as ours does."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
from tiny_runs import one_layer_network, tiny_recipe

import simplebase
from simplebase import HeatmapLoss, KeypointDataset, SimpleBaseline, TrainingModel
from simplebase.data.pipeline import BatchSource
from simplebase.errors import ArgumentError, SimplebaseWarning
from simplebase.presets import Recipe
from simplebase.training import build_optimizer, build_schedule, distribute
from simplebase.training.order import EpochOrder
from simplebase.training.step import TrainingStep
from simplebase.training.training_graph import TrainingGraph
from simplebase.training.unlabelled.branch import UnlabelledBranch
from simplebase.training.unlabelled.pool import UnlabelledPool
from simplebase.training.weight_average import WeightAverage

# Its fixtures train: on one worker they do so once.
pytestmark = pytest.mark.xdist_group("test_fit_unlabelled")

EPOCHS, SEED, SIZE = 2, 5, (64, 64)
UNLABELLED = {
    "method": "mean-teacher",
    "geometry_fade_to": 0.5,
    "threshold": 1e-3,
    "mirror": 0.5,
    "ramp": 0.5,
    "augmentation": [{"name": "rotation", "degrees": 60}, {"name": "random_cutout"}],
}
RECIPE = tiny_recipe(
    ema=0.5,
    learning_rate=0.01,
    augmentation=[{"name": "rotation", "degrees": 30}, {"name": "brightness"}],
    unlabelled=UNLABELLED,
)


@pytest.fixture(scope="module")
def network(figures: KeypointDataset) -> SimpleBaseline:
    """Not to be trained: see `twin`."""
    keras.utils.set_random_seed(1)
    with one_layer_network() as preset:
        return SimpleBaseline.from_preset(
            preset, skeleton=figures.skeleton, input_size=SIZE, backbone_weights="none"
        )


@pytest.fixture(scope="module")
def teacher(network: SimpleBaseline, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file whose keypoints are those of a network with other random weights."""
    path = tmp_path_factory.mktemp("teacher") / "teacher.keras"
    model = twin(network)
    model.set_weights([weight * 0.9 + 0.01 for weight in model.get_weights()])
    model.save(path)
    return path


def twin(network: SimpleBaseline) -> SimpleBaseline:
    copy = SimpleBaseline.from_config(network.get_config())
    copy.set_weights(network.get_weights())
    return copy


class Epochs(keras.callbacks.Callback):
    """What Keras reports after each epoch."""

    def __init__(self) -> None:
        super().__init__()
        self.logs: list[dict[str, float]] = []

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        self.logs.append(dict(logs))


def trainer(network: SimpleBaseline, recipe: Recipe = RECIPE, **arguments: Any) -> TrainingModel:
    built = TrainingModel(twin(network), recipe=recipe, seed=SEED, **arguments)
    # Of few steps, it takes half of the time to trace one.
    optimizer = build_optimizer(recipe, build_schedule(recipe, 4, transfer=False))
    built.compile(optimizer, run_eagerly=True)
    return built


@contextmanager
def eager_loop() -> Iterator[None]:
    """The same for our own loop; Keras's data pipeline would warn."""
    tf.config.run_functions_eagerly(True)
    try:
        yield
    finally:
        tf.config.run_functions_eagerly(False)


def fit(built: TrainingModel, figures: KeypointDataset, epochs: int) -> list[dict[str, float]]:
    batches = built.semi_supervised_batches(figures, figures, workers=1)
    told = Epochs()
    built.fit(batches, epochs=epochs, verbose=0, callbacks=[told])
    return told.logs


def own_loop(
    network: SimpleBaseline, figures: KeypointDataset, pool: UnlabelledPool
) -> tuple[TrainingGraph, WeightAverage, np.ndarray]:
    """Trains as `Trainer` does; returns also losses and passed keypoints `(epochs, steps, 2)`."""
    graph = TrainingGraph(twin(network), recipe=RECIPE, seed=SEED)
    average = WeightAverage(graph.estimator, 0.5)
    metadata = graph.estimator.metadata
    order = EpochOrder(figures.train, RECIPE, SEED)
    branch = UnlabelledBranch(
        pool, metadata, RECIPE, order.steps, distribute(), average.model, seed=SEED, workers=1
    )
    canvas = graph.augmentation.canvas_size
    source = BatchSource(figures.train, metadata.crop, SIZE, RECIPE.batch_size, canvas, workers=1)
    optimizer = build_optimizer(RECIPE, build_schedule(RECIPE, order.steps, transfer=False))
    optimizer.build(graph.trainable_variables)
    step = TrainingStep(graph, optimizer, distribute(), average, unlabelled=branch)
    results = []
    for epoch in range(EPOCHS):
        batches = source.batches(order(epoch + 1))
        mixed = branch.add_to(batches, epoch * order.steps, order.steps)
        for number, batch in enumerate(mixed, epoch * order.steps):
            del batch["matrices"]
            result = step.start(step.distribution.share(batch), number).result()
            results.append((result.loss, result.pseudo_keypoints / branch.keypoints_per_step))
    return graph, average, np.array(results).reshape(EPOCHS, order.steps, 2)


def assert_equal(mine: keras.Model, theirs: keras.Model) -> None:
    for weight, target in zip(mine.weights, theirs.weights, strict=True):
        np.testing.assert_allclose(weight, target, rtol=1e-4, atol=1e-5, err_msg=weight.path)


@pytest.fixture(scope="module")
def whole(network: SimpleBaseline, figures: KeypointDataset) -> tuple[TrainingModel, list[Any]]:
    """Two epochs of `fit` without a stop, and what Keras reported."""
    built = trainer(network)
    return built, fit(built, figures, EPOCHS)


def test_fit_learns_from_unlabelled_images_as_our_own_loop_does(
    network: SimpleBaseline, figures: KeypointDataset, whole: tuple[TrainingModel, list[Any]]
) -> None:
    with eager_loop():
        graph, average, results = own_loop(network, figures, UnlabelledPool.from_dataset(figures))
    fitted, logs = whole
    means = results.mean(axis=1)
    np.testing.assert_allclose([log["loss"] for log in logs], means[:, 0], rtol=1e-4)
    np.testing.assert_allclose([log["pseudo_keypoints"] for log in logs], means[:, 1], atol=2e-3)
    assert 0 < means[-1, 1] < 1 and all(0 < log["pseudo_score"] < 1 for log in logs)
    assert_equal(fitted.estimator, graph.estimator)
    assert fitted.average is not None
    assert_equal(fitted.average, average.model)
    changes = [
        float(np.abs(after - before).max())
        for after, before in zip(fitted.average.weights, fitted.estimator.weights, strict=True)
    ]
    assert max(changes) > 1e-3


def test_fit_with_a_teacher_from_a_file_equals_our_own_loop(
    network: SimpleBaseline, figures: KeypointDataset, teacher: Path, tmp_path: Path
) -> None:
    recipe = RECIPE.updated({"ema": None})
    options = simplebase.TrainingOptions(
        recipe=recipe, weights=save(network, tmp_path), teacher=teacher, seed=SEED
    )
    with one_layer_network() as preset, warnings.catch_warnings():
        warnings.simplefilter("ignore", SimplebaseWarning)
        with eager_loop():
            result = simplebase.train(preset, figures, options, run_dir=tmp_path / "run")
        built = trainer(network, recipe, teacher=teacher)
        batches = built.semi_supervised_batches(figures, workers=1)
        history = built.fit(batches, epochs=EPOCHS, verbose=0).history
        assert_equal(built.estimator, simplebase.load_model(result.best.with_name("last.keras")))
    assert built.average is None and set(history) == {"loss", "pseudo_keypoints"}
    np.testing.assert_allclose(history["loss"], [row.loss for row in result.epochs], rtol=1e-4)


def save(network: SimpleBaseline, folder: Path) -> Path:
    path = folder / "start.keras"
    network.save(path)
    return path


def test_fit_goes_on_from_saved_weights_with_the_teacher_it_had(
    network: SimpleBaseline,
    figures: KeypointDataset,
    whole: tuple[TrainingModel, list[Any]],
    tmp_path: Path,
) -> None:
    first, second = trainer(network), trainer(network)
    fit(first, figures, 1)
    first.save_weights(tmp_path / "state.weights.h5")
    second.optimizer.build(second.trainable_variables)
    second.load_weights(tmp_path / "state.weights.h5")
    fit(second, figures, 1)
    assert_equal(second.estimator, whole[0].estimator)
    assert_equal(second.result, whole[0].result)


def test_the_average_is_what_is_evaluated_and_saved(
    whole: tuple[TrainingModel, list[Any]], figures: KeypointDataset, tmp_path: Path
) -> None:
    fitted, _ = whole
    validation = fitted.batches(figures.validation, 8, training=False)
    plain = TrainingModel(twin(fitted.result), recipe=RECIPE.updated({"unlabelled": None}))
    plain.compile()
    found = fitted.evaluate(validation, verbose=0, return_dict=True)
    assert found == pytest.approx(plain.evaluate(validation, verbose=0, return_dict=True))
    assert set(found) == {"loss"}
    fitted.save(tmp_path / "model.keras")
    with one_layer_network():
        saved = simplebase.load_model(tmp_path / "model.keras")
    assert_equal(saved, fitted.result)
    assert saved.trainable_variables


def test_a_threshold_that_nothing_reaches_is_told_after_the_first_epoch(
    network: SimpleBaseline, figures: KeypointDataset
) -> None:
    never = RECIPE.updated({"unlabelled": {**UNLABELLED, "threshold": 0.99}})
    with pytest.warns(SimplebaseWarning, match="epoch 1: no pseudo keypoint reached .* 0.99"):
        fit(trainer(network, never), figures, 1)


def test_what_fit_cannot_use_for_unlabelled_images_is_refused(
    network: SimpleBaseline, figures: KeypointDataset
) -> None:
    built = trainer(network)
    with pytest.raises(ArgumentError, match="Give fit the batches of semi_supervised_batches"):
        built.fit(built.batches(figures.train), epochs=1)
    with pytest.raises(ArgumentError, match="or give TrainingModel a teacher"):
        built.semi_supervised_batches(figures)
    with pytest.raises(ArgumentError, match="needs 8 unlabelled samples, but there are only 3"):
        built.semi_supervised_batches(figures, figures.select(np.arange(3)))
    with pytest.raises(ArgumentError, match="unlabelled needs a loss that ignores"):
        built.compile(loss=HeatmapLoss("mse"))
    with pytest.raises(ArgumentError, match="loss must be a name of .* or a HeatmapLoss"):
        built.compile(loss=keras.losses.MeanSquaredError())
    plain = TrainingModel(twin(network), recipe=RECIPE.updated({"unlabelled": None}))
    with pytest.raises(ArgumentError, match="does not learn from unlabelled images. Give"):
        plain.semi_supervised_batches(figures, figures)
    with pytest.raises(ArgumentError, match="'few' needs a teacher: give TrainingModel a teacher"):
        TrainingModel(twin(network), recipe="few")
    batches = built.semi_supervised_batches(figures, figures)
    plain.compile()
    with pytest.raises(ArgumentError, match="does not learn from unlabelled images, which these"):
        plain.fit(batches, epochs=1)
    with pytest.raises(ArgumentError, match="batches with unlabelled samples are only for fit"):
        plain.evaluate(batches)
    again = TrainingModel(built.result, recipe=RECIPE.updated({"unlabelled": None}))
    with pytest.raises(ArgumentError, match="no weights to train. If it is `result` of another"):
        again.fit(figures, epochs=1)
