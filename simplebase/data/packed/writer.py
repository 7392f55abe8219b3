"""Packing a dataset: every record's canvas, cut once, as a JPEG in a shard."""

import hashlib
import os
from collections.abc import Iterator
from typing import Any

import numpy as np
import tensorflow as tf

from simplebase.data.dataset import KeypointDataset
from simplebase.data.packed.manifest import Manifest
from simplebase.data.packed.packing import Packing
from simplebase.data.pipeline import Batch, BatchSource
from simplebase.errors import ArgumentError
from simplebase.geometry import Crop, Size
from simplebase.images import encode_image
from simplebase.progress import Progress
from simplebase.threads import thread_pool

QUALITY = 95  # of the JPEGs
RECORDS_A_SHARD = 256  # some 20 MB at 256x256
_BATCH = 16  # records that one thread cuts out


def pack_dataset(
    dataset: KeypointDataset,
    output: str | os.PathLike[str],
    *,
    crop: Crop,
    input_size: Size,
    canvas_size: Size,
    seed: int = 0,
    records_a_shard: int = RECORDS_A_SHARD,
    overwrite: bool = False,
    progress: Progress | None = None,
) -> Manifest:
    """Packs `dataset` for a network of `input_size`; a packing that was stopped goes on.

    Args:
        dataset: what to pack; the records of its train split are shuffled once.
        output: the folder or address to write.
        crop: how the object is cut out.
        input_size: `(H, W)` of the network, which sets the magnification.
        canvas_size: `(Hc, Wc)` to keep, larger by what the augmentation looks at.
        seed: of the shuffling.
        records_a_shard: records a file.
        overwrite: replace what was packed there before.
        progress: called with records done and in all.

    Raises:
        OutputExistsError: `output` holds something else, or is complete and `overwrite` is off.
        InUseError: another process packs to `output`.
        MissingFileError, DataError: an image is missing or unreadable, or the disk is full; what
            was packed so far stays, and the same call goes on from there.
    """
    if records_a_shard < 1:
        raise ArgumentError(f"records a shard are at least 1. Received: {records_a_shard}.")
    output = os.fspath(output)
    order, sizes = _layout(dataset, seed, records_a_shard)
    dataset = dataset.select(order)
    source = BatchSource(dataset, crop, input_size, _BATCH, canvas_size)
    packing = Packing(output, _fingerprint(dataset, crop, input_size, canvas_size, sizes))
    with packing.exclusive():
        packing.open(overwrite)
        start, matrices = 0, []
        for number, (split, size) in enumerate(sizes):
            rows = np.arange(start, start + size)
            matrices.append(source.plan_matrices(rows))
            if number >= len(packing.shards):
                name = f"{split}-{number:05d}.tfrecord"
                packing.add(name, _examples(source.batches(rows), rows), size)
            start += size
            if progress:
                progress(start, len(dataset))
        manifest = Manifest(
            dataset.skeleton,
            crop,
            input_size,
            canvas_size,
            QUALITY,
            tuple(packing.shards),
            dataset.images.depth_range,
        )
        packing.finish(manifest, dataset.records, np.concatenate(matrices))
    return manifest


def _layout(
    dataset: KeypointDataset, seed: int, records_a_shard: int
) -> tuple[np.ndarray, list[tuple[str, int]]]:
    """The order of the records, and each shard's split and number of records."""
    validation = dataset.records.validation
    train = np.random.default_rng(seed).permutation(np.flatnonzero(~validation))
    held_out = np.flatnonzero(validation)
    sizes = [
        (split, min(records_a_shard, len(rows) - start))
        for split, rows in (("train", train), ("val", held_out))
        for start in range(0, len(rows), records_a_shard)
    ]
    return np.concatenate([train, held_out]), sizes


def _fingerprint(dataset: KeypointDataset, *settings: Any) -> str:
    """Tells whether a packing that was stopped is of the same data and settings."""
    digest = hashlib.sha256(repr(settings).encode())
    digest.update(dataset.images.identity())
    for column in (dataset.records.centers, dataset.records.scales, dataset.records.keypoints):
        digest.update(column.tobytes())
    return digest.hexdigest()


def _examples(batches: Iterator[Batch], rows: np.ndarray) -> Iterator[bytes]:
    """The serialized examples of one shard, whose records are at `rows`."""
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
    # The order of a map's fields differs from process to process otherwise, and so the checksum.
    return bytes(example.SerializeToString(deterministic=True))
