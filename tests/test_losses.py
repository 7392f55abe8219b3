"""Losses over heatmaps."""

from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import ops

from simplebase.errors import ArgumentError
from simplebase.losses import (
    LOSSES,
    HeatmapLoss,
    Loss,
    adaptive_wing,
    mean_loss,
    ohkm,
    weighted_mse,
)


def heatmaps(*values: list[float]) -> np.ndarray:
    """Flat `(B, 2, 2, K)` maps, sample by sample a value a keypoint."""
    table = np.array(values, np.float32)
    return np.broadcast_to(table[:, None, None, :], (len(table), 2, 2, table.shape[1])).copy()


def value(loss: Loss, target: object, predicted: object, weights: object) -> Any:
    return mean_loss(*loss(target, predicted, weights))


def test_weighted_mse_is_the_mean_over_labelled_heatmaps() -> None:
    predicted = heatmaps([1, 2], [3, 4])
    target = np.zeros_like(predicted)
    weights = np.ones((2, 2), np.float32)
    # (1 + 4 + 9 + 16) / 4
    assert float(value(weighted_mse, target, predicted, weights)) == pytest.approx(7.5)


def test_one_wrong_cell_counts_by_its_share_of_the_heatmap() -> None:
    predicted = np.zeros((1, 2, 2, 1), np.float32)
    predicted[0, 0, 1, 0] = 2
    loss = value(weighted_mse, np.zeros_like(predicted), predicted, np.ones((1, 1), np.float32))
    assert float(loss) == pytest.approx(4 / 4)


def test_unlabelled_keypoints_neither_add_nor_dilute() -> None:
    predicted = heatmaps([1, 100], [3, 100])
    target = np.zeros_like(predicted)
    weights = np.array([[1, 0], [1, 0]], np.float32)
    # (1 + 9) / 2
    assert float(value(weighted_mse, target, predicted, weights)) == pytest.approx(5)


@pytest.mark.parametrize("name", sorted(set(LOSSES) - {"mse", "mae"}))
def test_a_batch_without_labels_costs_nothing(name: str) -> None:
    predicted = heatmaps([5, 5])
    loss = value(LOSSES[name], np.zeros_like(predicted), predicted, np.zeros((1, 2), np.float32))
    assert float(loss) == 0


@pytest.mark.parametrize("name", LOSSES)
def test_a_perfect_answer_costs_nothing(name: str) -> None:
    target = np.random.default_rng(0).uniform(0, 1, (2, 4, 4, 3)).astype(np.float32)
    loss = value(LOSSES[name], target, ops.convert_to_tensor(target), np.ones((2, 3), np.float32))
    assert float(loss) == pytest.approx(0, abs=1e-6)


@pytest.mark.parametrize(
    "name, expected",
    [
        # Errors 0.5 and 2 of labelled keypoints, 10 of one that is not labelled.
        ("mse", (0.25 + 4 + 100) / 3),
        ("mae", (0.5 + 2 + 10) / 3),
        ("weighted_mse", (0.25 + 4) / 2),
        ("smooth_l1", (0.5 * 0.25 + (2 - 0.5)) / 2),
        ("huber", (0.5 * 0.25 + (2 - 0.5)) / 2),
        ("ohkm", (0.25 + 4) / 2),
    ],
)
def test_each_loss_has_the_value_worked_out_by_hand(name: str, expected: float) -> None:
    predicted = heatmaps([0.5, -2, 10])
    weights = np.array([[1, 1, 0]], np.float32)
    loss = value(LOSSES[name], np.zeros_like(predicted), ops.convert_to_tensor(predicted), weights)
    assert float(loss) == pytest.approx(expected)


def test_mse_and_mae_do_not_ask_what_is_labelled() -> None:
    predicted = heatmaps([1, 3])
    for name, expected in (("mse", 5), ("mae", 2)):
        loss = value(
            LOSSES[name], np.zeros_like(predicted), predicted, np.zeros((1, 2), np.float32)
        )
        assert float(loss) == pytest.approx(expected)


def test_ohkm_learns_from_the_eight_worst_of_each_sample() -> None:
    errors = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]
    predicted = heatmaps(errors, errors[::-1])
    weights = np.ones((2, 10), np.float32)
    loss = value(ohkm, np.zeros_like(predicted), ops.convert_to_tensor(predicted), weights)
    assert float(loss) == pytest.approx(sum(error**2 for error in range(3, 11)) / 8)


