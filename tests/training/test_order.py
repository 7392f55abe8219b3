"""Which records an epoch trains on."""

import numpy as np
import pytest
from tiny_runs import tiny_recipe, train_tiny

from simplebase import KeypointDataset
from simplebase.errors import ArgumentError
from simplebase.training.order import EpochOrder

# Of the 32 train records of the figures, whose images are called 000000.jpg and so on.
PATTERN = "00001*"


def test_an_epoch_is_all_records_in_an_order_of_its_own(figures: KeypointDataset) -> None:
    train_split = figures.train
    order = EpochOrder(train_split, tiny_recipe(), seed=3)
    first, second = order(1, 32), order(2, 32)
    assert sorted(first) == sorted(second) == list(range(32))
    assert (first != second).any()
    np.testing.assert_array_equal(first, EpochOrder(train_split, tiny_recipe(), seed=3)(1, 32))
    assert (first != EpochOrder(train_split, tiny_recipe(), seed=4)(1, 32)).any()
    np.testing.assert_array_equal(order(1, 24), first[:24])


def test_the_end_is_some_records_again_and_again(figures: KeypointDataset) -> None:
    train_split = figures.train
    recipe = tiny_recipe(total_epoch=4, finish_on=PATTERN, finish_share=0.5)
    order = EpochOrder(train_split, recipe, seed=0)
    wanted = [row for row, path in enumerate(train_split.records.paths) if path[4] == "1"]
    assert 0 < len(wanted) < 32
    for epoch in (1, 2):
        assert sorted(order(epoch, 32)) == list(range(32))
    passes = np.concatenate([order(epoch, 2 * len(wanted)) for epoch in (3, 4)])
    passes = passes.reshape(4, len(wanted))
    for each in passes:
        assert sorted(each) == wanted
    assert len({tuple(each) for each in passes}) == 4
    assert set(order(3, 32)) <= set(wanted)
    assert len(order(3, 32)) == 32


@pytest.mark.parametrize(
    ("share", "first"), [(0.5, 6), (1.0, 1), (0.01, 10), (0.25, 9)], ids=lambda value: str(value)
)
def test_the_end_is_a_share_of_the_epochs_and_at_least_one(share: float, first: int) -> None:
    recipe = tiny_recipe(total_epoch=10, finish_on="*", finish_share=share)
    assert recipe.finishing_epoch == first
    assert recipe.updated({"finish_on": None}).finishing_epoch == 11


def test_a_pattern_that_matches_nothing_is_told_before_anything_is_written(
    figures: KeypointDataset, tmp_path
) -> None:
    recipe = tiny_recipe(finish_on="mine/*")
    with pytest.raises(ArgumentError, match=r"none of the 32 image paths .* matches 'mine/\*'"):
        train_tiny(figures, tmp_path / "run", recipe=recipe)
    assert not (tmp_path / "run").exists()
