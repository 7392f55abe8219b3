"""Keras's own loop trains as ours does, and its callbacks work."""

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
from simplebase.errors import ArgumentError, DataError
from simplebase.evaluation import mean_pck, predict_dataset
from simplebase.losses import LOSSES, mse
from simplebase.runtimes.keras import KerasRuntime
from simplebase.training import PCK, build_optimizer, build_schedule, distribute
from simplebase.training.order import EpochOrder
from simplebase.training.step import TrainingStep

# Its fixtures train: on one worker they do so once.
pytestmark = pytest.mark.xdist_group("test_fit")

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


def trainer(model: SimpleBaseline, **arguments: Any) -> TrainingModel:
    """Compiled, with an optimizer whose rate callbacks can change."""
    built = TrainingModel(model, recipe=RECIPE, seed=SEED)
    built.compile(**{"optimizer": keras.optimizers.Adam(0.01), "metrics": [PCK()], **arguments})
    return built


def fit(built: TrainingModel, figures: KeypointDataset, epochs: int, **arguments: Any) -> Any:
    batches = built.batches(figures.train, workers=2)
    return built.fit(batches, epochs=epochs, verbose=0, **arguments)


def test_compile_uses_no_xla_and_the_recipes_loss(model: SimpleBaseline) -> None:
    built = TrainingModel(model, recipe=RECIPE)
    built.compile()
    assert built.jit_compile is False
    assert built.loss.loss == RECIPE.loss_type
    with pytest.raises(ArgumentError, match="loss must be one of mse.*'hinge'"):
        built.compile(loss="hinge")


def test_compile_uses_the_loss_of_the_constructor(model: SimpleBaseline) -> None:
    built = TrainingModel(model, loss=LOSSES["ohkm"], recipe=RECIPE)
    built.compile()
    assert built.loss.loss == "ohkm" != RECIPE.loss_type
    built = TrainingModel(model, loss=lambda *maps: mse(*maps), recipe=RECIPE)
    with pytest.raises(ArgumentError, match="loss that is not in .*LOSSES.* Give compile a loss"):
        built.compile()


def test_batches_follow_the_seed_and_the_epoch_whatever_the_threads_do(
    model: SimpleBaseline, figures: KeypointDataset
) -> None:
    built = TrainingModel(model, recipe=RECIPE, seed=SEED)
    batches = built.batches(figures.train)
    order = EpochOrder(figures.train, RECIPE, SEED)
    assert len(batches) == order.steps == 4
    first = batches[1][1]
    expected = batches.source.batch(order(1)[8:16])["keypoints"]
    np.testing.assert_array_equal(first, expected)
    batches.on_epoch_end()
    assert batches.epoch == 2
    np.testing.assert_array_equal(batches[1][1], batches.source.batch(order(2)[8:16])["keypoints"])
    assert np.abs(batches[1][1] - first).max() > 0


def test_validation_batches_hold_every_record_once_in_its_order(
    model: SimpleBaseline, figures: KeypointDataset
) -> None:
    built = TrainingModel(model, recipe=RECIPE)
    batches = built.batches(figures.validation, batch_size=3, training=False)
    assert [len(batches[index][0]) for index in range(len(batches))] == [3, 3, 2]
    assert batches[0][0].shape[1:] == (64, 64, 3)
    assert built.augmentation.canvas_size > (64, 64)


def test_evaluate_reports_the_pck_and_the_loss_of_the_model_as_it_is(
    model: SimpleBaseline, figures: KeypointDataset
) -> None:
    built = trainer(model)
    # The normaliser makes PCK of a model without training other than 0.
    built.compile(metrics=[PCK(threshold=1.5)])
    before = model.get_weights()
    validation = built.batches(figures.validation, batch_size=8, training=False)
    found = built.evaluate(validation, verbose=0, return_dict=True)
    again = built.evaluate(validation, verbose=0, return_dict=True)
    assert found == again
    for value, weight in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(weight, value)
    images, keypoints = validation[0]
    target, weights = model.metadata.codec.encode(keypoints)
    squares = ((target - model.predict(images, verbose=0)) ** 2).mean(axis=(1, 2))
    expected = RECIPE.loss_scale * (squares * weights).sum() / weights.sum()
    assert found["loss"] == pytest.approx(expected, rel=1e-5)
    predictions = predict_dataset(KerasRuntime(model), figures.validation, decode="argmax")
    pck = mean_pck(predictions, figures.validation, (64, 64), threshold=1.5)
    assert pck is not None and 0 < pck < 1
    assert found["pck"] == pytest.approx(pck, abs=1e-6)


