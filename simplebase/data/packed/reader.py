"""Reading packed datasets: shard by shard, with a few of them in memory."""

import hashlib
import os
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import Future
from threading import Lock

import numpy as np
import tensorflow as tf

from simplebase.data.dataset import KeypointDataset
from simplebase.data.packed.manifest import (
    RECORDS,
    Manifest,
    Shard,
    join,
    read_columns,
    read_manifest,
)
from simplebase.data.records import Records
from simplebase.errors import DataError, MissingFileError
from simplebase.geometry import Size

# So many shards are mixed at any time, and a few more are kept for those who lag behind.
_MIXED = 16
_KEPT = _MIXED + 6

_FEATURES = {
    "image": tf.io.FixedLenFeature((), tf.string),
    "index": tf.io.FixedLenFeature((), tf.int64),
}


class PackedImages:
    """The canvases of a packed dataset as the images of its records.

    Args:
        location: the packed folder or address.
        manifest: its content.
        positions: `(N,)` the records' places in the order of all shards.
        matrices: `(N, 2, 3)` from the original image to the canvas.
    """

    def __init__(
        self,
        location: str,
        manifest: Manifest,
        positions: np.ndarray,
        matrices: np.ndarray,
        shards: "_OpenShards | None" = None,
    ) -> None:
        self.location = location
        self.manifest = manifest
        self.matrices = matrices
        self._positions = positions
        counts = [shard.records for shard in manifest.shards]
        self._starts = np.concatenate([[0], np.cumsum(counts)])
        self._shards = shards or _OpenShards(self._load)

    @property
    def input_size(self) -> Size:
        """`(H, W)` that the canvases were cut for."""
        return self.manifest.input_size

    def name(self, index: int) -> str:
        """The shard, and the record's row in it."""
        number, row = self._place(index)
        return f"{join(self.location, self.manifest.shards[number].name)}, record {row}"

    def read(self, index: int) -> bytes:
        """The JPEG of record `index`."""
        number, row = self._place(index)
        return self._shards.get(number)[row]

    def require(self) -> None:
        """Checks that each shard is there, with the size that the manifest says."""
        for number in np.unique(self._shard_numbers()):
            self._require(self.manifest.shards[number])

    def verify(self, progress: Callable[[int, int], None] | None = None) -> list[str]:
        """What is wrong with the shards, a sentence each; reads them all."""
        problems = []
        numbers = np.unique(self._shard_numbers())
        for done, number in enumerate(numbers, start=1):
            shard = self.manifest.shards[number]
            try:
                self._require(shard)
                if checksum(join(self.location, shard.name)) != shard.sha256:
                    problems.append(f"{shard.name} has changed since it was packed.")
            except (DataError, MissingFileError) as error:
                problems.append(str(error))
            if progress:
                progress(done, len(numbers))
        return problems

    def identity(self) -> bytes:
        """The checksums of the shards."""
        text = " ".join(shard.sha256 for shard in self.manifest.shards)
        return f"{self.location} {text}".encode() + self._positions.tobytes()

    def shuffled(self, seed: int, epoch: int) -> np.ndarray:
        """A random order that looks into few shards at any time.

        The shards follow each other at random; a record's place is that of its shard plus a random
        part of the next `_MIXED`, so that each batch mixes about so many.
        """
        rng = np.random.default_rng([seed, epoch])
        rank = rng.permutation(len(self.manifest.shards))[self._shard_numbers()]
        _, rank = np.unique(rank, return_inverse=True)
        return np.argsort(rank + _MIXED * rng.random(len(rank)))

    def select(self, index: np.ndarray) -> "PackedImages":
        """The canvases of the records at `index`; shards in memory are shared."""
        return PackedImages(
            self.location,
            self.manifest,
            self._positions[index],
            self.matrices[index],
            self._shards,
        )

    def _shard_numbers(self) -> np.ndarray:
        return np.searchsorted(self._starts, self._positions, side="right") - 1

    def _place(self, index: int) -> tuple[int, int]:
        position = self._positions[index]
        number = int(np.searchsorted(self._starts, position, side="right")) - 1
        return number, int(position - self._starts[number])

    def _require(self, shard: Shard) -> None:
        path = join(self.location, shard.name)
        if not tf.io.gfile.exists(path):
            raise MissingFileError(f"{path}: the shard does not exist. Pack the dataset again.")
        size = tf.io.gfile.stat(path).length
        if size != shard.bytes:
            raise DataError(
                f"{path} has {size} bytes, but the manifest says {shard.bytes}. Copy it again."
            )

    def _load(self, number: int) -> list[bytes]:
        shard = self.manifest.shards[number]
        path = join(self.location, shard.name)
        self._require(shard)
        try:
            serialized = next(iter(tf.data.TFRecordDataset(path).batch(shard.records)))
            images = tf.io.parse_example(serialized, _FEATURES)["image"].numpy()
        except (tf.errors.OpError, StopIteration) as error:
            raise DataError(
                f"{path} is damaged. Copy it again, or pack the dataset again."
            ) from error
        if len(images) != shard.records:
            raise DataError(
                f"{path} has {len(images)} records, not {shard.records}. Copy it again."
            )
        return list(images)


class _OpenShards:
    """The shards read last; each is read by one thread, whoever else wants it waits."""

    def __init__(self, load: Callable[[int], list[bytes]]) -> None:
        self._load = load
        self._lock = Lock()
        self._shards: OrderedDict[int, Future[list[bytes]]] = OrderedDict()

    def get(self, number: int) -> list[bytes]:
        with self._lock:
            mine = number not in self._shards
            shard = self._shards.setdefault(number, Future())
            self._shards.move_to_end(number)
            if len(self._shards) > _KEPT:
                self._shards.popitem(last=False)
        if mine:
            try:
                shard.set_result(self._load(number))
            except BaseException as error:
                shard.set_exception(error)
                with self._lock:
                    self._shards.pop(number, None)
        return shard.result()


def checksum(path: str) -> str:
    """SHA-256 of a file at any address."""
    digest = hashlib.sha256()
    with tf.io.gfile.GFile(path, "rb") as file:
        while block := file.read(2**20):
            digest.update(block)
    return digest.hexdigest()


def load_packed(location: str | os.PathLike[str]) -> KeypointDataset:
    """Opens a packed dataset; of the images, nothing is read yet.

    Raises:
        MissingFileError: there is no manifest.
        DataError: the manifest or the table of records is damaged.
    """
    records, images = open_packed(location)
    return KeypointDataset(images.location, images.manifest.skeleton, records, images)


def open_packed(location: str | os.PathLike[str]) -> tuple[Records, PackedImages]:
    """The records of a packed dataset and their canvases; raises as `load_packed` does."""
    location = os.fspath(location)
    manifest = read_manifest(location)
    records, matrices = read_columns(join(location, RECORDS))
    count = sum(shard.records for shard in manifest.shards)
    shape = (count, manifest.skeleton.num_keypoints, 3)
    if records.keypoints.shape != shape:
        raise DataError(
            f"{join(location, RECORDS)} has keypoints of shape {records.keypoints.shape}, but the "
            f"manifest says {shape}. Copy both again."
        )
    return records, PackedImages(location, manifest, np.arange(count), matrices)
