"""Losses over heatmaps."""

import numpy as np
import pytest
from keras import ops

from simplebase.losses import LOSSES, weighted_mse


def heatmaps(*values: list[float]) -> np.ndarray:
    """Flat `(B, 2, 2, K)` maps, sample by sample a value a keypoint."""
    table = np.array(values, np.float32)
    return np.broadcast_to(table[:, None, None, :], (len(table), 2, 2, table.shape[1])).copy()


def test_weighted_mse_is_the_mean_over_labelled_heatmaps() -> None:
    predicted = heatmaps([1, 2], [3, 4])
    target = np.zeros_like(predicted)
    weights = np.ones((2, 2), np.float32)
    # (1 + 4 + 9 + 16) / 4
    assert float(weighted_mse(target, predicted, weights)) == pytest.approx(7.5)


def test_one_wrong_cell_counts_by_its_share_of_the_heatmap() -> None:
    predicted = np.zeros((1, 2, 2, 1), np.float32)
    predicted[0, 0, 1, 0] = 2
    loss = weighted_mse(np.zeros_like(predicted), predicted, np.ones((1, 1), np.float32))
    assert float(loss) == pytest.approx(4 / 4)


def test_unlabelled_keypoints_neither_add_nor_dilute() -> None:
    predicted = heatmaps([1, 100], [3, 100])
    target = np.zeros_like(predicted)
    weights = np.array([[1, 0], [1, 0]], np.float32)
    # (1 + 9) / 2
    assert float(weighted_mse(target, predicted, weights)) == pytest.approx(5)


@pytest.mark.parametrize("name", LOSSES)
def test_a_batch_without_labels_costs_nothing(name: str) -> None:
    predicted = heatmaps([5, 5])
    loss = LOSSES[name](np.zeros_like(predicted), predicted, np.zeros((1, 2), np.float32))
    assert float(loss) == 0


@pytest.mark.parametrize("name", LOSSES)
def test_a_perfect_answer_costs_nothing(name: str) -> None:
    target = np.random.default_rng(0).uniform(0, 1, (2, 4, 4, 3)).astype(np.float32)
    loss = LOSSES[name](target, ops.convert_to_tensor(target), np.ones((2, 3), np.float32))
    assert float(loss) == pytest.approx(0, abs=1e-6)
