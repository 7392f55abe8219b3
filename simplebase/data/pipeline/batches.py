"""Makes batches of canvases ahead of time in several threads."""

from collections import deque
from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np

from simplebase.data.dataset import KeypointDataset
from simplebase.data.pipeline.cache import CacheMode, open_cache
from simplebase.data.pipeline.canvases import CanvasReader, Sampling
from simplebase.data.pipeline.memory import usable_memory
from simplebase.geometry import Crop, Size
from simplebase.threads import usable_cores

Batch = dict[str, Any]

# Each thread makes one batch, and this many are ready, so that a slow image delays nothing.
_READY = 2

_AHEAD_SHARE = 1 / 16
"""Largest fraction of the usable memory for batches that are made ahead.

It matters for many threads and large batches: 64 canvases of 700x700 have 90 MiB, so one batch per
thread on 64 cores would need 6 GiB. Training the model needs the rest."""


class BatchSource:
    """Reads, crops and batches a dataset, some batches ahead of the consumer.

    Only the columns of the records and a few batches are in memory, whatever the number of images:
    one batch per thread and two more, if they fit into a sixteenth of the usable memory.
    The order and content of the batches depend on the arguments, not on the timing of the threads.

    Args:
        dataset: the dataset to read.
        crop: how the object is cut out.
        input_size: `(H, W)` of the network, which determines the magnification.
        batch_size: samples per batch.
        canvas_size: `(Hc, Wc)` to deliver. The default is `input_size`.
        cache: whether canvases are kept, see `simplebase.data.pipeline.cache`.
        workers: number of threads. The default is one per usable core.

    Raises:
        ArgumentError, DataError: there is not enough space for the cache.
    """

    def __init__(
        self,
        dataset: KeypointDataset,
        crop: Crop,
        input_size: Size,
        batch_size: int,
        canvas_size: Size | None = None,
        *,
        cache: CacheMode = "none",
        workers: int | None = None,
    ) -> None:
        self.dataset = dataset
        self.batch_size = batch_size
        self.canvas_size = canvas_size or input_size
        self.workers = workers or usable_cores()
        dataset.images.check_canvas(crop, input_size, self.canvas_size)
        self._reader = CanvasReader(dataset, crop, input_size, self.canvas_size)
        self._cache = open_cache(cache, (len(dataset), *self.canvas_size, 3), self._cache_key)

    @property
    def ahead(self) -> int:
        """The largest number of batches in progress or ready, at least one."""
        wanted = self.workers + _READY
        memory = usable_memory()
        if memory is None:
            return wanted
        batch_bytes = self.batch_size * int(np.prod(self.canvas_size)) * 3
        return max(1, min(wanted, int(_AHEAD_SHARE * memory / batch_bytes)))

    def plan_matrices(self, indices: np.ndarray) -> np.ndarray:
        """Returns `(B, 2, 3)` from the pixels of the records at `indices` to their canvases."""
        return self._reader.plan(indices)[1]

    def batches(
        self, order: np.ndarray | None = None, *, drop_remainder: bool = False
    ) -> Generator[Batch, None, None]:
        """Yields `images` uint8 `(B, Hc, Wc, 3)` RGB, `keypoints` float32 `(B, K, 3)`, `matrices`.

        The matrices, float64 `(B, 2, 3)`, map the records' pixels to the canvas, exactly as it was
        sampled.

        Args:
            order: indices of the records. By default all in their order.
            drop_remainder: leave out a last, incomplete batch.

        Raises:
            MissingFileError, DataError: an image is missing or cannot be read. The message names
                it.
        """
        if order is None:
            order = np.arange(len(self.dataset))
        end = len(order) - len(order) % self.batch_size if drop_remainder else len(order)
        chunks = (order[i : i + self.batch_size] for i in range(0, end, self.batch_size))
        pool = ThreadPoolExecutor(self.workers, "batches")
        ahead = deque(
            pool.submit(self.batch, chunk)
            for _, chunk in zip(range(self.ahead), chunks, strict=False)
        )
        try:
            while ahead:
                batch = ahead.popleft().result()
                for chunk in chunks:
                    ahead.append(pool.submit(self.batch, chunk))
                    break
                yield batch
        finally:
            pool.shutdown(cancel_futures=True)

    def batch(self, indices: np.ndarray) -> Batch:
        """Returns a batch of the records at `indices`, read in this thread; see `batches`."""
        sampling, matrices = self._reader.plan(indices)
        images = np.empty((len(indices), *self.canvas_size, 3), np.uint8)
        for row, index in enumerate(indices):
            self._read_into(images[row], index, sampling, row)
        keypoints = self._reader.keypoints(indices, matrices)
        return {"images": images, "keypoints": keypoints, "matrices": matrices}

    def _read_into(self, canvas: np.ndarray, index: int, sampling: Sampling, row: int) -> None:
        if self._cache is None:
            self._reader.read_into(canvas, index, sampling, row)
        else:
            self._cache.read_into(
                canvas, index, lambda kept: self._reader.read_into(kept, index, sampling, row)
            )

    def _cache_key(self) -> bytes:
        matrices = self.plan_matrices(np.arange(len(self.dataset)))
        return matrices.tobytes() + repr(self.canvas_size).encode() + self.dataset.images.identity()
