"""Batches of a dataset for Keras's `fit`."""

import math
from collections.abc import Callable
from typing import Any

import keras
import numpy as np

from simplebase.data.pipeline import BatchSource
from simplebase.training.unlabelled.branch import UnlabelledBranch


class KeypointBatches(keras.utils.PyDataset):
    """A `BatchSource` as a `keras.utils.PyDataset`.

    Args:
        source: reads and crops the images, with its number of threads.
        order: returns the indices of an epoch's records; epochs count from 1. By default, all
            records in their order.
        max_queue_size: number of batches to read ahead. The default is `BatchSource.ahead`.
        unlabelled: adds unlabelled samples to each batch.

    Batch `i` is images uint8 `(B, Hc, Wc, 3)` RGB and keypoints float32 `(B, K, 3)`: x and y in
    pixels of the image, and visibility. With `unlabelled`, a mapping takes the place of the
    images: `images`, and what `UnlabelledBranch.batch` returns. The content of a batch depends on
    `epoch` and `i` only, not on the timing of the threads.

    `fit` of a `TrainingModel` sets `epoch`. Any other `fit` increments it at the end of each epoch.
    Pass `shuffle=False` to it, or Keras shuffles the batches once more with a generator that does
    not use our seed.
    """

    def __init__(
        self,
        source: BatchSource,
        order: Callable[[int], np.ndarray] | None = None,
        max_queue_size: int | None = None,
        unlabelled: UnlabelledBranch | None = None,
    ) -> None:
        super().__init__(workers=source.workers, max_queue_size=max_queue_size or source.ahead)
        self.source = source
        self.unlabelled = unlabelled
        self._order = order
        self.epoch = 1

    def with_unlabelled(self, unlabelled: UnlabelledBranch) -> "KeypointBatches":
        """Returns the same batches, to which `unlabelled` adds samples."""
        return KeypointBatches(self.source, self._order, self.max_queue_size, unlabelled)

    @property
    def epoch(self) -> int:
        """The epoch of these batches, counted from 1."""
        return self._epoch

    @epoch.setter
    def epoch(self, epoch: int) -> None:
        everything = np.arange(len(self.source.dataset))
        self._rows = everything if self._order is None else self._order(epoch)
        self._epoch = epoch

    def __len__(self) -> int:
        """Returns the number of batches per epoch."""
        return math.ceil(len(self._rows) / self.source.batch_size)

    def __getitem__(self, index: int) -> tuple[np.ndarray | dict[str, np.ndarray], np.ndarray]:
        """Returns images and keypoints of batch `index`."""
        size = self.source.batch_size
        batch = self.source.batch(self._rows[index * size : (index + 1) * size])
        images, keypoints = batch["images"], batch["keypoints"]
        if self.unlabelled is None:
            return images, keypoints
        step = (self.epoch - 1) * len(self) + index
        return {"images": images, **self.unlabelled.batch(step)}, keypoints

    def on_epoch_end(self) -> None:
        """Changes to the next epoch's order."""
        self.epoch += 1


class SetEpoch(keras.callbacks.Callback):
    """Sets the epoch of the training batches when `fit` starts an epoch.

    Keras also calls `on_epoch_end` of a `PyDataset` when no epoch has ended, such as after it has
    read the first batch. Here the epoch follows from the number of trained steps, so that a second
    `fit`, or one that starts from saved weights, continues where the last one ended.

    Args:
        batches: the training batches.
    """

    def __init__(self, batches: KeypointBatches) -> None:
        super().__init__()
        self._batches = batches

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Sets the epoch; `epoch` counts from 0."""
        done = int(self.model.steps_trained.numpy()) // len(self._batches)
        self._batches.epoch = max(epoch, done) + 1
