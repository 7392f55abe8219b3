"""Batches of canvases, made ahead by several threads."""

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

# One batch a thread in the making, and so many ready: a slow image delays nobody.
_READY = 2

_AHEAD_SHARE = 1 / 16
"""Of the usable memory that batches made ahead may take.

It is there for many threads and large batches: 64 canvases of 700x700 are 90 MiB, so one a thread
on 64 cores would be 6 GiB. A model's training needs the rest."""


class BatchSource:
    """Reads, crops and batches a dataset, some batches ahead of the one who asks.

    Only the columns of the records and a few batches are in memory, however many images there are:
    one a thread and two more, as far as they fit into a sixteenth of the usable memory.
    The order and content of the batches follow from the arguments, not from the threads' timing.

    Args:
        dataset: what to read.
        crop: how the object is cut out.
        input_size: `(H, W)` of the network, which sets the magnification.
        batch_size: samples a batch.
        canvas_size: `(Hc, Wc)` to deliver; by default `input_size`.
        cache: whether canvases are kept, see `simplebase.data.pipeline.cache`.
        workers: threads; by default one per usable core.

    Raises:
        ArgumentError, DataError: the cache has no room.
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
        """Batches that are in the making or ready at most; at least one."""
        wanted = self.workers + _READY
        memory = usable_memory()
        if memory is None:
            return wanted
        batch_bytes = self.batch_size * int(np.prod(self.canvas_size)) * 3
        return max(1, min(wanted, int(_AHEAD_SHARE * memory / batch_bytes)))

    def plan_matrices(self, indices: np.ndarray) -> np.ndarray:
        """`(B, 2, 3)` from the pixels of the records at `indices` to their canvases."""
        return self._reader.plan(indices)[1]

    def batches(
        self, order: np.ndarray | None = None, *, drop_remainder: bool = False
    ) -> Generator[Batch, None, None]:
        """Yields `images` uint8 `(B, Hc, Wc, 3)` RGB, `keypoints` float32 `(B, K, 3)`, `matrices`.

        The matrices, float64 `(B, 2, 3)`, lead from the records' pixels to the canvas, exactly as
        it was sampled.

        Args:
            order: indices of the records; by default all in their order.
            drop_remainder: leave out a last batch that is not full.

        Raises:
            MissingFileError, DataError: an image is missing or cannot be read; the message has its
                path.
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
        """One batch of the records at `indices`, read in this thread; see `batches`."""
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
