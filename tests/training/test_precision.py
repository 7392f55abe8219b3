"""16 bit inside, float32 in the weights, in the answers and in what is saved."""

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
from tiny_runs import Recorder, one_layer_network, tiny_recipe, train_tiny

from simplebase import KeypointDataset, SimpleBaseline, load_model
from simplebase.augmentation import Augmentation
from simplebase.dtypes import dtype_policy
from simplebase.losses import LOSSES
from simplebase.runtimes import load_runtime
from simplebase.training import TrainingResult, distribute
from simplebase.training.dump import dump_model
from simplebase.training.precision import choose_policy
from simplebase.training.step import TrainingStep
from simplebase.training.training_model import TrainingModel

# Its fixtures train or build models: on one worker they are made once.
pytestmark = pytest.mark.xdist_group("test_precision")


def images(count: int = 2) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (count, 64, 64, 3), dtype=np.uint8)


def built_under(policy: str) -> SimpleBaseline:
    keras.utils.set_random_seed(0)
    with one_layer_network() as preset, dtype_policy(policy):
        return SimpleBaseline.from_preset(preset, 2, input_size=(64, 64), backbone_weights="none")


def compute_dtypes(model: SimpleBaseline) -> set[str]:
    return {layer.compute_dtype for layer in model._flatten_layers()}


@pytest.mark.parametrize(("gpus", "policy"), [([], "mixed_bfloat16"), ([1], "mixed_float16")])
def test_a_gpu_gets_float16_and_a_processor_bfloat16(
    gpus: list[int], policy: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tf.config, "list_physical_devices", lambda kind: {"GPU": gpus}[kind])
    assert choose_policy(True) == policy
    assert choose_policy(False) == "float32"


def test_the_policy_before_comes_back_even_after_an_error() -> None:
    earlier = keras.config.dtype_policy()
    with pytest.raises(RuntimeError), dtype_policy("mixed_bfloat16"):
        assert keras.config.dtype_policy().name == "mixed_bfloat16"
        raise RuntimeError
    assert keras.config.dtype_policy() is earlier


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
def test_a_mixed_model_computes_in_16_bit_with_float32_weights_and_answers(dtype: str) -> None:
    mixed, exact = built_under(f"mixed_{dtype}"), built_under("float32")
    assert {weight.dtype for weight in mixed.weights} == {"float32"}
    assert mixed.backbone(tf.zeros((1, 64, 64, 3))).dtype == dtype
    heatmaps = mixed(images(), training=False)
    assert heatmaps.dtype == tf.float32
    expected = exact(images(), training=False).numpy()
    # bfloat16 has eight bits; where the answers were the same, it would not have been used.
    error = np.abs(heatmaps - expected).max() / np.ptp(expected)
    assert 1e-6 < error < 0.05


@pytest.fixture(scope="module")
def mixed_run(
    figures: KeypointDataset, tmp_path_factory: pytest.TempPathFactory
) -> tuple[TrainingResult, list[float]]:
    recorder = Recorder()
    folder = tmp_path_factory.mktemp("mixed") / "run"
    recipe = tiny_recipe(total_epoch=1)
    earlier = keras.config.dtype_policy()
    result = train_tiny(figures, folder, recipe=recipe, observer=recorder, mixed_precision=True)
    assert keras.config.dtype_policy() is earlier
    return result, recorder.losses


def test_mixed_losses_are_close_to_those_of_float32(
    mixed_run: tuple[TrainingResult, list[float]], figures: KeypointDataset, tmp_path: Path
) -> None:
    exact = Recorder()
    train_tiny(figures, tmp_path / "run", recipe=tiny_recipe(total_epoch=1), observer=exact)
    np.testing.assert_allclose(mixed_run[1], exact.losses, rtol=0.03)
    assert np.abs(np.subtract(mixed_run[1], exact.losses)).max() > 1e-6


def test_what_a_mixed_training_saves_computes_in_float32(
    mixed_run: tuple[TrainingResult, list[float]], tmp_path: Path
) -> None:
    best, dumped = mixed_run[0].best, tmp_path / "dumped.keras"
    dump_model(best, dumped)
    for path in (best, dumped):
        assert compute_dtypes(load_model(path)) == {"float32"}
    before, after = (load_runtime(path).predict(images()) for path in (best, dumped))
    assert np.ptp(before) > 0
    np.testing.assert_array_equal(after, before)


def training_model(model: SimpleBaseline) -> TrainingModel:
    augmentation = Augmentation((), (64, 64), model.metadata.skeleton)
    return TrainingModel(model, augmentation, LOSSES["weighted_mse"], 100.0)


def scaled_step(model: SimpleBaseline, initial_scale: float) -> TrainingStep:
    optimizer = keras.optimizers.LossScaleOptimizer(keras.optimizers.Adam(0.01), initial_scale)
    optimizer.build(model.trainable_variables)
    return TrainingStep(training_model(model), optimizer, distribute(), reduce_first=True)


def batch() -> dict[str, Any]:
    keypoints = tf.constant([[[20, 30, 2], [40, 10, 2]]] * 4, tf.float32)
    return {"images": images(4), "keypoints": keypoints}


@pytest.mark.usefixtures("eager_steps")
def test_float16_learns_with_a_scaled_loss_and_tells_it_unscaled() -> None:
    total, count = training_model(built_under("float32")).errors(batch(), step=tf.constant(0))
    step = scaled_step(built_under("mixed_float16"), 2.0**10)
    losses = [step(batch(), number)[0] for number in range(6)]
    assert losses[0] == pytest.approx(float(total / count), rel=0.01)
    assert losses[-1] < 0.9 * losses[0]
    assert step.optimizer.dynamic_scale == 2.0**10


def test_an_overflow_in_float16_skips_the_step_and_halves_the_scale() -> None:
    model = built_under("mixed_float16")
    before = [weight.numpy() for weight in model.trainable_weights]
    step = scaled_step(model, 2.0**40)
    loss, _ = step(batch(), 0)
    assert 0 < loss < 100
    assert step.optimizer.dynamic_scale == 2.0**39
    assert step.optimizer.iterations == 0
    for weight, value in zip(model.trainable_weights, before, strict=True):
        np.testing.assert_array_equal(weight, value)


def test_a_given_loss_scale_is_not_scaled_again() -> None:
    model = training_model(built_under("mixed_float16"))
    given = keras.optimizers.LossScaleOptimizer(keras.optimizers.SGD(0.1))
    model.compile(given)
    assert model.optimizer is given
    model.compile(given.inner_optimizer)
    assert isinstance(model.optimizer, keras.optimizers.LossScaleOptimizer)
