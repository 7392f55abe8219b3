"""Makes a shard: each record's canvas as a JPEG with its keypoints, as `tf.train.Example`."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import tensorflow as tf

from simplebase.data.dataset import KeypointDataset
from simplebase.data.pipeline import Batch, BatchSource
from simplebase.geometry import Crop, Size
from simplebase.images import encode_image
from simplebase.threads import thread_pool

QUALITY = 95  # JPEG quality
BATCH = 16  # records that a thread cuts out at a time


@dataclass(frozen=True)
class ShardSettings:
    """How the canvases of a shard are cut out, see `pack_dataset`."""

    crop: Crop
    input_size: Size
    canvas_size: Size


def shard_examples(
    dataset: KeypointDataset, settings: ShardSettings, rows: np.ndarray
) -> list[bytes]:
    """Yields the serialized examples of one shard.

    Args:
        dataset: the records of the shard.
        settings: how canvases are cut out.
        rows: indices of these records in the whole packing.
    """
    source = BatchSource(dataset, settings.crop, settings.input_size, BATCH, settings.canvas_size)
    return list(examples(source.batches(), rows))


def examples(batches: Iterator[Batch], rows: np.ndarray) -> Iterator[bytes]:
    """Yields the serialized examples of one shard, whose records are at `rows`."""
    indices = iter(rows)
    with thread_pool() as pool:
        for batch in batches:
            images = pool.map(_encode, batch["images"])
            columns = zip(images, batch["keypoints"], batch["matrices"], strict=True)
            for image, keypoints, matrix in columns:
                yield _example(image, keypoints, matrix, int(next(indices)))


def _encode(image: np.ndarray) -> bytes:
    return encode_image(image, ".jpg", jpeg_quality=QUALITY)


def _example(image: bytes, keypoints: np.ndarray, matrix: np.ndarray, index: int) -> bytes:
    features = {
        "image": tf.train.Feature(bytes_list=tf.train.BytesList(value=[image])),
        "keypoints": tf.train.Feature(float_list=tf.train.FloatList(value=keypoints.ravel())),
        "matrix": tf.train.Feature(float_list=tf.train.FloatList(value=matrix.ravel())),
        "index": tf.train.Feature(int64_list=tf.train.Int64List(value=[index])),
    }
    example = tf.train.Example(features=tf.train.Features(feature=features))
    # Otherwise the order of a map's fields, and thus the checksum, would differ between processes.
    return bytes(example.SerializeToString(deterministic=True))