def test_evaluate_of_larger_images_takes_their_middle(
    model: SimpleBaseline, figures: KeypointDataset
) -> None:
    built = trainer(model)
    images, keypoints = built.batches(figures.validation, 8, training=False)[0]
    expected = built.evaluate(images, keypoints, verbose=0)
    wide = np.pad(images, ((0, 0), (3, 4), (10, 10), (0, 0)))
    moved = keypoints + np.array([10, 3, 0], np.float32)
    assert built.evaluate(wide, moved, verbose=0) == pytest.approx(expected, rel=1e-6)
    np.testing.assert_array_equal(built.predict(wide, verbose=0), model.predict(images, verbose=0))
    with pytest.raises(
        tf.errors.InvalidArgumentError, match="images must be at least as large as the model"
    ):
        built.predict(images[:, 1:], verbose=0)
    with pytest.raises(ArgumentError, match="input of 64 x 64 pixels .*Received: 63 x 64"):
        built(images[:, 1:])


def test_callbacks_work(model: SimpleBaseline, figures: KeypointDataset, tmp_path: Path) -> None:
    # A rate at which nothing improves, so that each of them has something to do.
    built = trainer(model, optimizer=keras.optimizers.SGD(1e-12))
    checkpoint = tmp_path / "best.keras"
    callbacks = [
        keras.callbacks.ReduceLROnPlateau("val_loss", factor=0.1, patience=1, min_delta=10),
        keras.callbacks.EarlyStopping("val_loss", patience=3, min_delta=10),
        keras.callbacks.ModelCheckpoint(checkpoint, "val_pck", save_best_only=True),
        keras.callbacks.TensorBoard(tmp_path / "log", histogram_freq=1),
        keras.callbacks.CSVLogger(tmp_path / "log.csv"),
    ]
    validation = built.batches(figures.validation, batch_size=8, training=False)
    history = fit(built, figures, 20, validation_data=validation, callbacks=callbacks)
    # The first epoch is the best one; three without improvement follow.
    assert history.epoch == [0, 1, 2, 3]
    assert float(built.optimizer.learning_rate) == pytest.approx(1e-15)
    assert set(history.history) == {"loss", "pck", "val_loss", "val_pck", "learning_rate"}
    saved = simplebase.load_model(checkpoint)
    assert saved.metadata == model.metadata
    for split in ("train", "validation"):
        assert list((tmp_path / "log" / split).glob("events.out.tfevents.*"))
    assert len((tmp_path / "log.csv").read_text().splitlines()) == 1 + 4


def test_a_checkpoint_is_the_best_epoch_and_early_stopping_brings_it_back(
    model: SimpleBaseline, figures: KeypointDataset, tmp_path: Path
) -> None:
    path = tmp_path / "best.keras"
    # Trains in the first epoch, and diverges in the next ones.
    rates = keras.callbacks.LearningRateScheduler(lambda epoch: 0.001 if epoch == 0 else 1.0)
    built = trainer(model)
    images, keypoints = built.batches(figures.validation, 8, training=False)[0]
    history = fit(
        built,
        figures,
        3,
        validation_data=(images, keypoints),
        callbacks=[
            rates,
            keras.callbacks.EarlyStopping("val_loss", patience=2, restore_best_weights=True),
            keras.callbacks.ModelCheckpoint(path, "val_loss", save_best_only=True),
        ],
    )
    best = history.history["val_loss"][0]
    assert best < min(history.history["val_loss"][1:])
    assert built.evaluate(images, keypoints, verbose=0)[0] == pytest.approx(best, rel=1e-5)
    saved = simplebase.load_model(path)
    np.testing.assert_array_equal(
        saved.predict(images, verbose=0), built.predict(images, verbose=0)
    )


@pytest.fixture(scope="module")
def whole(network: SimpleBaseline, figures: KeypointDataset) -> TrainingModel:
    """Two epochs without a stop."""
    built = trainer(twin(network))
    fit(built, figures, 2)
    return built


