"""Packs a dataset: cuts out every record's canvas and writes it as a JPEG into a shard."""

import hashlib
import os
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np

from simplebase.data.dataset import KeypointDataset
from simplebase.data.packed.manifest import Manifest
from simplebase.data.packed.on_ray import shards_on_ray
from simplebase.data.packed.packing import Packing
from simplebase.data.packed.shards import BATCH, QUALITY, ShardSettings, examples
from simplebase.data.pipeline import BatchSource
from simplebase.errors import ArgumentError
from simplebase.geometry import Crop, Size
from simplebase.progress import Progress
from simplebase.ray_cluster import ClusterOptions

RECORDS_A_SHARD = 256  # about 20 MB at 256x256


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
    cluster: ClusterOptions | None = None,
    progress: Progress | None = None,
) -> Manifest:
    """Packs `dataset` for a network of `input_size`, or resumes a packing that was stopped.

    The files are the same to the byte, no matter which processes make them.

    Args:
        dataset: the dataset to pack. The records of its train split are shuffled once.
        output: the folder or address to write.
        crop: how the object is cut out.
        input_size: `(H, W)` of the network, which determines the magnification.
        canvas_size: `(Hc, Wc)` of the stored canvases, with the margin that augmentation needs.
        seed: seed of the shuffling.
        records_a_shard: number of records per file.
        overwrite: replace an earlier packed dataset.
        cluster: make the shards in parallel with Ray. By default, the threads of this process make
            one after another.
        progress: is called with the number of finished records and the total.

    Raises:
        OutputExistsError: `output` has other content, or is complete and `overwrite` is off.
        InUseError: another process packs to `output`.
        MissingFileError, DataError: an image is missing or unreadable, or the disk is full. The
            finished shards are kept, and the same call continues from there.
        MissingPackageError: Ray is requested and not installed.
    """
    if records_a_shard < 1:
        raise ArgumentError(f"records per shard must be at least 1. Received: {records_a_shard}.")
    output = os.fspath(output)
    order, sizes = _layout(dataset, seed, records_a_shard)
    dataset = dataset.select(order)
    source = BatchSource(dataset, crop, input_size, BATCH, canvas_size)
    packing = Packing(output, _fingerprint(dataset, crop, input_size, canvas_size, sizes))
    with packing.exclusive():
        packing.open(overwrite)
        stops = np.cumsum([size for _, size in sizes])
        shards = [
            np.arange(stop - size, stop) for (_, size), stop in zip(sizes, stops, strict=True)
        ]
        missing = shards[len(packing.shards) :]
        if cluster is None:
            made: Iterator[Iterable[bytes]] = (
                examples(source.batches(rows), rows) for rows in missing
            )
        else:
            settings = ShardSettings(crop, input_size, canvas_size)
            made = shards_on_ray(dataset, settings, missing, cluster)
        matrices = []
        for number, ((split, size), rows) in enumerate(zip(sizes, shards, strict=True)):
            matrices.append(source.plan_matrices(rows))
            if number >= len(packing.shards):
                packing.add(f"{split}-{number:05d}.tfrecord", iter(next(made)), size)
            if progress:
                progress(int(stops[number]), len(dataset))
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
    """Returns the order of the records, and the split and size of each shard."""
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
    """Returns a key by which an unfinished packing of the same data and settings is recognised."""
    digest = hashlib.sha256(repr(settings).encode())
    digest.update(dataset.images.identity())
    for column in (dataset.records.centers, dataset.records.scales, dataset.records.keypoints):
        digest.update(column.tobytes())
    return digest.hexdigest()
