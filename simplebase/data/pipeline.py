"""From records to batches of canvases: tf.data with OpenCV doing the pixels."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import tensorflow as tf

from simplebase.data.dataset import KeypointDataset
from simplebase.errors import DataError, SimplebaseError, TrainingError
from simplebase.geometry import Crop, Size, transform_points
from simplebase.images import read_image, warp_image

Batch = dict[str, Any]


class BatchSource:
    """Reads, crops and batches a dataset, some images ahead of the one who asks.

    Only the columns of the records and a few batches are in memory, however many images there are.

    Args:
        dataset: what to read.
        crop: how the object is cut out.
        input_size: `(H, W)` of the network, which sets the magnification.
        batch_size: samples a batch.
        canvas_size: `(Hc, Wc)` to deliver; by default `input_size`.
    """

    def __init__(
        self,
        dataset: KeypointDataset,
        crop: Crop,
        input_size: Size,
        batch_size: int,
        canvas_size: Size | None = None,
    ) -> None:
        self.dataset = dataset
        self.batch_size = batch_size
        self.canvas_size = canvas_size or input_size
        records = dataset.records
        self.matrices = crop.canvas_matrix(
            records.centers, records.scales, input_size, self.canvas_size
        )
        moved = transform_points(self.matrices, records.keypoints[..., :2])
        self.keypoints = np.concatenate([moved, records.keypoints[..., 2:]], -1).astype(np.float32)
        self._failure: Exception | None = None

    def batches(
        self, order: np.ndarray | None = None, *, drop_remainder: bool = False
    ) -> Iterator[Batch]:
        """Yields `{"images": uint8 (B, Hc, Wc, 3) RGB, "keypoints": float32 (B, K, 3)}` tensors.

        Args:
            order: indices of the records; by default all in their order.
            drop_remainder: leave out a last batch that is not full.

        Raises:
            MissingFileError, DataError: an image is missing or cannot be read; the message has its
                path.
        """
        if order is None:
            order = np.arange(len(self.dataset))
        stream = tf.data.Dataset.from_tensor_slices(order.astype(np.int64))
        stream = stream.map(self._load, num_parallel_calls=tf.data.AUTOTUNE, deterministic=True)
        stream = stream.batch(self.batch_size, drop_remainder=drop_remainder).prefetch(2)
        try:
            yield from stream
        except tf.errors.OpError as error:
            # tf.data wraps what the reader raised; the reader kept the original.
            if self._failure is not None:
                raise self._failure from None
            raise TrainingError(f"the input pipeline failed: {error.message}") from error

    def _load(self, index: tf.Tensor) -> Batch:
        images, keypoints = tf.numpy_function(self._sample, [index], [tf.uint8, tf.float32])
        return {
            "images": tf.ensure_shape(images, (*self.canvas_size, 3)),
            "keypoints": tf.ensure_shape(keypoints, self.keypoints.shape[1:]),
        }

    def _sample(self, index: int) -> tuple[np.ndarray, np.ndarray]:
        try:
            image = read_image(self.dataset.image_path(index))
            canvas = warp_image(image, self.matrices[index], self.canvas_size)
        except Exception as error:
            path = self.dataset.image_path(index)
            # What a library says of an image says nothing without its path.
            known = isinstance(error, SimplebaseError)
            self._failure = error if known else DataError(f"{path} cannot be used: {error}")
            raise
        return canvas, self.keypoints[index]