def test_fit_goes_on_from_saved_weights_as_if_it_had_not_stopped(
    network: SimpleBaseline, figures: KeypointDataset, whole: TrainingModel, tmp_path: Path
) -> None:
    first = trainer(twin(network))
    fit(first, figures, 1)
    first.save_weights(tmp_path / "state.weights.h5")
    second = trainer(twin(network))
    second.optimizer.build(second.trainable_variables)
    second.load_weights(tmp_path / "state.weights.h5")
    assert int(second.steps_trained) == 4
    fit(second, figures, 1)
    assert int(second.steps_trained) == int(whole.steps_trained) == 8
    for mine, theirs in zip(second.estimator.weights, whole.estimator.weights, strict=True):
        np.testing.assert_allclose(mine, theirs, rtol=1e-5, atol=1e-6, err_msg=mine.path)


def test_arrays_in_memory_train(model: SimpleBaseline, figures: KeypointDataset) -> None:
    built = trainer(model)
    images, keypoints = built.batches(figures.validation, 8, training=False)[0]
    history = built.fit(images, keypoints, batch_size=4, epochs=3, verbose=0)
    losses = history.history["loss"]
    assert losses[-1] < losses[0]
    assert int(built.steps_trained) == 6


def test_a_sample_of_weight_0_does_not_count(
    model: SimpleBaseline, figures: KeypointDataset
) -> None:
    built = trainer(model)
    images, keypoints = built.batches(figures.validation, 8, training=False)[0]
    weights = np.array([1, 1, 1, 0, 0, 0, 0, 0], np.float32)
    chosen = built.evaluate(images[:3], keypoints[:3], batch_size=8, verbose=0)
    weighted = built.evaluate(images, keypoints, 8, sample_weight=weights, verbose=0)
    assert weighted[0] == pytest.approx(chosen[0], rel=1e-5)


def test_a_loss_of_the_users_own_gets_the_keypoints_weights(
    model: SimpleBaseline, figures: KeypointDataset
) -> None:
    def squares(target: Any, predicted: Any) -> Any:
        return keras.ops.mean(keras.ops.square(target - predicted), axis=(1, 2))

    built = trainer(model, metrics=None)
    images, keypoints = built.batches(figures.validation, 8, training=False)[0]
    ours = built.evaluate(images, keypoints, verbose=0)
    built.compile(loss=squares)
    # Keras divides by all keypoints, we by those that count.
    share = model.metadata.codec.encode(keypoints)[1].mean()
    assert built.evaluate(images, keypoints, verbose=0) == pytest.approx(ours * share, rel=1e-5)


def test_the_model_keeps_how_deep_images_were_reduced(
    model: SimpleBaseline, figures: KeypointDataset
) -> None:
    built = TrainingModel(model, recipe=RECIPE)
    built.batches(figures.train)
    assert model.metadata.depth_range is None
    chosen = simplebase.DepthRange.parse("0,4095")
    built.batches(figures.train.with_default_depth(chosen))
    assert model.metadata.depth_range == chosen


def test_backup_and_restore_goes_on_with_the_next_epoch(
    network: SimpleBaseline, figures: KeypointDataset, whole: TrainingModel, tmp_path: Path
) -> None:
    class Killed(Exception):
        """What ends the first process."""

    def kill(epoch: int, logs: Any) -> None:
        if epoch == 1:
            raise Killed

    kills = keras.callbacks.LambdaCallback(on_epoch_begin=kill)
    first, second = (trainer(twin(network)) for _ in range(2))
    backup = keras.callbacks.BackupAndRestore(tmp_path / "backup")
    with pytest.raises(Killed):
        fit(first, figures, 2, callbacks=[backup, kills])
    backup = keras.callbacks.BackupAndRestore(tmp_path / "backup")
    assert fit(second, figures, 2, callbacks=[backup]).epoch == [1]
    for mine, theirs in zip(second.estimator.weights, whole.estimator.weights, strict=True):
        np.testing.assert_allclose(mine, theirs, rtol=1e-5, atol=1e-6, err_msg=mine.path)


def test_batches_of_other_data_are_refused(model: SimpleBaseline, figures: KeypointDataset) -> None:
    built = TrainingModel(model, recipe=RECIPE)
    with pytest.raises(ArgumentError, match="at most 32.*33"):
        built.batches(figures.train, batch_size=33)
    other = simplebase.Skeleton("two", ("left", "right"))
    wrong = KeypointDataset("pairs", other, figures.records, figures.images)
    with pytest.raises(DataError, match="pairs has 2 keypoints, but the model has 16"):
        built.batches(wrong)
