"""Chooses the records of an epoch and their order."""

from fnmatch import fnmatchcase

import numpy as np

from simplebase.data.dataset import KeypointDataset
from simplebase.data.screening import warn_of_lost_depth
from simplebase.errors import ArgumentError
from simplebase.presets import Recipe
from simplebase.training.distribution import Distribution


class EpochOrder:
    """Returns all records at first and, if the recipe has `finish_on`, only those at the end.

    Args:
        train_split: the records.
        recipe: provides `finish_on`, when it applies, and the batch size.
        seed: the order depends only on the arguments and the epoch.

    An epoch has `steps` full batches. From `first_finishing_epoch` on they contain only the
    `finish_records` records of `finish_on`; both are 0 if the recipe has no `finish_on`.

    Raises:
        ArgumentError: no record matches `finish_on`.
    """

    def __init__(self, train_split: KeypointDataset, recipe: Recipe, seed: int) -> None:
        self._images = train_split.images
        self._seed = seed
        self.steps = len(train_split) // recipe.batch_size
        self._count = self.steps * recipe.batch_size
        self.first_finishing_epoch = self.finish_records = 0
        if recipe.finish_on is not None:
            self.first_finishing_epoch = recipe.first_finishing_epoch
            self._finish_rows = _matching(train_split, recipe.finish_on)
            self._finish_images = train_split.images.select(self._finish_rows)
            self.finish_records = len(self._finish_rows)

    def __call__(self, epoch: int) -> np.ndarray:
        """Returns the indices of the records of an epoch, which counts from 1.

        An epoch with fewer records is as long as the others: it uses its records several times,
        each time in another order.
        """
        if self.finish_records == 0 or epoch < self.first_finishing_epoch:
            return self._images.shuffled(self._seed, epoch)[: self._count]
        passes = -(-self._count // self.finish_records)
        # Every pass over the records has a different number within the run.
        numbers = range((epoch - 1) * passes + 1, epoch * passes + 1)
        order = [self._finish_images.shuffled(self._seed, number) for number in numbers]
        return self._finish_rows[np.concatenate(order)[: self._count]]


def checked_order(
    dataset: KeypointDataset, recipe: Recipe, seed: int, distribution: Distribution
) -> EpochOrder:
    """Returns the order of the train split after checking that the dataset suits the recipe.

    Raises:
        ArgumentError: the batch size does not fit the train split or the devices.
        MissingFileError: an image is missing.
    """
    dataset.images.require()
    size, count = recipe.batch_size, len(dataset.train)
    if size > count:
        fitting = 2 ** max(0, (count // 4).bit_length() - 1)
        raise ArgumentError(
            f"the batch size {size} is larger than the train split of {count} records. Choose a "
            f"smaller one, such as --batch-size {fitting}."
        )
    distribution.local_part(size)
    order = EpochOrder(dataset.train, recipe, seed)
    warn_of_lost_depth(dataset.train.select(np.unique(order(recipe.init_epoch + 1))))
    return order


def _matching(dataset: KeypointDataset, pattern: str) -> np.ndarray:
    """Returns the indices of the records whose image path matches."""
    paths = dataset.records.paths
    rows = np.flatnonzero([fnmatchcase(path, pattern) for path in paths])
    if len(rows) == 0:
        raise ArgumentError(
            f"{dataset.name}: finish_on {pattern!r} matches none of the {len(paths)} image paths "
            f"of the train split, such as {paths[0]!r}. Give a pattern of whole paths below "
            "images, such as --finish-on 'mine/*'."
        )
    return rows
