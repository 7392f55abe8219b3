"""Batches of a dataset as Keras's `fit` takes them."""

import math
from collections.abc import Callable
from typing import Any

import keras
import numpy as np

from simplebase.data.pipeline import BatchSource


class KeypointBatches(keras.utils.PyDataset):
    """A `BatchSource` as a `keras.utils.PyDataset`.

    Args:
        source: reads and crops, with its number of threads.
        order: indices of the records of an epoch, counted from 1; by default all in their order.
        max_queue_size: batches that are read ahead; by default as many as `source` would, see
            `BatchSource.ahead`.

    Batch `i` is images uint8 `(B, Hc, Wc, 3)` RGB and keypoints float32 `(B, K, 3)`: x and y in
    pixels of the image, and visibility. What is in it follows from `epoch` and `i`, not from the
    threads' timing.

    `fit` of a `TrainingModel` sets `epoch`. Any other `fit` counts it up at the end of each epoch,
    and should get `shuffle=False`: otherwise Keras shuffles the batches once more, by a random
    number generator without our seed.
    """

    def __init__(
        self,
        source: BatchSource,
        order: Callable[[int], np.ndarray] | None = None,
        max_queue_size: int | None = None,
    ) -> None:
        super().__init__(workers=source.workers, max_queue_size=max_queue_size or source.ahead)
        self.source = source
        self._order = order
        self.epoch = 1

    @property
    def epoch(self) -> int:
        """Which epoch's batches these are, counted from 1."""
        return self._epoch

    @epoch.setter
    def epoch(self, epoch: int) -> None:
        everything = np.arange(len(self.source.dataset))
        self._rows = everything if self._order is None else self._order(epoch)
        self._epoch = epoch

    def __len__(self) -> int:
        """Batches per epoch."""
        return math.ceil(len(self._rows) / self.source.batch_size)

    def __getitem__(self, index: int) -> tuple[np.ndarray, np.ndarray]:
        """Images and keypoints of batch `index`."""
        size = self.source.batch_size
        batch = self.source.batch(self._rows[index * size : (index + 1) * size])
        return batch["images"], batch["keypoints"]

    def on_epoch_end(self) -> None:
        """Goes on to the next epoch's order."""
        self.epoch += 1


class SetEpoch(keras.callbacks.Callback):
    """Sets the epoch of the training batches when `fit` begins it.

    Keras calls `on_epoch_end` of a `PyDataset` also where no epoch ended, such as after a look at
    its first batch. The epoch follows from the steps trained, so that a second `fit`, or one that
    begins from saved weights, goes on where the last one ended.

    Args:
        batches: what the model is trained on.
    """

    def __init__(self, batches: KeypointBatches) -> None:
        super().__init__()
        self._batches = batches

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """`epoch` counts from 0."""
        done = int(self.model.steps_trained.numpy()) // len(self._batches)
        self._batches.epoch = max(epoch, done) + 1
