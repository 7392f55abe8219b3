"""The average of the weights follows its formula, and is what is validated and saved."""

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from tiny_runs import tiny_recipe, train_tiny

from simplebase import KeypointDataset, SimpleBaseline, Skeleton, load_model
from simplebase.evaluation import predict_dataset
from simplebase.presets import Preset
from simplebase.runtimes import load_runtime
from simplebase.training import trainer
from simplebase.training.weight_average import WeightAverage


@pytest.fixture
def model(one_layer_preset: Preset) -> SimpleBaseline:
    return SimpleBaseline.from_preset(
        one_layer_preset, 2, input_size=(64, 64), backbone_weights="none"
    )


def change(model: SimpleBaseline, number: int) -> None:
    values = np.random.default_rng(number)
    for weight in model.weights:
        weight.assign(values.normal(size=weight.shape))


def test_the_average_follows_all_weights_by_its_formula(model: SimpleBaseline) -> None:
    average = WeightAverage(model, decay=0.3)
    expected = model.get_weights()
    # (1 + step) / (10 + step), until that is more than the decay.
    for step, decay in enumerate([1 / 10, 2 / 11, 3 / 12, 0.3, 0.3]):
        change(model, step)
        average.update(keras.ops.convert_to_tensor(step))
        expected = [
            decay * mean + (1 - decay) * value
            for mean, value in zip(expected, model.get_weights(), strict=True)
        ]
        for weight, value in zip(average.model.weights, expected, strict=True):
            np.testing.assert_allclose(weight, value, rtol=1e-5, atol=1e-6, err_msg=weight.path)
    averaged = {weight.name for weight in average.model.weights}
    assert {"moving_mean", "moving_variance", "kernel"} <= averaged


def test_the_average_begins_as_the_model_and_leaves_it_as_it_is(model: SimpleBaseline) -> None:
    change(model, 0)
    before = model.get_weights()
    average = WeightAverage(model, decay=0.9)
    for mean, value in zip(average.model.get_weights(), before, strict=True):
        np.testing.assert_array_equal(mean, value)
    change(average.model, 1)
    average.update(keras.ops.convert_to_tensor(100))
    for weight, value in zip(model.get_weights(), before, strict=True):
        np.testing.assert_array_equal(weight, value)


def test_integers_among_the_weights_are_copied() -> None:
    """Such as the counter of Keras's `Normalization`, which EfficientNet contains."""
    layers = [keras.layers.Input((64, 64, 3)), keras.layers.Normalization()]
    backbone = keras.Sequential([*layers, keras.layers.Conv2D(4, 3, 32, padding="same")])
    model = SimpleBaseline.from_backbone(
        backbone, Skeleton("two", ("left", "right")), input_size=(64, 64), normalisation="none"
    )
    average = WeightAverage(model, decay=0.5)
    [count] = [weight for weight in model.weights if weight.name == "count"]
    count.assign(7)
    average.update(keras.ops.convert_to_tensor(100))
    [copied] = [weight for weight in average.model.weights if weight.name == "count"]
    assert int(copied) == 7


@pytest.mark.usefixtures("eager_steps")
def test_a_training_validates_and_saves_the_average(
    figures: KeypointDataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    validated: list[np.ndarray] = []

    def spy(*arguments: Any, **named: Any) -> np.ndarray:
        validated.append(predict_dataset(*arguments, **named))
        return validated[-1]

    monkeypatch.setattr(trainer, "predict_dataset", spy)
    result = train_tiny(figures, tmp_path / "run", recipe=tiny_recipe(total_epoch=1, ema=0.5))
    saved = load_model(result.best).weights
    with np.load(tmp_path / "run" / "checkpoints" / "state.npz") as state:
        averages = [state[f"average/{index}"] for index in range(len(saved))]
        weights = [state[f"weights/{index}"] for index in range(len(saved))]
    for mine, average in zip(saved, averages, strict=True):
        np.testing.assert_array_equal(mine, average, err_msg=mine.path)
    moved = [w.path for w, value in zip(saved, weights, strict=True) if (w != value).numpy().any()]
    assert any("moving_variance" in path for path in moved)
    assert any("kernel" in path for path in moved)
    again = predict_dataset(load_runtime(result.best), figures.validation)
    np.testing.assert_allclose(validated[0], again, rtol=1e-4, atol=1e-3)
