"""Weights from one network to another of the same layers."""

import numpy as np
import pytest

from simplebase.errors import DataError
from simplebase.heads import PREDICTION_LAYER, DeconvHead
from simplebase.transfer import copy_layers


def head(channels_in: int, num_keypoints: int) -> DeconvHead:
    return DeconvHead(
        input_shape=(2, 2, channels_in), num_keypoints=num_keypoints, channels=(4, 4, 4)
    )


def test_only_the_prediction_layer_may_have_another_shape() -> None:
    mine, theirs = head(4, 3), head(4, 5)
    start = mine.get_layer(PREDICTION_LAYER).get_weights()
    for weight in theirs.weights:
        weight.assign(np.full(weight.shape, 7.0))
    copy_layers(mine, theirs)
    kept = mine.get_layer(PREDICTION_LAYER).get_weights()
    assert all(np.array_equal(one, other) for one, other in zip(start, kept, strict=True))
    for layer in mine.layers:
        if layer.name != PREDICTION_LAYER:
            assert all((weight == 7).all() for weight in layer.get_weights())


def test_another_width_below_is_an_error_and_nothing_is_copied() -> None:
    mine, theirs = head(4, 3), head(8, 3)
    start = mine.get_weights()
    with pytest.raises(DataError, match=r"with the shape .*4, 4, 4, 8.* has .*4, 4, 4, 4"):
        copy_layers(mine, theirs)
    unchanged = zip(start, mine.get_weights(), strict=True)
    assert all(np.array_equal(one, other) for one, other in unchanged)