def test_ohkm_takes_all_where_fewer_than_eight_are_labelled() -> None:
    predicted = heatmaps([1, 2, 3] + [100] * 7)
    weights = np.array([[1, 1, 1] + [0] * 7], np.float32)
    loss = value(ohkm, np.zeros_like(predicted), ops.convert_to_tensor(predicted), weights)
    assert float(loss) == pytest.approx((1 + 4 + 9) / 3)


def test_adaptive_wing_on_the_background_by_hand() -> None:
    weights = np.ones((1, 1), np.float32)
    # Target 0 and no peak near: 14 ln(1 + 0.4 ** 2.1) below 0.5.
    small = value(adaptive_wing, heatmaps([0]), ops.convert_to_tensor(heatmaps([0.4])), weights)
    assert float(small) == pytest.approx(14 * np.log(1 + 0.4**2.1), rel=1e-5)
    # From 0.5 on the line of the same value and slope: A 1.1 - C with A = 14 * 2.1 * 0.5 ** 1.1 /
    # (1 + 0.5 ** 2.1) and C = 0.5 A - 14 ln(1 + 0.5 ** 2.1).
    slope = 14 * 2.1 * 0.5**1.1 / (1 + 0.5**2.1)
    offset = 0.5 * slope - 14 * np.log(1 + 0.5**2.1)
    large = value(adaptive_wing, heatmaps([0]), ops.convert_to_tensor(heatmaps([1.1])), weights)
    assert float(large) == pytest.approx(slope * 1.1 - offset, rel=1e-5)


def test_adaptive_wing_counts_peaks_elevenfold() -> None:
    weights = np.ones((1, 1), np.float32)
    on_peak = value(adaptive_wing, heatmaps([1]), ops.convert_to_tensor(heatmaps([0.7])), weights)
    assert float(on_peak) == pytest.approx(11 * 14 * np.log(1 + 0.3**1.1), rel=1e-5)


@pytest.mark.parametrize("name", LOSSES)
def test_every_loss_has_a_finite_gradient_where_the_answer_is_perfect(name: str) -> None:
    target = tf.constant(np.random.default_rng(0).uniform(0, 1, (1, 4, 4, 2)).astype(np.float32))
    with tf.GradientTape() as tape:
        tape.watch(target)
        loss = value(LOSSES[name], tf.stop_gradient(target), target, tf.ones((1, 2)))
    assert np.isfinite(tape.gradient(loss, target)).all()


@pytest.mark.parametrize("name", LOSSES)
def test_the_parts_of_a_batch_sum_to_the_whole(name: str) -> None:
    random = np.random.default_rng(0)
    target, predicted = random.uniform(0, 1, (2, 4, 4, 4, 3)).astype(np.float32)
    weights = np.array([[1, 1, 1], [0, 0, 0], [1, 0, 0], [1, 1, 0]], np.float32)
    whole = LOSSES[name](target, predicted, weights)
    first = LOSSES[name](target[:1], predicted[:1], weights[:1])
    rest = LOSSES[name](target[1:], predicted[1:], weights[1:])
    np.testing.assert_allclose(np.add(first, rest), whole, rtol=1e-5)


@pytest.mark.parametrize("name", LOSSES)
def test_the_keras_loss_has_the_value_of_the_function(name: str) -> None:
    random = np.random.default_rng(0)
    target, predicted = random.uniform(0, 1, (2, 4, 8, 8, 10)).astype(np.float32)
    weights = random.integers(0, 2, (4, 10)).astype(np.float32)
    loss = keras.saving.deserialize_keras_object(
        keras.saving.serialize_keras_object(HeatmapLoss(name))
    )
    assert loss.name == name
    expected = float(value(LOSSES[name], target, predicted, weights))
    assert float(loss(target, predicted, weights)) == pytest.approx(expected, rel=1e-6)
    everywhere = float(value(LOSSES[name], target, predicted, np.ones_like(weights)))
    assert float(loss(target, predicted)) == pytest.approx(everywhere, rel=1e-6)


def test_an_unknown_loss_is_refused_by_name() -> None:
    with pytest.raises(ArgumentError, match="loss must be one of mse, mae.*'hinge'"):
        HeatmapLoss("hinge")
