"""Which records an epoch trains on, and in which order."""

from fnmatch import fnmatchcase

import numpy as np

from simplebase.data.dataset import KeypointDataset
from simplebase.errors import ArgumentError
from simplebase.presets import Recipe


class EpochOrder:
    """All records at first; towards the end only those that the recipe finishes on.

    Args:
        train_split: the records.
        recipe: says what to finish on, and for how long.
        seed: the order follows from it and from the epoch alone.

    Raises:
        ArgumentError: no record is one to finish on.
    """

    def __init__(self, train_split: KeypointDataset, recipe: Recipe, seed: int) -> None:
        self.seed = seed
        self._all = self._last = train_split.images
        self._last_rows = np.arange(len(train_split))
        self._first_of_last = recipe.finishing_epoch
        if recipe.finish_on is not None:
            self._last_rows = _matching(train_split, recipe.finish_on)
            self._last = train_split.images.select(self._last_rows)

    def __call__(self, epoch: int, count: int) -> np.ndarray:
        """`(count,)` indices of records for an epoch, counted from 1.

        An epoch stays as long as it was: where there are fewer records than `count`, it goes
        through all of them, in another order, again.
        """
        if epoch < self._first_of_last:
            return self._all.shuffled(self.seed, epoch)[:count]
        passes = -(-count // len(self._last_rows))
        orders = [
            self._last.shuffled(self.seed, (epoch - 1) * passes + number + 1)
            for number in range(passes)
        ]
        return self._last_rows[np.concatenate(orders)[:count]]


def _matching(dataset: KeypointDataset, pattern: str) -> np.ndarray:
    """Indices of the records whose image path matches."""
    paths = dataset.records.paths
    rows = np.flatnonzero([fnmatchcase(path, pattern) for path in paths])
    if len(rows) == 0:
        raise ArgumentError(
            f"finish_on: none of the {len(paths)} image paths of {dataset.name}'s train split "
            f"matches {pattern!r}. They are such as {paths[0]!r}."
        )
    return rows
